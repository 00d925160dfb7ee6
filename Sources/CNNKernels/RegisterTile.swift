import CCPUFeatures

/// The sums of one output pixel over the channel blocks of an output tile: one register each.
protocol BlockSums {
    associatedtype Weights
    static var blocks: Int { get }
    init()
    /// The weights from one input channel to the tile's output channels: `blocks` vectors side by side.
    static func weights(_ pointer: UnsafePointer<Float>) -> Weights
    mutating func add(_ x: Float, _ weights: Weights)
    /// Stores the blocks side by side, added to what is there or in its place.
    func write(to output: UnsafeMutablePointer<Float>, adding: Bool)
    /// Hands the sums on as those of this pixel.
    func finish(_ finisher: some SumFinisher, pixel: Int)
}

/// Takes sums right from the registers.
protocol SumFinisher {
    func finish(_ sum: Vector, pixel: Int, block: Int)
}

struct OneBlock: BlockSums {
    var sum0 = Vector.zero

    @inline(__always) static var blocks: Int { 1 }
    @inline(__always) init() {}

    @inline(__always)
    static func weights(_ pointer: UnsafePointer<Float>) -> Vector {
        load(pointer)
    }

    @inline(__always)
    mutating func add(_ x: Float, _ weights: Vector) {
        sum0 = multiplyAdd(sum0, Vector(repeating: x), weights)
    }

    @inline(__always)
    func write(to output: UnsafeMutablePointer<Float>, adding: Bool) {
        store(adding ? load(output) + sum0 : sum0, output)
    }

    @inline(__always)
    func finish(_ finisher: some SumFinisher, pixel: Int) {
        finisher.finish(sum0, pixel: pixel, block: 0)
    }
}

struct TwoBlocks: BlockSums {
    var sum0 = Vector.zero
    var sum1 = Vector.zero

    @inline(__always) static var blocks: Int { 2 }
    @inline(__always) init() {}

    @inline(__always)
    static func weights(_ pointer: UnsafePointer<Float>) -> (Vector, Vector) {
        (load(pointer), load(pointer + Vector.scalarCount))
    }

    @inline(__always)
    mutating func add(_ x: Float, _ weights: (Vector, Vector)) {
        let x = Vector(repeating: x)
        sum0 = multiplyAdd(sum0, x, weights.0)
        sum1 = multiplyAdd(sum1, x, weights.1)
    }

    @inline(__always)
    func write(to output: UnsafeMutablePointer<Float>, adding: Bool) {
        let next = output + Vector.scalarCount
        store(adding ? load(output) + sum0 : sum0, output)
        store(adding ? load(next) + sum1 : sum1, next)
    }

    @inline(__always)
    func finish(_ finisher: some SumFinisher, pixel: Int) {
        finisher.finish(sum0, pixel: pixel, block: 0)
        finisher.finish(sum1, pixel: pixel, block: 1)
    }
}

/// The sums of a few output pixels: the register tile of a convolution or matrix product.
///
/// Each pixel has its own input pointer, so a tile may span rows, and a stride costs nothing; or each run of pixels has, where
/// there are not registers enough for so many. Tiles are built from single pixels by `Joined`, because a stored array of vectors
/// would live in memory, not in registers. Once the sums are done, a tile in memory is an array `[pixel][block]` of vectors.
protocol PixelSums {
    associatedtype Sums: BlockSums
    associatedtype Pointers: PixelPointers
    static var pixels: Int { get }
    init()
    /// Adds input element `offset` of each pixel times the weights.
    mutating func add(_ pointers: Pointers, _ offset: Int, _ weights: Sums.Weights)
    /// Adds the factors of adjacent pixels times the weights: the first at `pointer`, each next one `step` floats further.
    mutating func add(from pointer: UnsafePointer<Float>, step: Int, _ weights: Sums.Weights)
    /// Stores the first `count` pixels, `step` floats apart, added to what is there or in its place.
    func write(to output: UnsafeMutablePointer<Float>, step: Int, count: Int, adding: Bool)
    /// Hands the sums of all pixels on, the first as those of this pixel.
    func finish(_ finisher: some SumFinisher, pixel: Int)
}

protocol PixelPointers {
    /// Pixels that share a pointer.
    static var pixelsPerPointer: Int { get }
    /// Asks for each pointer, in order.
    init(_ next: () -> UnsafePointer<Float>)
}

/// A pointer for each pixel.
protocol MaskedPointers: PixelPointers {
    /// All pointers moved by `offset`, but those whose bit in `mask` is clear replaced by `zeros`.
    func moved(_ offset: Int, mask: Int, zeros: UnsafePointer<Float>) -> Self
    /// Asks for what lies at `offset` from each.
    func prefetch(_ offset: Int)
}

struct OnePointer: MaskedPointers {
    let pointer: UnsafePointer<Float>

    @inline(__always) static var pixelsPerPointer: Int { 1 }

    @inline(__always)
    init(_ next: () -> UnsafePointer<Float>) {
        pointer = next()
    }

    @inline(__always)
    private init(pointer: UnsafePointer<Float>) {
        self.pointer = pointer
    }

    @inline(__always)
    func moved(_ offset: Int, mask: Int, zeros: UnsafePointer<Float>) -> Self {
        Self(pointer: mask & 1 != 0 ? pointer + offset : zeros)
    }

    @inline(__always)
    func prefetch(_ offset: Int) { cpu_prefetch(pointer + offset) }
}

struct OnePixel<Sums: BlockSums>: PixelSums {
    var sums = Sums()

    @inline(__always) static var pixels: Int { 1 }
    @inline(__always) init() {}

    @inline(__always)
    mutating func add(_ pointers: OnePointer, _ offset: Int, _ weights: Sums.Weights) {
        sums.add(pointers.pointer[offset], weights)
    }

    @inline(__always)
    mutating func add(from pointer: UnsafePointer<Float>, step: Int, _ weights: Sums.Weights) {
        sums.add(pointer.pointee, weights)
    }

    @inline(__always)
    func write(to output: UnsafeMutablePointer<Float>, step: Int, count: Int, adding: Bool) {
        if count > 0 { sums.write(to: output, adding: adding) }
    }

    @inline(__always)
    func finish(_ finisher: some SumFinisher, pixel: Int) {
        sums.finish(finisher, pixel: pixel)
    }
}

struct Joined<First: PixelSums, Second: PixelSums>: PixelSums where First.Sums == Second.Sums {
    typealias Sums = First.Sums

    var first = First()
    var second = Second()

    struct Pointers: PixelPointers {
        let first: First.Pointers
        let second: Second.Pointers

        @inline(__always) static var pixelsPerPointer: Int { First.Pointers.pixelsPerPointer }

        @inline(__always)
        init(_ next: () -> UnsafePointer<Float>) {
            first = First.Pointers(next)
            second = Second.Pointers(next)
        }

        @inline(__always)
        fileprivate init(first: First.Pointers, second: Second.Pointers) {
            self.first = first
            self.second = second
        }
    }

    @inline(__always) static var pixels: Int { First.pixels + Second.pixels }
    @inline(__always) init() {}

    @inline(__always)
    mutating func add(_ pointers: Pointers, _ offset: Int, _ weights: First.Sums.Weights) {
        first.add(pointers.first, offset, weights)
        second.add(pointers.second, offset, weights)
    }

    @inline(__always)
    mutating func add(from pointer: UnsafePointer<Float>, step: Int, _ weights: First.Sums.Weights) {
        first.add(from: pointer, step: step, weights)
        second.add(from: pointer + First.pixels * step, step: step, weights)
    }

    @inline(__always)
    func write(to output: UnsafeMutablePointer<Float>, step: Int, count: Int, adding: Bool) {
        first.write(to: output, step: step, count: count, adding: adding)
        second.write(to: output + First.pixels * step, step: step, count: count - First.pixels, adding: adding)
    }

    @inline(__always)
    func finish(_ finisher: some SumFinisher, pixel: Int) {
        first.finish(finisher, pixel: pixel)
        second.finish(finisher, pixel: pixel + First.pixels)
    }
}

extension Joined.Pointers: MaskedPointers where First.Pointers: MaskedPointers, Second.Pointers: MaskedPointers {
    @inline(__always)
    func moved(_ offset: Int, mask: Int, zeros: UnsafePointer<Float>) -> Self {
        Self(
            first: first.moved(offset, mask: mask, zeros: zeros),
            second: second.moved(offset, mask: mask >> First.pixels, zeros: zeros))
    }

    @inline(__always)
    func prefetch(_ offset: Int) {
        first.prefetch(offset)
        second.prefetch(offset)
    }
}

/// How far the pixels of a run lie apart in the input.
protocol PixelStep {
    /// Pixels of one channel: floats.
    static var pixels: Int { get }
}

enum OneStep: PixelStep {
    @inline(__always) static var pixels: Int { 1 }
}

enum TwoStep: PixelStep {
    @inline(__always) static var pixels: Int { 2 }
}

enum FourStep: PixelStep {
    @inline(__always) static var pixels: Int { 4 }
}

/// Side by side in the blocked layout.
enum BlockStep: PixelStep {
    @inline(__always) static var pixels: Int { Vector.scalarCount }
}

/// Pixels side by side in one row of the output: one pointer, to the input of the first, does for all of them.
struct PixelRun<Pixels: PixelSums, Step: PixelStep>: PixelSums {
    typealias Sums = Pixels.Sums

    var pixels = Pixels()

    struct Pointers: PixelPointers {
        let first: UnsafePointer<Float>

        @inline(__always) static var pixelsPerPointer: Int { Pixels.pixels }

        @inline(__always)
        init(_ next: () -> UnsafePointer<Float>) {
            first = next()
        }
    }

    @inline(__always) static var pixels: Int { Pixels.pixels }
    @inline(__always) init() {}

    @inline(__always)
    mutating func add(_ pointers: Pointers, _ offset: Int, _ weights: Sums.Weights) {
        pixels.add(from: pointers.first + offset, step: Step.pixels, weights)
    }

    @inline(__always)
    mutating func add(from pointer: UnsafePointer<Float>, step: Int, _ weights: Sums.Weights) {
        pixels.add(from: pointer, step: step, weights)
    }

    @inline(__always)
    func write(to output: UnsafeMutablePointer<Float>, step: Int, count: Int, adding: Bool) {
        pixels.write(to: output, step: step, count: count, adding: adding)
    }

    @inline(__always)
    func finish(_ finisher: some SumFinisher, pixel: Int) {
        pixels.finish(finisher, pixel: pixel)
    }
}

typealias TwoPixels<Sums: BlockSums> = Joined<OnePixel<Sums>, OnePixel<Sums>>
typealias ThreePixels<Sums: BlockSums> = Joined<TwoPixels<Sums>, OnePixel<Sums>>
typealias FourPixels<Sums: BlockSums> = Joined<TwoPixels<Sums>, TwoPixels<Sums>>
typealias FivePixels<Sums: BlockSums> = Joined<FourPixels<Sums>, OnePixel<Sums>>
typealias SixPixels<Sums: BlockSums> = Joined<FourPixels<Sums>, TwoPixels<Sums>>
#if KERNELS_AVX512
    typealias SevenPixels<Sums: BlockSums> = Joined<FourPixels<Sums>, ThreePixels<Sums>>
    typealias EightPixels<Sums: BlockSums> = Joined<FourPixels<Sums>, FourPixels<Sums>>
    typealias NinePixels<Sums: BlockSums> = Joined<SixPixels<Sums>, ThreePixels<Sums>>
    typealias ElevenPixels<Sums: BlockSums> = Joined<SixPixels<Sums>, FivePixels<Sums>>
    /// Twelve pixels by two blocks are 24 of 32 registers.
    typealias MainTile<Sums: BlockSums> = Joined<SixPixels<Sums>, SixPixels<Sums>>
#else
    /// Six pixels by two blocks are 12 of 16 registers (24 of 32 on arm64).
    typealias MainTile<Sums: BlockSums> = SixPixels<Sums>
#endif

typealias TenPixels<Sums: BlockSums> = Joined<SixPixels<Sums>, FourPixels<Sums>>
/// Twelve pixels by one block from one pointer: half as many sums as have registers could not hide the latency of multiply-add.
typealias TwelvePixels<Sums: BlockSums> = Joined<SixPixels<Sums>, SixPixels<Sums>>

/// Loops over channels, unrolled: beside the multiplications and loads nothing is left in them but one step of the pointers a block. Where
/// a neighbour on the same core takes half of the instruction slots, each instruction more is time lost. Written line by line, since
/// the compiler unrolls a loop by hoisting more loads than there are registers.
extension PixelSums {
    /// Adds a block of channels: of each pixel one vector's elements from `offset` on, times the weights that follow one another.
    @inline(__always)
    mutating func addBlock(_ pointers: Pointers, _ offset: Int, _ weights: UnsafePointer<Float>) {
        addFour(pointers, offset, weights)
        if Vector.scalarCount > 4 {
            addFour(pointers, offset + 4, weights + 4 * Self.weightStep)
        }
        if Vector.scalarCount > 8 {
            addFour(pointers, offset + 8, weights + 8 * Self.weightStep)
            addFour(pointers, offset + 12, weights + 12 * Self.weightStep)
        }
    }

    /// The same of a block that may have fewer channels than a vector has lanes.
    @inline(__always)
    mutating func addBlock(_ pointers: Pointers, channels: Int, _ weights: UnsafePointer<Float>) {
        if channels == Vector.scalarCount { return addBlock(pointers, 0, weights) }
        for channel in 0..<channels {
            add(pointers, channel, Sums.weights(weights + channel * Self.weightStep))
        }
    }

    /// The same for pixels side by side in the blocked layout.
    @inline(__always)
    mutating func addBlock(from pointer: UnsafePointer<Float>, _ weights: UnsafePointer<Float>) {
        let c = Vector.scalarCount
        addFour(from: pointer, next: 1, step: c, weights)
        if c > 4 {
            addFour(from: pointer + 4, next: 1, step: c, weights + 4 * Self.weightStep)
        }
        if c > 8 {
            addFour(from: pointer + 8, next: 1, step: c, weights + 8 * Self.weightStep)
            addFour(from: pointer + 12, next: 1, step: c, weights + 12 * Self.weightStep)
        }
    }

    /// Floats of weights from one input channel.
    @inline(__always)
    static var weightStep: Int { Sums.blocks * Vector.scalarCount }

    @inline(__always)
    private mutating func addFour(_ pointers: Pointers, _ offset: Int, _ weights: UnsafePointer<Float>) {
        let step = Self.weightStep
        add(pointers, offset, Sums.weights(weights))
        add(pointers, offset + 1, Sums.weights(weights + step))
        add(pointers, offset + 2, Sums.weights(weights + 2 * step))
        add(pointers, offset + 3, Sums.weights(weights + 3 * step))
    }

    /// Adds four factors of adjacent pixels: a pixel's are `next` floats apart, those of the next pixel begin `step` floats further.
    @inline(__always)
    mutating func addFour(from pointer: UnsafePointer<Float>, next: Int, step: Int, _ weights: UnsafePointer<Float>) {
        let weightStep = Self.weightStep
        add(from: pointer, step: step, Sums.weights(weights))
        add(from: pointer + next, step: step, Sums.weights(weights + weightStep))
        add(from: pointer + 2 * next, step: step, Sums.weights(weights + 2 * weightStep))
        add(from: pointer + 3 * next, step: step, Sums.weights(weights + 3 * weightStep))
    }
}

/// Adds the products of some taps to a zero tile: each lies at its offset from a pixel's pointer, the weights follow one another.
@inline(never)
func accumulateTaps<Tile: PixelSums>(
    _ result: UnsafeMutablePointer<Tile>, _ pointers: Tile.Pointers, offsets: UnsafeBufferPointer<Int>,
    _ weights: UnsafePointer<Float>
) {
    var sums = Tile()
    var weights = weights
    for offset in offsets {
        sums.add(pointers, offset, Tile.Sums.weights(weights))
        weights += Tile.weightStep
    }
    result.pointee = sums
}
