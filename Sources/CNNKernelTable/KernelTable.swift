/// The entry points of the inner loops, as one instruction set computes them.
///
/// The source folder `CNNKernels` is compiled once for each instruction set; each module offers one value of this type, and
/// `KernelSelection` picks among them at start. Everything here works on raw pointers and sizes: what a tensor is, and who
/// owns the memory, is the caller's business, and so are threads. An entry point computes a *range* of its output (tiles, rows,
/// panels, channels …), so that a caller may split the work any way it likes:
///
/// - the parts of a partition write disjoint memory, and none reads what another writes;
/// - every output element is summed in an order fixed by the operator's geometry alone, so the bits do not depend on the
///   partition, and so not on the number of threads. (Winograd reorders the sum against direct convolution, but its own order
///   is fixed as well.)
///
/// Layouts. *Planar* is ONNX's own `[C][D·H·W]` of one image. *Blocked* is `[⌈C/c⌉][H·W][c]` with `c = channelBlock`: the
/// channels of a block lie side by side, one vector wide, and a last block that C does not fill holds zeros in the
/// missing channels. Blocked inputs must hold those zeros; every kernel that writes a blocked output writes them, provided that
/// its activation and its bias keep zero at zero (a `clip` to [1, 6] would not: the caller must not rely on padding then, and
/// the convolution's packed weights are zero there anyway).
/// Strides are counted in elements (Float). Pointers need no alignment beyond a Float's; 64 bytes are faster.
/// Sizes are trusted: they must have been checked before, nothing here is bounds-checked.
package protocol KernelTable: GEMMKernels, DenseKernels, ConvolutionKernels, WinogradKernels, WinogradColumnKernels,
    PoolingKernels, NormalizationKernels, ElementwiseKernels, LayoutKernels, DoubleProductKernels, PeakKernels, Sendable
{
    /// "avx512", "avx2" or "baseline".
    var name: String { get }
    /// Channels in a block of the blocked layout: c of NCHWc, which is also this table's vector width.
    var channelBlock: Int { get }
}

extension KernelTable {
    /// Number of channel blocks that hold `channels` channels.
    package func channelBlocks(_ channels: Int) -> Int {
        (channels + channelBlock - 1) / channelBlock
    }

    /// `channels` rounded up to whole blocks: the length that a bias, scale or shift vector of a blocked kernel must have.
    package func paddedChannels(_ channels: Int) -> Int {
        channelBlocks(channels) * channelBlock
    }
}
