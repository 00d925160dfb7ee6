import CNNModels
import CNNTensors

/// Truth values combined element by element, broadcast to one shape: `C = f(A, B)`.
/// ONNX operators And, Or and Xor: version 1 broadcasts by attributes (`BroadcastRule`), 7 as NumPy does.
package struct LogicalBinary: ExactOperator {
    private let function: Function
    private let broadcastRule: BroadcastRule

    private enum Function {
        case and
        case or
        case xor

        func callAsFunction(_ left: Bool, _ right: Bool) -> Bool {
            switch self {
            case .and: left && right
            case .or: left || right
            case .xor: left != right
            }
        }
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard inputs.count == 2, let a = inputs[0], let b = inputs[1] else {
            return [ValueFact(dataType: .bool, shape: .unknown)]
        }
        var fact = ValueFact(dataType: .bool, shape: try broadcastRule.shape(a.shape, b.shape))
        fact.follow { () throws(DimensionError) in
            try SizeArithmetic.combine(a.knownElements, b.knownElements, as: .bool) { left, right in
                guard let left = left.value, let right = right.value else { return nil }
                return function(left != 0, right != 0) ? 1 : 0
            }
        }
        return [fact]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard inputs.count == 2, let a = inputs[0], let b = inputs[1] else { throw OperatorError("A and B are required") }
        let (broadcasting, second) = try broadcastRule.broadcasting(a.shape, b.shape, resultType: .bool)
        let (x, y) = (try a.integers(), try b.integers())
        let truths = zip(broadcasting.positions(of: a.shape), broadcasting.positions(of: second))
            .map { function(x[$0] != 0, y[$1] != 0) }
        return [try Tensor(bools: truths, shape: broadcasting.shape)]
    }

    package static let definitions: [OperatorDefinition] = [
        define("And", .and), define("Or", .or), define("Xor", .xor),
    ]

    private static func define(_ type: String, _ function: Function) -> OperatorDefinition {
        OperatorDefinition(type, versions: [1, 7]) { _ in
            Signature(
                inputs: ["A": "T", "B": "T"], outputs: ["C": "T1"], types: ["T": .bool, "T1": .bool])
        } make: { attributes in
            LogicalBinary(function: function, broadcastRule: try BroadcastRule(attributes))
        }
    }
}

/// The negation of every truth value. ONNX operator Not, version 1.
package struct Not: ExactOperator {
    package static let definition = OperatorDefinition("Not", versions: [1]) { _ in
        Signature(inputs: ["X": "T"], outputs: ["Y": "T"], types: ["T": .bool])
    } make: { _ in
        Not()
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let input = inputs[0] else { return [ValueFact(shape: .unknown)] }
        var fact = ValueFact(shape: input.shape)
        if let elements = input.knownElements {
            fact.follow { () throws(DimensionError) in
                try SizeArithmetic.map(elements, as: .bool) { truth in truth.value.map { $0 == 0 ? 1 : 0 } }
            }
        }
        return [fact]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let input = inputs[0] else { throw OperatorError("X is required") }
        return [try Tensor(bools: input.integers().map { $0 == 0 }, shape: input.shape)]
    }
}
