import CNNKernelSelection
import CNNKernelTable
import CNNModels
import CNNOperators

extension SessionOptions {
    /// The kernels that the options choose, or else those that suit the model best.
    /// - Throws: `SessionError.instructionSetUnavailable`.
    func kernels(for model: BoundModel) throws(SessionError) -> any KernelTable {
        guard let instructionSet else {
            let best = KernelSelection.best
            guard let narrow = KernelSelection.named(InstructionSet.avx2.rawValue) else { return best }
            return model.prefersBlocks(of: narrow.channelBlock, to: best.channelBlock) ? narrow : best
        }
        guard let kernels = KernelSelection.named(instructionSet.rawValue) else {
            throw .instructionSetUnavailable(instructionSet, available: InstructionSet.available)
        }
        return kernels
    }
}

extension BoundModel {
    /// Whether wide vectors would cost a small model more than they bring. The first convolution's maps are the largest: where its channels
    /// fill half of a wide block at most, the rest is zeros that are written and read. With 6 or 8 of 16 channels, AVX2 took 0.67 to 0.87 of
    /// the time of AVX-512 on a processor that multiplies equally fast with both; with 12 and more they were level. Large models gain
    /// more from wide vectors in their other layers. The answer depends on the model alone, so that a session computes batches of any size
    /// alike.
    fileprivate func prefersBlocks(of narrow: Int, to wide: Int) -> Bool {
        guard narrow < wide, Double(model.weightBytes) <= Machine.coreCache,
            let first = nodes.first(where: { $0.operation is Conv }), first.node.inputs.count > 1,
            let weights = model.graph.initializers.first(where: { $0.name == first.node.inputs[1] }),
            let channels = weights.tensor.shape.dimensions.first
        else { return false }
        return channels <= narrow
    }
}
