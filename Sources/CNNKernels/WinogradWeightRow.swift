/// What G multiplies: a weight, or all the weights of a row of the kernel at once, each a vector of output channels.
protocol WeightValue {
    static func + (left: Self, right: Self) -> Self
    static func - (left: Self, right: Self) -> Self
    func scaled(by factor: Float) -> Self
    mutating func add(_ value: Self, times factor: Float)
}

/// The weights along one axis, in order; any may be asked for several times.
protocol WeightSource {
    associatedtype Value: WeightValue
    subscript(_ index: Int) -> Value { get }
}

/// Takes the transformed weights along one axis, in order.
protocol WeightTarget<Value> {
    associatedtype Value: WeightValue
    mutating func append(_ value: Value)
}

/// The weights of a row of the kernel. Transformed along both axes in registers, they meet memory only as they come and as they go.
protocol WeightRow: WeightValue, WeightSource where Value == OneWeight {
    static var count: Int { get }
    /// Vectors that lie `step` floats apart.
    init(_ source: UnsafePointer<Float>, step: Int)
}

struct OneWeight: WeightRow {
    var vector: Vector

    @inline(__always) static var count: Int { 1 }

    @inline(__always)
    init(_ vector: Vector) {
        self.vector = vector
    }

    @inline(__always)
    init(_ source: UnsafePointer<Float>, step: Int) {
        vector = load(source)
    }

    @inline(__always) subscript(_ column: Int) -> OneWeight { self }

    @inline(__always)
    static func + (left: Self, right: Self) -> Self { Self(left.vector + right.vector) }

    @inline(__always)
    static func - (left: Self, right: Self) -> Self { Self(left.vector - right.vector) }

    @inline(__always)
    func scaled(by factor: Float) -> Self { Self(factor * vector) }

    @inline(__always)
    mutating func add(_ value: Self, times factor: Float) {
        vector = multiplyAdd(vector, factor, value.vector)
    }
}

struct JoinedWeights<First: WeightRow, Second: WeightRow>: WeightRow {
    var first: First
    var second: Second

    @inline(__always) static var count: Int { First.count + Second.count }

    @inline(__always)
    private init(_ first: First, _ second: Second) {
        self.first = first
        self.second = second
    }

    @inline(__always)
    init(_ source: UnsafePointer<Float>, step: Int) {
        first = First(source, step: step)
        second = Second(source + First.count * step, step: step)
    }

    @inline(__always)
    subscript(_ column: Int) -> OneWeight {
        column < First.count ? first[column] : second[column - First.count]
    }

    @inline(__always)
    static func + (left: Self, right: Self) -> Self { Self(left.first + right.first, left.second + right.second) }

    @inline(__always)
    static func - (left: Self, right: Self) -> Self { Self(left.first - right.first, left.second - right.second) }

    @inline(__always)
    func scaled(by factor: Float) -> Self { Self(first.scaled(by: factor), second.scaled(by: factor)) }

    @inline(__always)
    mutating func add(_ value: Self, times factor: Float) {
        first.add(value.first, times: factor)
        second.add(value.second, times: factor)
    }
}

/// The rows of a kernel in memory, whose taps lie `step` floats apart.
struct WeightRows<Row: WeightRow>: WeightSource {
    let taps: UnsafePointer<Float>
    let step: Int

    @inline(__always)
    subscript(_ row: Int) -> Row { Row(taps + row * (Row.count * step), step: step) }
}

struct EverySecond<Source: WeightSource>: WeightSource {
    private let source: Source
    private let first: Int

    @inline(__always)
    init(_ source: Source, from first: Int) {
        self.source = source
        self.first = first
    }

    @inline(__always)
    subscript(_ index: Int) -> Source.Value { source[2 * index + first] }
}

/// Stores vectors at a distance from each other.
struct WeightPlanes: WeightTarget {
    var next: UnsafeMutablePointer<Float>
    let step: Int

    @inline(__always)
    mutating func append(_ value: OneWeight) {
        store(value.vector, next)
        next += step
    }
}

/// Transforms each row along the other axis as it comes.
struct TransformedRows<Transform: WinogradTransform>: WeightTarget {
    var planes: WeightPlanes

    @inline(__always)
    mutating func append(_ row: Transform.Weights) {
        Transform.transformWeights(row, to: &planes)
    }
}

typealias TwoWeights = JoinedWeights<OneWeight, OneWeight>
typealias ThreeWeights = JoinedWeights<TwoWeights, OneWeight>
typealias FourWeights = JoinedWeights<TwoWeights, TwoWeights>
typealias FiveWeights = JoinedWeights<ThreeWeights, TwoWeights>
