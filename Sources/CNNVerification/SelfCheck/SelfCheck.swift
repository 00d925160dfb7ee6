import CNNModels
import CNNTensors

/// What a model carries to verify itself, in its metadata (`metadata_props` of ONNX) under the key `onnxcnn.self_check`: the
/// recipe of its inputs, and for each output what its elements should come to. JSON text of a few kilobytes:
///
///     {"schema": 1, "seed": 1, "inputs": [{"name", "data_type", "shape"}],
///      "outputs": [{"name", "data_type", "shape", "sha256", "projections": [{"value", "sigma"}, …],
///                   "min", "max", "mean", "sigma", "top": [[class, …] for each of the first items]}]}
///
/// The values follow from a Double evaluation of the model. A projection is Σ ±y / √n over all n elements of an output, with
/// the signs of a seeded sequence: a change of the outputs that is orthogonal to all of them is as unlikely as n-dimensional
/// space is large. `sigma` is the standard deviation that rounding is expected to give it, `sha256` the digest of the elements
/// rounded to the output's type.
public struct SelfCheck: Sendable, Hashable {
    /// An input by its recipe: `SeededInput` makes its elements.
    public struct Input: Sendable, Hashable {
        public let name: String
        public let dataType: DataType
        public let shape: Shape
    }

    /// A number that follows from an output, with the deviation that rounding gives it.
    public struct Statistic: Sendable, Hashable {
        public let value: Double
        public let sigma: Double

        /// Whether both are: by a NaN or an infinity anything could be verified.
        var isFinite: Bool { value.isFinite && sigma.isFinite }
    }

    /// What an output should come to.
    public struct Output: Sendable, Hashable {
        public let name: String
        public let dataType: DataType
        public let shape: Shape
        /// The SHA-256 of the expected elements, rounded to their type, as little-endian bytes.
        public let digest: String
        public let projections: [Statistic]
        public let minimum: Statistic
        public let maximum: Statistic
        public let mean: Statistic
        /// The best classes of each of the first items, where the output is a batch of class scores; else empty.
        public let topClasses: [[Int]]

        var statistics: [Statistic] { projections + [minimum, maximum, mean] }
    }

    public let seed: UInt64
    public let inputs: [Input]
    public let outputs: [Output]

    /// The metadata key.
    public static let key = "onnxcnn.self_check"

    /// How many projections an output has: a single wrong element changes each by its error over √n, a random one of the same
    /// size by the same on average, so a few suffice; sixteen make a chance cancellation in all of them negligible.
    static let projectionCount = 16
    /// Of how many items, and how many classes of each, the order is kept.
    static let (topItems, topDepth) = (4, 5)
}

extension SelfCheck {
    /// The check that a model carries; nil if it carries none.
    /// - Throws: `SelfCheckError` if what stands under the key is no check.
    public init?(in model: Model) throws {
        guard let entry = model.metadata.first(where: { $0.key == Self.key }) else { return nil }
        do {
            try self.init(JSON(parsing: entry.value))
        } catch let error as JSONError {
            throw SelfCheckError("it is no JSON: \(error)")
        }
    }

    /// Whether a model has the inputs of the recipe, in types and shapes that agree with those it declares.
    public func fits(_ model: Model) -> Bool {
        inputs.allSatisfy { input in
            guard let type = model.graph.requiredInputs.first(where: { $0.name == input.name })?.type,
                type.tensorDataType == input.dataType
            else { return false }
            guard let sizes = SymbolicShape(declared: type.tensorShape).dimensions else { return true }
            return sizes.count == input.shape.rank
                && zip(sizes, input.shape.dimensions).allSatisfy { $0?.value == nil || $0?.value == $1 }
        }
    }

    /// The model without a check in its metadata.
    public static func removed(from model: Model) -> Model {
        var model = model
        model.metadata.removeAll { $0.key == key }
        return model
    }

    /// The model with this check in its metadata, in the place of one that it carries already.
    public func attached(to model: Model) -> Model {
        var model = model
        let entry = MetadataEntry(key: Self.key, value: json.text())
        if let place = model.metadata.firstIndex(where: { $0.key == Self.key }) {
            model.metadata[place] = entry
        } else {
            model.metadata.append(entry)
        }
        return model
    }
}

/// A model's self-check is unusable, or cannot be made.
public struct SelfCheckError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = "the model's self-check: \(description)" }
}
