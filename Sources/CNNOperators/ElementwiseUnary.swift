import CNNModels
import CNNTensors

/// One function applied to every element: `Y[i] = f(X[i])`, with `Y` of X's type and shape.
/// ONNX operators Abs, Ceil, Celu, Elu, Erf, Exp, Floor, Gelu, HardSigmoid, HardSwish, LeakyRelu, Log, Mish, Neg,
/// Reciprocal, Relu, Round, Selu, Sigmoid, Sign, Softplus, Softsign, Sqrt, Tanh and ThresholdedRelu in all versions. Version 6
/// dropped `consumed_inputs`, a hint on memory, from version 1; all later versions add element types only.
package struct ElementwiseUnary: Operator {
    package let function: UnaryFunction

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let input = inputs[0] else { return [ValueFact(shape: .unknown)] }
        var fact = ValueFact(shape: input.shape)
        if let elements = input.knownElements {
            fact.follow { () throws(DimensionError) in
                try SizeArithmetic.map(elements, as: input.dataType) { size throws(DimensionError) in try function(size: size) }
            }
        }
        return [fact]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let input = inputs[0] else { throw OperatorError("X is required") }
        if input.dataType.isFloatingPoint {
            return [try Tensor(rounding: input.doubles().map { function($0) }, to: input.dataType, shape: input.shape)]
        }
        let isUnsigned = input.dataType == .uint64
        let words = try input.words().map { word in
            guard let value = function(word: word, isUnsigned: isUnsigned) else {
                throw TensorError.wrongDataType(input.dataType, expected: "a float type")
            }
            return value
        }
        return [try Tensor(truncating: words, to: input.dataType, shape: input.shape)]
    }
}

// MARK: - Rounding

extension ElementwiseUnary {
    package var dependence: ElementDependence { .one }
    package var formula: String? { function.formula }

    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        guard let input = inputs[0], input.dataType.isFloatingPoint, !function.isExact else { return [.exact] }
        return [
            .elements(
                zip(try input.doubles(), try outputs[0].doubles()).map { function.roundingBound($0, $1, unit: unit) })
        ]
    }
}

// MARK: - Definitions

extension ElementwiseUnary {
    package static let definitions: [OperatorDefinition] = [
        define("Abs", [1: .ieeeFloats, 6: .ieeeNumbers, 13: .numbers]) { _ in .absolute },
        define("Ceil", floatsFromVersion13) { _ in .ceil },
        define("Celu", [12: TypeSet(.float32), 28: .floats]) { .celu(alpha: try $0.float("alpha", default: 1)) },
        define("Elu", floatsFromVersion22) { .elu(alpha: try $0.float("alpha", default: 1)) },
        define("Erf", [9: .ieeeNumbers, 13: .floats], input: "input", output: "output") { _ in .erf },
        define("Exp", floatsFromVersion13, input: "input", output: "output") { _ in .exp },
        define("Floor", floatsFromVersion13) { _ in .floor },
        define("Gelu", [20: .floats]) { .gelu(byTanh: try $0.choice("approximate", default: GeluForm.none) == .tanh) },
        define("HardSigmoid", floatsFromVersion22) {
            .hardSigmoid(alpha: try $0.float("alpha", default: 0.2), beta: try $0.float("beta", default: 0.5))
        },
        define("HardSwish", [14: .ieeeFloats, 22: .floats]) { _ in .hardSwish },
        define("LeakyRelu", [1: .ieeeFloats, 6: .ieeeFloats, 16: .floats]) {
            .leakyRelu(alpha: try $0.float("alpha", default: 0.01))
        },
        define("Log", floatsFromVersion13, input: "input", output: "output") { _ in .log },
        define("Mish", [18: .ieeeFloats, 22: .floats]) { _ in .mish },
        define(
            "Neg", [1: .ieeeFloats, 6: [.ieeeFloats, .signedIntegers], 13: [.floats, .signedIntegers]]
        ) { _ in .negate },
        define("Reciprocal", floatsFromVersion13) { _ in .reciprocal },
        define(
            "Relu", [1: .ieeeFloats, 6: .ieeeFloats, 13: .floats, 14: [.floats, .signedIntegers]]
        ) { _ in .relu },
        define("Round", [11: .ieeeFloats, 22: .floats]) { _ in .round },
        define("Selu", floatsFromVersion22) { attributes in
            // Version 1 rounded the constants of Klambauer et al. 2017 to four places.
            let isRounded = attributes.version == 1
            return .selu(
                alpha: try attributes.float("alpha", default: isRounded ? 1.6732 : 1.67326319217681884765625),
                gamma: try attributes.float("gamma", default: isRounded ? 1.0507 : 1.05070102214813232421875))
        },
        define("Sigmoid", floatsFromVersion13) { _ in .sigmoid },
        define("Sign", [9: .ieeeNumbers, 13: .numbers], input: "input", output: "output") { _ in .sign },
        define("Softplus", [1: .ieeeFloats, 22: .floats]) { _ in .softplus },
        define("Softsign", [1: .ieeeFloats, 22: .floats], input: "input", output: "output") { _ in .softsign },
        define("Sqrt", floatsFromVersion13) { _ in .squareRoot },
        define("Tanh", floatsFromVersion13, input: "input", output: "output") { _ in .tanh },
        define("ThresholdedRelu", [10: .ieeeFloats, 22: .floats]) {
            .thresholdedRelu(alpha: try $0.float("alpha", default: 1))
        },
    ]

    private enum GeluForm: String, CaseIterable {
        case none
        case tanh
    }

    private static let floatsFromVersion13: KeyValuePairs<Int, TypeSet> = [1: .ieeeFloats, 6: .ieeeFloats, 13: .floats]
    private static let floatsFromVersion22: KeyValuePairs<Int, TypeSet> = [1: .ieeeFloats, 6: .ieeeFloats, 22: .floats]

    /// - Parameter types: the element types by version.
    private static func define(
        _ type: String, _ types: KeyValuePairs<Int, TypeSet>, input: String = "X", output: String = "Y",
        function: @escaping @Sendable (AttributeReader) throws -> UnaryFunction
    ) -> OperatorDefinition {
        let versions = types.map(\.key)
        return OperatorDefinition(type, versions: versions) { version in
            let allowed = types.last { $0.key <= version }?.value ?? []
            return Signature(inputs: [input: "T"], outputs: [output: "T"], types: ["T": allowed])
        } make: { attributes in
            attributes.ignoreConsumedInputs(versions: versions)
            return ElementwiseUnary(function: try function(attributes))
        }
    }
}

extension AttributeReader {
    /// Accepts `consumed_inputs`, a hint on memory that version 1 of many operators had. Version 6 of those is nothing but the
    /// definition without it, so an operator that changed at 6 had it before.
    package func ignoreConsumedInputs(versions: [Int]) {
        if version < 6, versions.contains(6) { ignore("consumed_inputs") }
    }
}
