import CNNModels
import CNNTensors

/// The elements of X where the condition is true and of Y where it is not, all three broadcast to one shape.
/// ONNX operator Where, versions 9 and 16 (which adds bfloat16).
package struct Where: ExactOperator {
    package static let definition = OperatorDefinition("Where", versions: [9, 16]) { version in
        Signature(
            inputs: ["condition": "B", "X": "T", "Y": "T"], outputs: ["output": "T"],
            types: ["B": .bool, "T": version < 16 ? .allBeforeBfloat16 : .allBeforeFloat8])
    } make: { _ in
        Where()
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard inputs.count == 3, let condition = inputs[0], let x = inputs[1], let y = inputs[2] else {
            return [ValueFact(shape: .unknown)]
        }
        var fact = ValueFact(shape: try Broadcasting.shape(of: [condition.shape, x.shape, y.shape]))
        fact.elements = Self.chosen(condition.knownElements, x.knownElements, y.knownElements)
        return [fact]
    }

    /// The elements of a result of up to one axis, where each is known.
    private static func chosen(_ condition: [Dimension]?, _ x: [Dimension]?, _ y: [Dimension]?) -> [Dimension]? {
        guard let condition, let x, let y else { return nil }
        let counts = Set([condition.count, x.count, y.count]).subtracting([1])
        guard counts.count <= 1 else { return nil }
        var result: [Dimension] = []
        for index in 0..<(counts.first ?? 1) {
            let left = x[x.count == 1 ? 0 : index]
            let right = y[y.count == 1 ? 0 : index]
            if let truth = condition[condition.count == 1 ? 0 : index].value {
                result.append(truth != 0 ? left : right)
            } else if left == right {
                result.append(left)
            } else {
                return nil
            }
        }
        return result
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard inputs.count == 3, let condition = inputs[0], let x = inputs[1], let y = inputs[2] else {
            throw OperatorError("condition, X and Y are required")
        }
        let broadcasting = try Broadcasting([condition.shape, x.shape, y.shape], resultType: x.dataType)
        let truths = try condition.integers()
        let choices = zip(
            broadcasting.positions(of: condition.shape),
            zip(broadcasting.positions(of: x.shape), broadcasting.positions(of: y.shape)))
        if x.dataType == .string {
            let (left, right) = (try x.strings(), try y.strings())
            let strings = choices.map { truths[$0] != 0 ? left[$1.0] : right[$1.1] }
            return [try Tensor(strings: strings, shape: broadcasting.shape)]
        }
        guard let width = x.dataType.byteWidth, x.dataType == y.dataType else {
            throw TensorError.wrongDataType(y.dataType, expected: "\(x.dataType)")
        }
        let result = try Tensor(dataType: x.dataType, shape: broadcasting.shape) { destination in
            x.withUnsafeBytes { left in
                y.withUnsafeBytes { right in
                    var offset = 0
                    for (position, (leftPosition, rightPosition)) in choices {
                        let (source, start) =
                            truths[position] != 0 ? (left, leftPosition * width) : (right, rightPosition * width)
                        for byte in 0..<width { destination[offset + byte] = source[start + byte] }
                        offset += width
                    }
                }
            }
        }
        return [result]
    }
}
