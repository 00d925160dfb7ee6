/// Depth, height and width of something: a map, a kernel, a step. A map of one or two dimensions has depth (and height) 1.
package struct Extent: Sendable, Hashable {
    package var depth: Int
    package var height: Int
    package var width: Int

    package init(depth: Int = 1, height: Int = 1, width: Int = 1) {
        self.depth = depth
        self.height = height
        self.width = width
    }

    /// Elements in a map of this extent.
    package var count: Int { depth * height * width }

    package static let one = Extent()
    package static let zero = Extent(depth: 0, height: 0, width: 0)
}

/// A window that slides over a map: output (z, y, x) sees input (z, y, x)·stride − padBegin + tap·dilation.
///
/// The output extent is explicit, so ceil mode and `auto_pad` are settled by the caller. A window may reach past the end of the
/// padded map (ceil mode): such cells count as absent.
package struct WindowGeometry: Sendable, Hashable {
    package var input: Extent
    package var output: Extent
    package var kernel: Extent
    package var stride: Extent
    package var dilation: Extent
    package var padBegin: Extent
    /// Only average pooling with padding counted asks for it; convolution reads zeros wherever the map ends.
    package var padEnd: Extent

    package init(
        input: Extent, output: Extent, kernel: Extent, stride: Extent = .one, dilation: Extent = .one,
        padBegin: Extent = .zero, padEnd: Extent = .zero
    ) {
        self.input = input
        self.output = output
        self.kernel = kernel
        self.stride = stride
        self.dilation = dilation
        self.padBegin = padBegin
        self.padEnd = padEnd
    }
    /// Whether each output pixel sees the one input pixel at its own place.
    package var isPointwise: Bool {
        kernel == .one && stride == .one && padBegin == .zero && output == input
    }
}
