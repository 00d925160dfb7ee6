import CNNModels

/// The classic convolutional networks, built as models with seeded initial weights.
///
/// Each takes one input, `image`, `[N, C, H, W]` in float32, and has one output, `scores`, `[N, classes]`: a score a class
/// before Softmax, as losses and comparisons of classifiers take it. The same name, seed and options give the same bytes.
public enum Zoo {
    /// What `model(named:)` accepts, in historical order.
    public static let names = architectures.map(\.name)

    /// The network of this name.
    /// - Parameters:
    ///   - classes: how many classes are told apart; by default as many as the network was published for.
    ///   - seed: chooses the initial weights.
    ///   - opset: the version of ONNX's operator set, 7 or more.
    /// - Throws: `ZooError` for a name that is not in `names`, a number of classes below 1 or one whose weights no memory holds, or
    ///   an operator set below 7.
    public static func model(named name: String, classes: Int? = nil, seed: UInt64 = 0, opset: Int = 17) throws -> Model {
        guard let architecture = architectures.first(where: { $0.name == name }) else {
            throw ZooError.unknownName(name)
        }
        let classes = classes ?? architecture.classes
        guard classes >= 1 else { throw ZooError.invalidClassCount(classes) }
        // Older operator sets know no broadcasting without attributes and no BatchNormalization without training outputs.
        guard opset >= 7 else { throw ZooError.unsupportedOpset(opset) }
        var network = NetworkBuilder(name: name, seed: seed, opset: opset)
        let image = network.input(channels: architecture.channels, size: architecture.size)
        let scores = try architecture.build(&network, image, classes)
        network.graph.output(scores, named: "scores", dimensions: ["N", DeclaredDimension(.known(Int64(classes)))])
        return try network.graph.model()
    }

    private struct Architecture: Sendable {
        let name: String
        var channels = 3
        var size = 224
        var classes = 1000
        let build: @Sendable (inout NetworkBuilder, NetworkBuilder.Features, Int) throws -> GraphBuilder.Value
    }

    private static let architectures: [Architecture] =
        [
            Architecture(name: "lenet5", channels: 1, size: 32, classes: 10, build: LeNet5.build),
            Architecture(name: "alexnet", build: AlexNet.build),
            Architecture(name: "zfnet", build: ZFNet.build),
        ]
        + VGG.allCases.map { vgg in Architecture(name: vgg.rawValue, build: vgg.build) }
        + [Architecture(name: "googlenet", build: GoogLeNet.build)]
        + ResNet.allCases.map { resNet in Architecture(name: resNet.rawValue, build: resNet.build) }
        + DenseNet.allCases.map { denseNet in Architecture(name: denseNet.rawValue, build: denseNet.build) }
}

/// A network that cannot be built.
public enum ZooError: Error, Sendable, Hashable {
    case unknownName(String)
    case invalidClassCount(Int)
    /// Weights of these dimensions would pass 8 GiB.
    case weightsTooLarge([Int])
    case unsupportedOpset(Int)
}

extension ZooError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknownName(let name): "there is no network '\(name)'; there are \(Zoo.names.joined(separator: ", "))"
        case .invalidClassCount(let count): "a network has 1 class or more, not \(count)"
        case .weightsTooLarge(let dimensions): "weights of shape \(dimensions) would take more than 8 GiB"
        case .unsupportedOpset(let opset): "networks are built for operator set 7 and later, not \(opset)"
        }
    }
}
