import CNNKernelTable

/// Element-wise work on contiguous runs. The operation is chosen outside the loop, so each loop holds one formula.
extension Kernels {
    package func unary(
        _ operation: UnaryOperation, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>, count: Int
    ) {
        switch operation {
        case .activation(let activation):
            let activation = VectorActivation(activation)
            map(input, output, count) { activation($0) }
        case .sigmoid:
            map(input, output, count) { sigmoid($0) }
        case .tanh:
            map(input, output, count) { hyperbolicTangent($0) }
        case .exp:
            map(input, output, count) { exponential($0) }
        case .log:
            map(input, output, count) { logarithm($0) }
        case .sqrt:
            map(input, output, count) { $0.squareRoot() }
        case .reciprocal:
            map(input, output, count) { 1 / $0 }
        case .negate:
            map(input, output, count) { -$0 }
        case .absolute:
            map(input, output, count) { absolute($0) }
        case .hardSigmoid(let alpha, let beta):
            let unit = VectorActivation(.clip(0, 1))
            map(input, output, count) { unit(alpha * $0 + beta) }
        case .hardSwish:
            let unit = VectorActivation(.clip(0, 1))
            map(input, output, count) { $0 * unit($0 / 6 + 0.5) }
        case .swish:
            map(input, output, count) { $0 * sigmoid($0) }
        case .elu(let alpha):
            map(input, output, count) { $0.replacing(with: alpha * exponentialMinusOne($0), where: $0 .< 0) }
        }
    }

    @inline(__always)
    private func map(
        _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ count: Int, _ function: (Vector) -> Vector
    ) {
        var index = 0
        while index + Vector.scalarCount <= count {
            store(function(load(input + index)), output + index)
            index += Vector.scalarCount
        }
        if index < count {
            storeFirst(count - index, function(loadFirst(count - index, input + index)), output + index)
        }
    }

    package func binary(
        _ operation: BinaryOperation, left: UnsafePointer<Float>, right: BinaryOperand, reversed: Bool,
        activation: Activation, output: UnsafeMutablePointer<Float>, count: Int
    ) {
        let activation = VectorActivation(activation)
        switch (operation, reversed) {
        case (.add, _):
            zip(left, right, output, count) { activation($0 + $1) }
        case (.multiply, _):
            zip(left, right, output, count) { activation($0 * $1) }
        case (.subtract, false):
            zip(left, right, output, count) { activation($0 - $1) }
        case (.subtract, true):
            zip(left, right, output, count) { activation($1 - $0) }
        case (.divide, false):
            zip(left, right, output, count) { activation($0 / $1) }
        case (.divide, true):
            zip(left, right, output, count) { activation($1 / $0) }
        case (.maximum, _):
            zip(left, right, output, count) { activation(maximum($0, $1)) }
        case (.minimum, _):
            zip(left, right, output, count) { activation(minimum($0, $1)) }
        }
    }

    @inline(__always)
    private func zip(
        _ left: UnsafePointer<Float>, _ right: BinaryOperand, _ output: UnsafeMutablePointer<Float>, _ count: Int,
        _ function: (Vector, Vector) -> Vector
    ) {
        switch right {
        case .elements(let elements):
            var index = 0
            while index + Vector.scalarCount <= count {
                store(function(load(left + index), load(elements + index)), output + index)
                index += Vector.scalarCount
            }
            let rest = count - index
            if rest > 0 {
                storeFirst(
                    rest, function(loadFirst(rest, left + index), loadFirst(rest, elements + index)), output + index)
            }
        case .scalar(let value):
            let value = Vector(repeating: value)
            map(left, output, count) { function($0, value) }
        case .block(let block):
            let value = load(block)
            map(left, output, count) { function($0, value) }
        }
    }
}
