import CNNKernelTable
import CNNModels
import CNNOperators
import CNNTensors

/// What the kernels run on.
struct Machine: Sendable {
    let kernels: any KernelTable
    let threads: Int
    let mode: SessionOptions.Mode

    /// Bytes of the second-level cache of a core, of which servers' have one or two million.
    static let coreCache = Double(1 << 20)

    /// How many parts a piece of work is worth being split into: several for each thread, as they are taken up one by one by whoever has
    /// time.
    /// - Parameter cost: elements moved, or read from memory once, that it takes.
    func parts(cost: Int) -> Int {
        // A part that is taken up at once costs a fraction of a microsecond, one that wakes a sleeping thread up to fifty; so a part is
        // worth a few microseconds, in which one thread moves some 20,000 elements.
        min(mostParts, max(1, cost / 20_000))
    }

    /// The same for work that is bound by arithmetic.
    func parts(multiplyAdds: Int) -> Int {
        // One thread does about 50,000 of them in a microsecond or two.
        min(mostParts, max(1, multiplyAdds / 50_000))
    }

    private var mostParts: Int { threads == 1 ? 1 : 8 * threads }
}

/// In which order the elements of a value lie in memory.
enum Layout: Sendable, Hashable {
    /// Row-major, as ONNX has it.
    case planar
    /// `[N][⌈C/c⌉][pixels][c]`: the channels of a block side by side, missing ones zero.
    case blocked
}

/// A value seen as images of channels of pixels: `[N, C, pixels…]`.
struct FeatureMap: Sendable, Hashable {
    let images: Int
    let channels: Int
    let pixels: Int

    /// Values of two axes or more are `[N, C, …]`; others are one image of one channel.
    init(_ shape: Shape) {
        guard shape.rank >= 2 else {
            (images, channels, pixels) = (1, 1, shape.elementCount)
            return
        }
        (images, channels) = (shape[0], shape[1])
        pixels = shape.dimensions.dropFirst(2).reduce(1, *)
    }

    /// Floats of one image; nil if they cannot be counted.
    func imageCount(_ layout: Layout, _ kernels: any KernelTable) -> Int? {
        guard channels <= Int.max - kernels.channelBlock else { return nil }
        let width = layout == .planar ? channels : kernels.paddedChannels(channels)
        let (count, overflow) = width.multipliedReportingOverflow(by: pixels)
        return overflow ? nil : count
    }
}

/// The layouts that a computation takes its inputs in and gives its output in.
struct LayoutChoice {
    /// By input; nil where it does not matter or the input is left out.
    var inputs: [Layout?]
    var output: Layout

    static func planar(inputs count: Int) -> LayoutChoice {
        LayoutChoice(inputs: Array(repeating: .planar, count: count), output: .planar)
    }
}

/// How a layer is computed.
protocol Computation: Sendable {
    /// What the profile calls it.
    var algorithm: String { get }
    /// What it makes of inputs that lie in these layouts. Inputs that it wants otherwise are converted before it.
    func layouts(_ inputs: [Layout]) -> LayoutChoice
    /// Floats of scratch memory that its step takes.
    func scratchCount(_ machine: Machine) -> Int
    /// Whether images of inputs and output may lie further apart than their size, as within the output of a Concat.
    var allowsGapsBetweenImages: Bool { get }
    /// Bytes of constants, in the form in which the step reads them, that are no inputs of the layer.
    var constantBytes: Int { get }
    /// The constant that the step reads in another form than the model's; nil if there is none.
    var packedSource: Tensor? { get }
    /// Inputs that the output may overwrite.
    var overwritableInputs: [Int] { get }
    /// The same computation of `count` images rather than `total`, if it computes each image of its output from the same image of its
    /// inputs alone; nil if images meet. It asks the same layouts and weights and gives the same bits for each image. Images are numbered along
    /// the first axis of all inputs and outputs.
    func forImages(_ count: Int, of total: Int) -> (any Computation)?
    /// The step that does it.
    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step
}

extension Computation {
    func scratchCount(_ machine: Machine) -> Int { 0 }
    var allowsGapsBetweenImages: Bool { false }
    var constantBytes: Int { 0 }
    var packedSource: Tensor? { nil }
    var overwritableInputs: [Int] { [] }
    func forImages(_ count: Int, of total: Int) -> (any Computation)? { nil }
}

extension Shape {
    /// The shape with another number of images, which are numbered along the first axis; nil for a scalar.
    func forImages(_ count: Int) -> Shape? {
        rank > 0 ? try? Shape([count] + dimensions.dropFirst()) : nil
    }
}

/// Where a value lies during a run.
struct Place: Sendable, Hashable {
    enum Base: Sendable, Hashable {
        /// In the arena of the run, so many floats from its start.
        case arena(Int)
        /// In a tensor of its own: an input, a constant, or what an operator's formula gave. The number of the value.
        case tensor(Int)
    }

    var base: Base
    /// Floats from one image to the next.
    var imageStride: Int
    /// How far the place moves on for each image before the first of a group: `imageStride` where all images of the batch lie, 0 where
    /// there is room for those of a group alone.
    var groupStride: Int
}

/// A value as a step sees it.
struct Operand: Sendable {
    let value: Int
    let name: String
    let shape: Shape
    let map: FeatureMap
    let layout: Layout
    let place: Place
}

/// A layer with the places of its values: what a step is made of.
struct PlacedLayer {
    let layer: LayerGraph.Layer
    /// Nil for inputs left out.
    let inputs: [Operand?]
    let outputs: [Operand?]
    let scratch: Place

    /// The input at `index`, which the computation knows to be there.
    func input(_ index: Int) throws -> Operand {
        guard index < inputs.count, let operand = inputs[index] else { throw missing("input", index) }
        return operand
    }

    /// The first output.
    func output() throws -> Operand {
        guard let operand = outputs.first ?? nil else { throw missing("output", 0) }
        return operand
    }

    private func missing(_ what: String, _ index: Int) -> EvaluationError {
        EvaluationError(place: layer.node.place, message: "\(what) \(index) is left out or of unknown size")
    }
}

/// A piece of a plan's work.
protocol Step: Sendable {
    /// Reads its inputs and writes its outputs.
    func run(_ execution: Execution) throws
}
