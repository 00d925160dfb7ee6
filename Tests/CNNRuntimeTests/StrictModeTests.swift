import CNNModels
import CNNTensors
import Testing

@testable import CNNRuntime

@Suite("Strict mode")
struct StrictModeTests {
    static let images = 6

    enum Network: String, CaseIterable, Sendable {
        case residual, branches, groups, volumes, gates, classifier

        /// A network whose only input is "x" and whose outputs all have the batch as their first axis.
        var network: NetworkUnderTest {
            get throws {
                var network = NetworkUnderTest(seed: 21)
                switch self {
                case .residual: try network.addResidualBlocks()
                case .branches: try network.addBranches()
                case .groups: try network.addGroups()
                case .volumes: try network.addVolumes()
                case .gates: try network.addGates()
                case .classifier: try network.addClassifier()
                }
                return network
            }
        }
    }

    @Test(
        "gives the same bits for any number of threads and any split of the batch", arguments: InstructionSet.available,
        Network.allCases)
    func bits(_ instructionSet: InstructionSet, _ example: Network) throws {
        let network = try example.network
        let batch = try #require(network.inputs["x"])
        let sizes = batch.shape.dimensions
        let elements = try batch.elements(as: Float.self)
        let imageCount = elements.count / Self.images

        /// All outputs of the whole batch, computed so many images at a time.
        func run(_ session: Session, images: Int) throws -> [String: [UInt32]] {
            var bits: [String: [UInt32]] = [:]
            for first in stride(from: 0, to: Self.images, by: images) {
                let part = Array(elements[first * imageCount..<(first + images) * imageCount])
                let outputs = try session.run(["x": Tensor(part, shape: Shape([images] + sizes.dropFirst()))])
                for (name, tensor) in outputs {
                    bits[name, default: []] += try tensor.elements(as: Float.self).map(\.bitPattern)
                }
            }
            return bits
        }
        var expected: [String: [UInt32]]?
        for threads in [1, 2, 3, 7] {
            let options = SessionOptions(threads: threads, mode: .strict, instructionSet: instructionSet)
            let session = try Session(network.model, options: options)
            for images in [6, 3, 1] {
                let bits = try run(session, images: images)
                #expect(bits == expected ?? bits, "\(threads) threads, \(images) images at a time")
                expected = expected ?? bits
            }
        }
    }
}

extension NetworkUnderTest {
    fileprivate mutating func addResidualBlocks() throws {
        let x = try input("x", [StrictModeTests.images, 3, 23, 21])
        let stem = node("Relu", [try normalizedConvolution(x, inputs: 3, outputs: 32)])
        let main = try normalizedConvolution(
            node("Relu", [try normalizedConvolution(stem, inputs: 32, outputs: 32)]), inputs: 32, outputs: 32)
        let sum = node("Relu", [node("Add", [main, stem])])
        let attributes = [Attribute("strides", .ints([2, 2])), Attribute("pads", .ints([1, 1, 1, 1]))]
        let reduced = node("Conv", [sum, try weights([40, 32, 3, 3])], attributes: attributes)
        // What stands before a convolution cannot be folded into it.
        output(node("GlobalAveragePool", [node("Relu", [try normalization(reduced, channels: 40)])]))
    }

    fileprivate mutating func addBranches() throws {
        let x = try input("x", [StrictModeTests.images, 16, 17, 19])
        let pool = [Attribute("kernel_shape", .ints([3, 3])), Attribute("pads", .ints([1, 1, 1, 1]))]
        let branches = [
            try convolution(x, inputs: 16, outputs: 24), node("MaxPool", [x], attributes: pool),
            node("AveragePool", [x], attributes: pool), node("Conv", [x, try weights([9, 16, 1, 1]), try weights([9])]),
        ]
        let joined = node("Concat", branches, attributes: [Attribute("axis", .int(1))])
        let normalized = node("LRN", [joined], attributes: [Attribute("size", .int(5))])
        output(try convolution(normalized, inputs: 65, outputs: 20), node("GlobalMaxPool", [joined]))
    }

    fileprivate mutating func addGroups() throws {
        let x = try input("x", [StrictModeTests.images, 32, 15, 14])
        let pads = Attribute("pads", .ints([1, 1, 1, 1]))
        let depthwise = node(
            "Conv", [x, try weights([32, 1, 3, 3]), try weights([32])], attributes: [pads, Attribute("group", .int(32))])
        let clipped = node("Clip", [depthwise, constant(try Tensor(scalar: Float(0))), constant(try Tensor(scalar: Float(6)))])
        let grouped = node("Conv", [clipped, try weights([64, 16, 3, 3])], attributes: [pads, Attribute("group", .int(2))])
        let narrow = node("Conv", [grouped, try weights([24, 16, 3, 3])], attributes: [pads, Attribute("group", .int(4))])
        output(node("Conv", [narrow, try weights([18, 4, 3, 3])], attributes: [pads, Attribute("group", .int(6))]))
    }

    fileprivate mutating func addVolumes() throws {
        let x = try input("x", [StrictModeTests.images, 4, 9, 10, 11])
        let volume = node(
            "Conv", [x, try weights([12, 4, 3, 3, 3])], attributes: [Attribute("pads", .ints([1, 1, 1, 1, 1, 1]))])
        let rows = node("Reshape", [volume, constant(try Tensor([Int64(0), 12, -1]))])
        let signal = node("Conv", [rows, try weights([10, 12, 5])], attributes: [Attribute("strides", .ints([2]))])
        output(node("Tanh", [signal]), node("Softmax", [signal], attributes: [Attribute("axis", .int(1))]))
    }

    fileprivate mutating func addGates() throws {
        let x = try input("x", [StrictModeTests.images, 24, 16, 16])
        let features = try convolution(x, inputs: 24, outputs: 24)
        let squeezed = node("ReduceMean", [features], attributes: [Attribute("axes", .ints([2, 3]))])
        let gate = node("Sigmoid", [node("Conv", [squeezed, try weights([24, 24, 1, 1]), try weights([24])])])
        let gated = node("Mul", [features, gate])
        output(node("Sum", [gated, x, features]), node("Max", [gated, x, features]))
    }

    fileprivate mutating func addClassifier() throws {
        let x = try input("x", [StrictModeTests.images, 16, 9, 9])
        let flat = node("Flatten", [node("Relu", [try convolution(x, inputs: 16, outputs: 16)])])
        let hidden = node(
            "Gemm", [flat, try weights([200, 16 * 81]), try weights([200])],
            attributes: [Attribute("transB", .int(1)), Attribute("alpha", .float(0.5))])
        let next = node("MatMul", [node("Relu", [hidden]), try weights([200, 150])])
        let biased = node("Add", [next, try weights([150])])
        output(node("Softmax", [node("Gemm", [biased, try weights([150, 37])])]), node("LogSoftmax", [biased]))
    }
}
