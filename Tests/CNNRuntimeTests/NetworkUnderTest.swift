import CNNModels
import CNNOperators
import CNNTensors
import Testing

@testable import CNNRuntime

/// Numbers that look random and are the same in every run: SplitMix64.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }

    /// A tensor of numbers between -1 and 1.
    mutating func tensor(_ sizes: [Int], scale: Float = 1) throws -> Tensor {
        let shape = try Shape(sizes)
        return try Tensor((0..<shape.elementCount).map { _ in Float.random(in: -1...1, using: &self) * scale }, shape: shape)
    }
}

/// A small network, built node by node.
struct NetworkUnderTest {
    private(set) var graph = Graph(name: "under test")
    var numbers: SeededNumbers
    private(set) var inputs: [String: Tensor] = [:]
    var opset: Int64 = 17

    init(seed: UInt64) {
        numbers = SeededNumbers(seed: seed)
    }

    /// A graph input with random values; the model declares its rank only, so that it takes other sizes too.
    mutating func input(_ name: String, _ sizes: [Int]) throws -> String {
        let tensor = try numbers.tensor(sizes)
        inputs[name] = tensor
        graph.inputs.append(
            ValueInfo(
                name: name, dataType: .float32,
                dimensions: sizes.indices.map { DeclaredDimension(.symbol("\(name)\($0)")) }))
        return name
    }

    /// A constant with random values.
    mutating func weights(_ sizes: [Int], scale: Float = 1) throws -> String {
        constant(try numbers.tensor(sizes, scale: scale))
    }

    mutating func constant(_ tensor: Tensor) -> String {
        let name = "constant\(graph.initializers.count)"
        graph.initializers.append(NamedTensor(name: name, tensor: tensor))
        return name
    }

    /// A node with one output, whose name is returned.
    mutating func node(_ type: String, _ inputs: [String], attributes: [Attribute] = []) -> String {
        let output = "\(type)\(graph.nodes.count)"
        graph.nodes.append(Node(type, name: output, inputs: inputs, outputs: [output], attributes: attributes))
        return output
    }

    /// A node with `count` outputs, whose names are returned.
    mutating func parts(_ type: String, _ inputs: [String], count: Int, attributes: [Attribute] = []) -> [String] {
        let outputs = (0..<count).map { "\(type)\(graph.nodes.count).\($0)" }
        graph.nodes.append(Node(type, name: outputs[0], inputs: inputs, outputs: outputs, attributes: attributes))
        return outputs
    }

    mutating func output(_ names: String...) {
        graph.outputs += names.map { ValueInfo(name: $0, type: nil) }
    }

    var model: Model { Model(irVersion: 8, opsetImports: [OperatorSetID(version: opset)], graph: graph) }
}

extension NetworkUnderTest {
    /// The same network with every constant and input replaced by its magnitudes. For networks of operators f with
    /// |f(x)| ≤ f(|x|) it computes what all terms of each sum add up to without cancellation: the factor of the rounding error.
    private func magnitudes(_ inputs: [String: Tensor]) throws -> (Model, [String: Tensor]) {
        func magnitude(_ tensor: Tensor) throws -> Tensor {
            guard tensor.dataType == .float32 else { return tensor }
            return try Tensor(tensor.elements(as: Float.self).map(\.magnitude), shape: tensor.shape)
        }
        var model = model
        // What is subtracted in the network is added in that of magnitudes.
        let means = Set(model.graph.nodes.filter { $0.operatorType == "BatchNormalization" }.map { $0.inputs[3] })
        model.graph.initializers = try model.graph.initializers.map { initializer in
            let tensor = try magnitude(initializer.tensor)
            guard means.contains(initializer.name) else { return NamedTensor(name: initializer.name, tensor: tensor) }
            let negative = try Tensor(tensor.elements(as: Float.self).map { -$0 }, shape: tensor.shape)
            return NamedTensor(name: initializer.name, tensor: negative)
        }
        for index in model.graph.nodes.indices where model.graph.nodes[index].operatorType == "Sub" {
            model.graph.nodes[index].operatorType = "Add"
        }
        return (model, try inputs.mapValues(magnitude))
    }

    /// Runs the network with the compiled runtime and by the formulas, and expects each element to agree within
    /// γ(n)·(the sum of the magnitudes of its terms), where n bounds the roundings that an element goes through
    /// (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., lemma 3.1 and section 3.5). Winograd's convolution,
    /// which fast mode may choose, has a wider bound of its own, which the kernels' tests hold it to; random operands cancel
    /// enough of its error to stay within this one as well.
    func expectAgreement(
        roundings: Int, options: SessionOptions, inputs given: [String: Tensor]? = nil, keepingAll: Bool = false,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let inputs = given ?? self.inputs
        let session = try Session(model, options: options)
        let actual = try session.run(inputs, keepingAll: keepingAll)
        let expected = try ReferenceEvaluator(model).run(inputs, keepingAll: keepingAll)
        let (magnitudeModel, magnitudeInputs) = try magnitudes(inputs)
        let magnitudes = try ReferenceEvaluator(magnitudeModel).run(magnitudeInputs, keepingAll: keepingAll)
        #expect(Set(actual.keys) == Set(expected.keys), sourceLocation: sourceLocation)
        let unit = Double(Float.ulpOfOne) / 2
        let gamma = Double(roundings) * unit / (1 - Double(roundings) * unit)
        for (name, reference) in expected {
            let tensor = try #require(actual[name], sourceLocation: sourceLocation)
            try #require(
                tensor.shape == reference.shape && tensor.dataType == reference.dataType, sourceLocation: sourceLocation)
            let bounds = try #require(magnitudes[name], sourceLocation: sourceLocation).doubles()
            let values = try tensor.doubles()
            let worst = zip(values, zip(try reference.doubles(), bounds)).enumerated().first { _, element in
                let (value, (reference, bound)) = element
                return !((value - reference).magnitude <= gamma * bound + 1e-37 || value.isNaN && reference.isNaN)
            }
            #expect(
                worst == nil,
                "\(name), element \(worst?.offset ?? 0): \(worst.map { "\($0.element.0), not \($0.element.1.0)" } ?? "")",
                sourceLocation: sourceLocation)
        }
    }
}

/// Every way to compute that this machine has.
let allOptions: [SessionOptions] = InstructionSet.available.flatMap { instructionSet in
    SessionOptions.Mode.allCases.flatMap { mode in
        (1...3).map { SessionOptions(threads: $0, mode: mode, instructionSet: instructionSet) }
    }
}
