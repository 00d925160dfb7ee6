/// Which reference array belongs to which output of a model.
///
/// Arrays have the names of the outputs, or none: an `.npy` file has no place for one, and `np.savez(file, a, b)` calls its
/// arrays `arr_0`, `arr_1`. An array without a name belongs to the only output, or, numbered, to the output at that place. What is
/// left as the only array belongs to the only output, whatever it is called.
public struct ReferenceMatching: Sendable, Hashable {
    /// An output with the position of its reference in the list that was given.
    public struct Pair: Sendable, Hashable {
        public let output: String
        public let reference: Int
    }

    /// In the order of the outputs.
    public let pairs: [Pair]
    /// The outputs without a reference.
    public let outputsWithoutReference: [String]
    /// The positions of references that belong to no output.
    public let unusedReferences: [Int]

    /// - Parameters:
    ///   - outputs: the model's outputs.
    ///   - references: the names of the reference arrays, nil for one without.
    ///   - ignoring: names that are no outputs and may be there all the same: inputs and intermediate values that a
    ///     reference file holds as well.
    public init(outputs: [String], references: [String?], ignoring: Set<String> = []) {
        var referenceOfOutput: [String: Int] = [:]
        var unused: [Int] = []
        // Names first: what they say cannot be overruled by a number.
        for (position, name) in references.enumerated() {
            guard let name, outputs.contains(name) else { continue }
            if referenceOfOutput[name] == nil { referenceOfOutput[name] = position } else { unused.append(position) }
        }
        for (position, name) in references.enumerated() {
            if let name, outputs.contains(name) { continue }
            if let output = Self.output(forUnnamed: name, outputs), referenceOfOutput[output] == nil {
                referenceOfOutput[output] = position
            } else if let name, ignoring.contains(name) {
                continue
            } else {
                unused.append(position)
            }
        }
        if outputs.count == 1, referenceOfOutput.isEmpty, unused.count == 1 {
            referenceOfOutput[outputs[0]] = unused.removeLast()
        }
        pairs = outputs.compactMap { output in referenceOfOutput[output].map { Pair(output: output, reference: $0) } }
        outputsWithoutReference = outputs.filter { referenceOfOutput[$0] == nil }
        unusedReferences = unused.sorted()
    }

    private static func output(forUnnamed name: String?, _ outputs: [String]) -> String? {
        guard let name else { return outputs.count == 1 ? outputs[0] : nil }
        guard name.hasPrefix("arr_"), let number = Int(name.dropFirst(4)), outputs.indices.contains(number) else { return nil }
        return outputs[number]
    }
}
