import CNNModels
import CNNOperators
import CNNTensors

/// Inputs for a model whose user gave none.
enum BenchInputs {
    /// Random numbers of the declared sizes, the same in every run: uniform between −1 and 1 for float32, zeros for other types.
    /// - Throws: `ToolError` for an input whose sizes are not all known; a symbolic first axis counts as 1.
    static func random(for graph: Graph) throws -> [String: Tensor] {
        var generator = SeededGenerator(state: 1)
        return try Dictionary(
            graph.requiredInputs.map { input in
                let declared = SymbolicShape(declared: input.type?.tensorShape).dimensions
                let sizes = declared?.enumerated().compactMap { axis, size in size?.value ?? (axis == 0 ? 1 : nil) }
                guard let sizes, sizes.count == declared?.count, let type = input.type?.tensorDataType else {
                    throw ToolError(
                        "the sizes of input '\(input.name)' are not known", hint: "give an array with '--input FILE'")
                }
                return (input.name, try tensor(type, EvaluationLimit.shape(sizes, of: type), &generator))
            }, uniquingKeysWith: { first, _ in first })
    }

    private static func tensor(_ type: DataType, _ shape: Shape, _ generator: inout SeededGenerator) throws -> Tensor {
        guard type == .float32 else {
            return try Tensor(dataType: type, shape: shape) { bytes in
                for index in bytes.indices { bytes[index] = 0 }
            }
        }
        return try Tensor(
            (0..<shape.elementCount).map { _ in Float.random(in: -1...1, using: &generator) }, shape: shape)
    }

    /// SplitMix64 (Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators*, 2014).
    private struct SeededGenerator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
            return word ^ word >> 31
        }
    }
}
