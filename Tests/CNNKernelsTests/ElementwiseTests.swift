import CNNKernelTable
import Foundation
import Testing

@Suite("Element-wise kernels")
struct ElementwiseTests {
    /// A function with the bound that its documentation promises, in units in the last place of the exact result.
    struct AccuracyCase: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var operation: UnaryOperation
        var exact: @Sendable (Double) -> Double
        /// Measured over the sample of `everyExponent` on each table; a sum of the roundings in the formula.
        var ulps: Double
    }

    static let functions = [
        AccuracyCase(testDescription: "exp", operation: .exp, exact: { Foundation.exp($0) }, ulps: 1.5),
        AccuracyCase(testDescription: "log", operation: .log, exact: { Foundation.log($0) }, ulps: 1.5),
        AccuracyCase(
            testDescription: "sigmoid", operation: .sigmoid, exact: { 1 / (1 + Foundation.exp(-$0)) }, ulps: 2.5),
        AccuracyCase(testDescription: "tanh", operation: .tanh, exact: { Foundation.tanh($0) }, ulps: 2.5),
        AccuracyCase(
            testDescription: "elu", operation: .elu(alpha: 1), exact: { $0 < 0 ? Foundation.expm1($0) : $0 }, ulps: 2.5),
        AccuracyCase(testDescription: "sqrt", operation: .sqrt, exact: { $0.squareRoot() }, ulps: 0.5),
        AccuracyCase(testDescription: "reciprocal", operation: .reciprocal, exact: { 1 / $0 }, ulps: 0.5),
    ]

    /// Every sign and exponent with 2,048 mantissas, so subnormal numbers, overflow and underflow, infinity and NaN are all there.
    static let everyExponent: [Float] = (UInt32(0)..<512 * 2048).map {
        Float(bitPattern: ($0 / 2048) << 23 | (($0 % 2048) * 4099) & 0x7F_FFFF)
    }

    @Test("transcendental functions over all exponents", arguments: TableUnderTest.all, functions)
    func accuracy(table: TableUnderTest, function: AccuracyCase) {
        let input = Buffer(Self.everyExponent)
        let output = Buffer(unwritten: input.count)
        table.kernels.unary(function.operation, input: input.constant, output: output.pointer, count: input.count)
        #expect(output.isIntact)
        var worst = (ulps: 0.0, input: Float.zero, output: Float.zero)
        for (x, y) in zip(Self.everyExponent, output.values) {
            let exact = function.exact(Double(x))
            let rounded = Float(exact)
            if rounded.isNaN || rounded.isInfinite || y.isNaN || y.isInfinite {
                #expect(rounded.isNaN ? y.isNaN : y == rounded, "\(x): \(y), exact \(exact)")
                continue
            }
            let ulps = abs(Double(y) - exact) / Double(max(rounded.magnitude.ulp, .leastNonzeroMagnitude))
            if ulps > worst.ulps { worst = (ulps, x, y) }
        }
        #expect(worst.ulps <= function.ulps, "off by \(worst.ulps) at \(worst.input): \(worst.output)")
    }

    @Test("simple functions, at every length of the last vector", arguments: TableUnderTest.all, 1..<35)
    func simpleFunctions(table: TableUnderTest, count: Int) {
        var numbers = SeededNumbers(seed: 31)
        let x = numbers.floats(count, in: -8...8)
        let cases: [(UnaryOperation, (Float) -> Float)] = [
            (.activation(.relu), { max($0, 0) }), (.activation(.leakyRelu(0.5)), { $0 < 0 ? 0.5 * $0 : $0 }),
            (.activation(.clip(-1, 6)), { min(max($0, -1), 6) }), (.negate, { -$0 }), (.absolute, { abs($0) }),
            (.hardSigmoid(alpha: 0.25, beta: 0.5), { max(0, min(1, 0.25 * $0 + 0.5)) }),
            (.hardSwish, { $0 * max(0, min(1, $0 / 6 + 0.5)) }),
        ]
        for (operation, function) in cases {
            let buffer = Buffer(x)
            table.kernels.unary(operation, input: buffer.constant, output: buffer.pointer, count: count)
            #expect(buffer.isIntact && buffer.values == x.map(function), "\(operation)")
        }
        let swish = Buffer(x)
        table.kernels.unary(.swish, input: swish.constant, output: swish.pointer, count: count)
        for (x, y) in zip(x, swish.values) {
            let exact = Double(x) / (1 + Foundation.exp(-Double(x)))
            #expect(abs(Double(y) - exact) <= 3.5 * Double(Float(exact).magnitude.ulp))
        }
    }

    @Test("NaN stays NaN, whatever the function", arguments: TableUnderTest.all)
    func nanStays(table: TableUnderTest) {
        let kernels = table.kernels
        let operations: [UnaryOperation] = [
            .activation(.relu), .activation(.none), .activation(.leakyRelu(0.1)), .activation(.clip(0, 6)), .sigmoid, .tanh,
            .exp, .log, .sqrt, .reciprocal, .negate, .absolute, .hardSigmoid(alpha: 0.2, beta: 0.5), .hardSwish, .swish,
            .elu(alpha: 1),
        ]
        for operation in operations {
            let buffer = Buffer([Float](repeating: .nan, count: 19))
            kernels.unary(operation, input: buffer.constant, output: buffer.pointer, count: 19)
            #expect(buffer.values.allSatisfy { $0.isNaN }, "\(operation)")
        }
        for operation in [BinaryOperation.maximum, .minimum, .add] {
            for (left, right) in [(Float.nan, Float(1)), (1, .nan), (.nan, .nan)] {
                let buffer = Buffer([Float](repeating: left, count: 19))
                kernels.binary(
                    operation, left: buffer.constant, right: .scalar(right), reversed: false, activation: .relu,
                    output: buffer.pointer, count: 19)
                #expect(buffer.values.allSatisfy { $0.isNaN }, "\(operation)(\(left), \(right))")
            }
        }
    }

    @Test("binary operations with each kind of operand", arguments: TableUnderTest.all, [1, 7, 16, 33, 100])
    func binaryOperations(table: TableUnderTest, count: Int) {
        let kernels = table.kernels
        let c = kernels.channelBlock
        var numbers = SeededNumbers(seed: 32)
        let (x, y) = (numbers.floats(count), numbers.floats(count))
        let block = numbers.floats(c)
        let (left, right, blockBuffer) = (Buffer(x), Buffer(y), Buffer(block))
        let operands: [(BinaryOperand, (Int) -> Float)] = [
            (.elements(right.constant), { y[$0] }), (.scalar(0.3), { _ in 0.3 }),
            (.block(blockBuffer.constant), { block[$0 % c] }),
        ]
        let operations: [(BinaryOperation, (Float, Float) -> Float)] = [
            (.add, { $0 + $1 }), (.subtract, { $0 - $1 }), (.multiply, { $0 * $1 }), (.divide, { $0 / $1 }),
            (.maximum, { max($0, $1) }), (.minimum, { min($0, $1) }),
        ]
        for (operation, function) in operations {
            for (operand, value) in operands {
                for isReversed in [false, true] {
                    let output = Buffer(unwritten: count)
                    kernels.binary(
                        operation, left: left.constant, right: operand, reversed: isReversed, activation: .clip(-0.5, 0.9),
                        output: output.pointer, count: count)
                    let expected = (0..<count).map { index in
                        let raw = isReversed ? function(value(index), x[index]) : function(x[index], value(index))
                        return min(max(raw, -0.5), 0.9)
                    }
                    #expect(output.isIntact && output.values == expected, "\(operation) \(operand)")
                }
            }
        }
    }
}
