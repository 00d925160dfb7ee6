import CNNModels
import CNNTensors

/// What can be wrong with the tensors that a caller gives a model.
public enum InputError: Error, Sendable, Hashable {
    /// These required inputs are missing.
    case missing([String])
    /// The model has no inputs of these names; its own are listed behind.
    case unknown([String], inputs: [String])
    /// The input has another element type than the model declares.
    case wrongType(input: String, expected: DataType, actual: DataType)
    /// The input has another number of axes than the model declares.
    case wrongRank(input: String, expected: String, actual: Shape)
    /// The input has another size along an axis than the model declares.
    case wrongSize(input: String, axis: Int, expected: String, actual: Shape)
    /// One name stands for two different sizes.
    case inconsistentSize(symbol: String, first: String, second: String)
}

extension InputError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missing(let names):
            "missing input \(Self.list(names))"
        case .unknown(let names, let inputs):
            "the model has no input \(Self.list(names)); its inputs are \(Self.list(inputs))"
        case .wrongType(let input, let expected, let actual):
            "input '\(input)' must be \(expected), but is \(actual)"
        case .wrongRank(let input, let expected, let actual):
            "input '\(input)' must have shape \(expected), but has \(actual): the number of axes differs"
        case .wrongSize(let input, let axis, let expected, let actual):
            "input '\(input)' must have shape \(expected), but has \(actual): axis \(axis) differs"
        case .inconsistentSize(let symbol, let first, let second):
            "the size '\(symbol)' is \(first), but \(second)"
        }
    }

    private static func list(_ names: [String]) -> String {
        names.map { "'\($0)'" }.joined(separator: ", ")
    }
}

extension Graph {
    /// Checks the tensors that a caller gives against the declared inputs.
    /// - Throws: `InputError` for the first that does not suit: missing or unknown names, element types, numbers of axes,
    ///   fixed sizes, and names that would stand for two sizes at once.
    public func checkInputs(_ tensors: [String: Tensor]) throws(InputError) {
        // Unknown names first: a misspelt one explains why another is missing.
        let names = Set(inputs.map(\.name))
        let unknown = tensors.keys.filter { !names.contains($0) }.sorted()
        guard unknown.isEmpty else { throw .unknown(unknown, inputs: requiredInputs.map(\.name)) }
        let missing = requiredInputs.map(\.name).filter { tensors[$0] == nil }
        guard missing.isEmpty else { throw .missing(missing) }
        var sizes: [String: (size: Int, input: String, axis: Int)] = [:]
        for input in inputs {
            guard let tensor = tensors[input.name] else { continue }
            try Self.check(tensor, against: input, sizes: &sizes)
        }
    }

    private static func check(
        _ tensor: Tensor, against input: ValueInfo, sizes: inout [String: (size: Int, input: String, axis: Int)]
    ) throws(InputError) {
        if let expected = input.type?.tensorDataType, expected != tensor.dataType {
            throw .wrongType(input: input.name, expected: expected, actual: tensor.dataType)
        }
        let declared = SymbolicShape(declared: input.type?.tensorShape)
        guard let dimensions = declared.dimensions else { return }
        guard dimensions.count == tensor.shape.rank else {
            throw .wrongRank(input: input.name, expected: declared.description, actual: tensor.shape)
        }
        for (axis, dimension) in dimensions.enumerated() {
            let actual = tensor.shape[axis]
            if let expected = dimension?.value, expected != actual {
                throw .wrongSize(input: input.name, axis: axis, expected: declared.description, actual: tensor.shape)
            }
            guard let symbol = dimension?.symbolName else { continue }
            if let earlier = sizes[symbol], earlier.size != actual {
                throw .inconsistentSize(
                    symbol: symbol, first: "\(earlier.size) at axis \(earlier.axis) of '\(earlier.input)'",
                    second: "\(actual) at axis \(axis) of '\(input.name)'")
            }
            sizes[symbol] = (actual, input.name, axis)
        }
    }
}
