import CNNKernelTable

/// The map that a convolution stores: that of its pixels, or of the largest of each 2×2 of them.
struct StoredMap {
    /// Pixels of the convolution along each axis to a stored one.
    private let scale: Int
    let width: Int

    @inline(__always)
    init(_ window: WindowGeometry, _ operands: ConvolutionOperands) {
        scale = operands.poolsPairs ? 2 : 1
        width = window.output.width / scale
    }

    /// Where a pixel of the convolution is stored; of those that are pooled, the first.
    @inline(__always)
    func pixel(row: Int, column: Int = 0) -> Int { row / scale * width + column / scale }

    /// How many are stored of so many side by side.
    @inline(__always)
    func count(_ pixels: Int) -> Int { pixels / scale }

    /// Those that rows of the convolution give.
    @inline(__always)
    func pixels(ofRows rows: Range<Int>) -> Range<Int> { pixel(row: rows.lowerBound)..<pixel(row: rows.upperBound) }
}
