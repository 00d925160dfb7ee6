import CNNKernelTable

/// How the channels of a grouped convolution lie where every group begins with a block of its own: behind the channels of each group
/// stand as many zeros as fill its last block.
struct GroupPadding: Sendable {
    let groups: Int
    /// Of one group.
    let inputs: Int
    let outputs: Int
    let paddedInputs: Int
    let paddedOutputs: Int

    init(_ geometry: ConvolutionGeometry, channelBlock block: Int) {
        groups = geometry.groups
        inputs = geometry.inputChannels / groups
        outputs = geometry.outputChannels / groups
        paddedInputs = (inputs + block - 1) / block * block
        paddedOutputs = (outputs + block - 1) / block * block
    }

    /// By channel of the padded map: the channel, nil for zeros.
    static func channels(groups: Int, of count: Int, paddedTo padded: Int) -> [Int?] {
        (0..<groups * padded).map { $0 % padded < count ? $0 / padded * count + $0 % padded : nil }
    }

    /// By channel: where it stands in the padded map.
    static func positions(groups: Int, of count: Int, paddedTo padded: Int) -> [Int] {
        (0..<groups * count).map { $0 / count * padded + $0 % count }
    }
}

extension ConvolutionComputation {
    /// The same convolution of maps whose groups are padded to whole blocks, which direct convolution takes; nil for one that needs no
    /// padding, or that would be mostly zeros.
    func paddingGroups() -> ConvolutionComputation? {
        guard method == .planar, geometry.groups > 1 else { return nil }
        let padding = GroupPadding(geometry, channelBlock: kernels.channelBlock)
        var padded = geometry
        padded.inputChannels = padding.groups * padding.paddedInputs
        padded.outputChannels = padding.groups * padding.paddedOutputs
        // The planar method reaches about a quarter of the direct one's speed on few channels a group.
        guard kernels.supportsBlocked(padded),
            padding.paddedInputs * padding.paddedOutputs <= 4 * padding.inputs * padding.outputs
        else { return nil }
        var convolution = self
        convolution.geometry = padded
        convolution.groupPadding = padding
        convolution.method = .blocked
        convolution.alternatives = [Alternative(method: .blocked, cost: 0)]
        return convolution
    }

    /// Numbers by output channel as the method counts channels.
    func padded(_ values: [Double]) -> [Double] {
        guard let padding = groupPadding else { return values }
        return GroupPadding.channels(groups: padding.groups, of: padding.outputs, paddedTo: padding.paddedOutputs)
            .map { $0.map { values[$0] } ?? 0 }
    }

    /// Packing for the padded groups, of weights without padding.
    func packing(_ padding: GroupPadding) -> WeightPacking {
        let (kernels, geometry) = (kernels, geometry)
        let taps = geometry.window.kernel.count
        let tiles = kernels.blockedOutputTiles(geometry) / padding.groups
        let (row, paddedRow) = (padding.inputs * taps, padding.paddedInputs * taps)
        let count = padding.paddedOutputs * paddedRow
        return WeightPacking(
            count: kernels.blockedWeightCount(geometry), pieces: padding.groups, firstSlice: { $0 * padding.outputs },
            pack: { weights, groups, packed in
                withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { buffer in
                    guard let copy = buffer.baseAddress else { return }
                    for group in groups {
                        copy.initialize(repeating: 0, count: count)
                        for output in 0..<padding.outputs {
                            (copy + output * paddedRow).update(
                                from: weights + (group * padding.outputs + output) * row, count: row)
                        }
                        // The place where the first group would begin if the copy were one of all.
                        kernels.packBlockedWeights(
                            geometry, weights: UnsafePointer(copy - group * count),
                            outputTiles: group * tiles..<(group + 1) * tiles,
                            to: packed)
                    }
                }
            })
    }
}
