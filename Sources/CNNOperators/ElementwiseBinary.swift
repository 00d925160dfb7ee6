import CNNModels
import CNNTensors

/// One arithmetic operation on the elements of two tensors that are broadcast to one shape: `C = f(A, B)`, all of one type.
/// ONNX operators Add, Sub, Mul and Div: versions 1 and 6 broadcast by the attributes `axis` and `broadcast`
/// (`BroadcastRule`), 7 as NumPy does; 6 drops `consumed_inputs`; 6, 13 and 14 add element types.
/// ONNX operator Mod: version 13 adds bfloat16, 28 allows `fmod` = 0 for floats.
package struct ElementwiseBinary: Operator {
    package let function: BinaryFunction
    package let broadcastRule: BroadcastRule
    /// Whether float elements have this function in this version.
    private let allowsFloats: Bool

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard inputs.count == 2, let a = inputs[0], let b = inputs[1] else { return [ValueFact(shape: .unknown)] }
        try checkType(a.dataType ?? b.dataType)
        var fact = ValueFact(shape: try broadcastRule.shape(a.shape, b.shape))
        fact.follow { () throws(DimensionError) in
            try SizeArithmetic.combine(a.knownElements, b.knownElements, as: a.dataType) {
                left, right throws(DimensionError) in try function(sizes: left, right)
            }
        }
        return [fact]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard inputs.count == 2, let a = inputs[0], let b = inputs[1] else { throw OperatorError("A and B are required") }
        let dataType = a.dataType
        try checkType(dataType)
        let (broadcasting, second) = try broadcastRule.broadcasting(a.shape, b.shape, resultType: .float64)
        let positions = zip(broadcasting.positions(of: a.shape), broadcasting.positions(of: second))
        if dataType.isFloatingPoint {
            let (x, y) = (try a.doubles(), try b.doubles())
            let values = positions.map { function(x[$0], y[$1]) }
            return [try Tensor(rounding: values, to: dataType, shape: broadcasting.shape)]
        }
        let (x, y) = (try a.words(), try b.words())
        let words = try positions.map { try function(words: x[$0], y[$1], isUnsigned: dataType == .uint64) }
        return [try Tensor(truncating: words, to: dataType, shape: broadcasting.shape)]
    }

    package var dependence: ElementDependence { .one }

    /// One rounding; the remainder is exact but for the addition of the divisor.
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        guard let a = inputs[0], a.dataType.isFloatingPoint else { return [.exact] }
        switch function {
        case .truncatedRemainder: return [.exact]
        // Nothing is known of remainders by ⌊x/y⌋·y, whose quotient may round to the next whole number.
        case .floorRemainder: return nil
        case .add, .subtract: return [.elements(try outputs[0].doubles().map { unit.roundoff * $0.magnitude })]
        // A quotient may be computed as the product with the rounded inverse.
        case .multiply: return [.elements(try outputs[0].doubles().map { unit.roundoff * $0.magnitude + unit.smallest })]
        case .divide: return [.elements(try outputs[0].doubles().map { unit.gamma(3) * $0.magnitude + unit.smallest })]
        }
    }

    package var formula: String? {
        switch function {
        case .add: "C = A + B"
        case .subtract: "C = A − B"
        case .multiply: "C = A · B"
        case .divide: "C = A / B"
        case .floorRemainder: "C = A − B·⌊A/B⌋"
        case .truncatedRemainder: nil
        }
    }

    private func checkType(_ dataType: DataType?) throws {
        if let dataType, dataType.isFloatingPoint, !allowsFloats {
            throw OperatorError("must be 1 for \(dataType) before operator set 28", subject: "fmod")
        }
    }
}

// MARK: - Functions

/// An arithmetic function of two numbers.
package enum BinaryFunction: Sendable, Hashable {
    case add
    case subtract
    case multiply
    /// Integers are divided with the fraction cut off.
    case divide
    /// What is left of the dividend after the quotient, rounded down, times the divisor: it has the divisor's sign.
    case floorRemainder
    /// What is left of the dividend after the quotient, cut to a whole number, times the divisor: it has the dividend's sign.
    case truncatedRemainder

    package func callAsFunction(_ x: Double, _ y: Double) -> Double {
        switch self {
        case .add: x + y
        case .subtract: x - y
        case .multiply: x * y
        case .divide: x / y
        case .floorRemainder: Self.floorRemainder(x, y)
        case .truncatedRemainder: x.truncatingRemainder(dividingBy: y)
        }
    }

    private static func floorRemainder(_ x: Double, _ y: Double) -> Double {
        let remainder = x.truncatingRemainder(dividingBy: y)
        // A zero takes the divisor's sign, as in NumPy.
        if remainder == 0 { return Double(signOf: y, magnitudeOf: 0) }
        return (remainder < 0) == (y < 0) ? remainder : remainder + y
    }

    /// The function of two integers of one type as words, to be cut to the type; overflow wraps round.
    /// - Throws: `OperatorError` for division by 0.
    package func callAsFunction(words x: Int64, _ y: Int64, isUnsigned: Bool) throws -> Int64 {
        switch self {
        case .add: return x &+ y
        case .subtract: return x &- y
        case .multiply: return x &* y
        case .divide, .floorRemainder, .truncatedRemainder: break
        }
        guard y != 0 else { throw OperatorError("integer division of \(x) by 0") }
        if isUnsigned {
            let (x, y) = (UInt64(bitPattern: x), UInt64(bitPattern: y))
            return Int64(bitPattern: self == .divide ? x / y : x % y)
        }
        // The lowest number divided by −1 overflows: the quotient wraps round to itself, the remainder is 0.
        if self == .divide { return x.dividedReportingOverflow(by: y).partialValue }
        let remainder = x.remainderReportingOverflow(dividingBy: y).partialValue
        let hasWrongSign = self == .floorRemainder && remainder != 0 && (remainder < 0) != (y < 0)
        return hasWrongSign ? remainder + y : remainder
    }

    /// The function of two whole numbers that may have names in them; nil where it cannot be followed.
    package func callAsFunction(sizes x: Dimension, _ y: Dimension) throws(DimensionError) -> Dimension? {
        switch self {
        case .add: return try x + y
        case .subtract: return try x - y
        case .multiply: return try x * y
        case .divide: return try SizeArithmetic.truncatedQuotient(x, y)
        case .floorRemainder:
            if y == 0 { return nil }
            return try x - x.floorDivided(by: y) * y
        case .truncatedRemainder:
            guard let quotient = try SizeArithmetic.truncatedQuotient(x, y) else { return nil }
            return try x - quotient * y
        }
    }
}

// MARK: - Definitions

extension ElementwiseBinary {
    package static let definitions: [OperatorDefinition] = [
        arithmetic("Add", .add),
        arithmetic("Div", .divide),
        OperatorDefinition("Mod", versions: [10, 13, 28]) { version in
            Signature(
                inputs: ["A": "T", "B": "T"], outputs: ["C": "T"], types: ["T": version < 13 ? .ieeeNumbers : .numbers])
        } make: { attributes in
            let isTruncated = try attributes.flag("fmod")
            return ElementwiseBinary(
                function: isTruncated ? .truncatedRemainder : .floorRemainder, broadcastRule: .numpy,
                allowsFloats: isTruncated || attributes.version >= 28)
        },
        arithmetic("Mul", .multiply),
        arithmetic("Sub", .subtract),
    ]

    private static func arithmetic(_ type: String, _ function: BinaryFunction) -> OperatorDefinition {
        let versions = [1, 6, 7, 13, 14]
        return OperatorDefinition(type, versions: versions) { version in
            let wideIntegers = TypeSet(.int32, .int64, .uint32, .uint64)
            let types: TypeSet =
                switch version {
                case 1: .ieeeFloats
                case 6, 7: [.ieeeFloats, wideIntegers]
                case 13: [.floats, wideIntegers]
                default: .numbers
                }
            return Signature(inputs: ["A": "T", "B": "T"], outputs: ["C": "T"], types: ["T": types])
        } make: { attributes in
            attributes.ignoreConsumedInputs(versions: versions)
            return ElementwiseBinary(
                function: function, broadcastRule: try BroadcastRule(attributes), allowsFloats: true)
        }
    }
}
