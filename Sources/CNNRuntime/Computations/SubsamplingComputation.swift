import CNNKernelTable

/// The pixels of a map that a window of one pixel with a stride sees: a maximum of one is the number itself, NaN included.
struct SubsamplingComputation: Computation {
    private let pooling: PoolingComputation

    /// - Parameter window: of one pixel, without padding.
    init(_ window: KernelWindow) {
        pooling = PoolingComputation(.maximum, window)
    }

    var algorithm: String { "subsampling" }
    var allowsGapsBetweenImages: Bool { pooling.allowsGapsBetweenImages }

    func forImages(_ count: Int, of total: Int) -> (any Computation)? { self }

    func layouts(_ inputs: [Layout]) -> LayoutChoice { pooling.layouts(inputs) }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step { try pooling.makeStep(layer, machine) }
}
