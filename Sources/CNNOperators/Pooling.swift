import CNNModels
import CNNTensors

/// An operator that makes one number of each window over each channel: input `[N, C, D1 … Dn]`, output `[N, C, O1 … On]`.
protocol PoolingOperator: Operator {
    var geometry: WindowGeometry { get }
}

extension PoolingOperator {
    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] { [try pooledFact(inputs)] }

    func pooledFact(_ inputs: [ValueFact?]) throws -> ValueFact {
        let input = try inputs.required(0, "X").shape
        return try geometry.outputFact(input: input, channels: input.dimensions?.dropFirst().first ?? nil)
    }

    package func window(_ inputs: [ValueFact?]) throws -> WindowGeometry? { geometry }

    /// The most addends that a sum over one window of an input `[N, C, D1 … Dn]` has.
    func addendCount(_ input: Shape) -> Double { Double(geometry.tapCount(within: Array(input.dimensions.dropFirst(2)))) }
}

/// What the pooling operators share in evaluation: windows over the spatial axes of each channel of each image.
struct Pooling {
    let taps: WindowTaps
    let outputShape: Shape
    /// Channels of all images: the product of the first two axes.
    let planeCount: Int
    /// The elements of one channel of the input.
    let planeSize: Int

    /// - Throws: `OperatorError` if the input's rank does not suit the window, no window fits or the output is too large.
    init(_ geometry: WindowGeometry, input: Shape) throws {
        guard input.rank == geometry.spatialRank + 2 else {
            throw OperatorError(
                "the input \(input) must have \(geometry.spatialRank + 2) axes for kernel \(geometry.kernelShape)")
        }
        outputShape = try geometry.outputShape(input: input, channels: input[1])
        taps = try WindowTaps(geometry, inputSizes: Array(input.dimensions.dropFirst(2)))
        planeCount = input[0] * input[1]
        planeSize = taps.inputSizes.reduce(1, *)
    }

    /// Calls `body` for every element of the output: its position, the channel's number among those of all images and the
    /// taps within that channel.
    func forEachWindow(_ body: (_ output: Int, _ plane: Int, UnsafeBufferPointer<WindowTap>) throws -> Void) rethrows {
        // Without channels there may be any number of windows, and nothing to be done in any.
        guard planeCount > 0 else { return }
        let windowCount = taps.windowCount
        try taps.forEachWindow { window, _, tapsOfWindow in
            for plane in 0..<planeCount { try body(plane * windowCount + window, plane, tapsOfWindow) }
        }
    }
}
