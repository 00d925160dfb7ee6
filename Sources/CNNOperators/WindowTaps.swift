import CNNModels

/// Where one window lies along one axis.
package struct AxisWindow: Sendable, Hashable {
    /// The input position that the first tap of the kernel meets; negative in the padding.
    package let start: Int
    /// The taps that meet the input rather than the padding.
    package let taps: Range<Int>
}

/// A position within the kernel and the input position that it meets, both row-major over the spatial axes.
package struct WindowTap: Sendable, Hashable {
    package let kernel: Int
    package let input: Int
}

/// Which input positions each window covers, for spatial axes of known sizes.
package struct WindowTaps: Sendable {
    package let geometry: WindowGeometry
    package let inputSizes: [Int]
    /// The number of windows along each axis.
    package let outputSizes: [Int]
    /// The padding before and behind each axis.
    package let pads: [(begin: Int, end: Int)]

    package init(_ geometry: WindowGeometry, inputSizes: [Int]) throws {
        try self.init(
            geometry, inputSizes: inputSizes,
            outputSizes: inputSizes.indices.map { try geometry.outputSize(inputSizes[$0], axis: $0) },
            pads: inputSizes.indices.map { try geometry.pads(inputSizes[$0], axis: $0) })
    }

    /// As many windows as asked for, the first one `begin` before the input; the geometry's own padding plays no part.
    package init(
        _ geometry: WindowGeometry, inputSizes: [Int], outputSizes: [Int], pads: [(begin: Int, end: Int)]
    ) throws {
        self.geometry = geometry
        self.inputSizes = inputSizes
        self.outputSizes = outputSizes
        self.pads = pads
        // One check here keeps the arithmetic on every single position simple: where the last window ends fits an Int.
        for axis in inputSizes.indices {
            _ = try Dimension(outputSizes[axis]) * Dimension(geometry.strides[axis]) + Dimension(geometry.extent(axis))
        }
    }

    /// The number of windows.
    package var windowCount: Int { outputSizes.reduce(1, *) }

    /// Window number `window` along an axis.
    package func axisWindow(_ window: Int, axis: Int) -> AxisWindow {
        let start = window * geometry.strides[axis] - pads[axis].begin
        return AxisWindow(start: start, taps: taps(startingAt: start, within: 0..<inputSizes[axis], axis: axis))
    }

    /// The taps of a window that starts at `start` which lie within `positions`: one run, since taps are evenly spaced.
    private func taps(startingAt start: Int, within positions: Range<Int>, axis: Int) -> Range<Int> {
        let (kernel, dilation) = (geometry.kernelShape[axis], geometry.dilations[axis])
        // Most windows lie within, and need no division.
        if start >= positions.lowerBound, start + (kernel - 1) * dilation < positions.upperBound { return 0..<kernel }
        func tapsBelow(_ position: Int) -> Int {
            position <= start ? 0 : min((position - start - 1) / dilation + 1, kernel)
        }
        let first = tapsBelow(positions.lowerBound)
        return first..<max(first, tapsBelow(positions.upperBound))
    }

    /// How many taps of a window along an axis meet the input or its padding; a partly filled window of ceil mode has
    /// fewer than the kernel.
    package func paddedTapCount(_ window: Int, axis: Int) -> Int {
        let (begin, end) = pads[axis]
        let start = window * geometry.strides[axis] - begin
        return taps(startingAt: start, within: -begin..<inputSizes[axis] + end, axis: axis).count
    }

    /// Calls `body` for every window in row-major order with its number, its index along each axis and the taps that meet
    /// the input, in row-major order.
    package func forEachWindow(_ body: (Int, _ indices: [Int], UnsafeBufferPointer<WindowTap>) throws -> Void) rethrows {
        let rank = inputSizes.count
        guard windowCount > 0 else { return }
        let capacity = max(geometry.tapCount(within: inputSizes), 1)
        let buffer = UnsafeMutableBufferPointer<WindowTap>.allocate(capacity: capacity)
        defer { buffer.deallocate() }
        var axisWindows = (0..<rank).map { axisWindow(0, axis: $0) }
        var indices = [Int](repeating: 0, count: rank)
        for window in 0..<windowCount {
            let count = fill(buffer, axisWindows)
            try body(window, indices, UnsafeBufferPointer(rebasing: buffer[..<count]))
            for axis in stride(from: rank - 1, through: 0, by: -1) {
                indices[axis] = indices[axis] + 1 == outputSizes[axis] ? 0 : indices[axis] + 1
                axisWindows[axis] = axisWindow(indices[axis], axis: axis)
                if indices[axis] != 0 { break }
            }
        }
    }

    /// Writes the taps of a window, given along each axis, and returns how many there are.
    private func fill(_ buffer: UnsafeMutableBufferPointer<WindowTap>, _ window: [AxisWindow]) -> Int {
        // One axis without taps leaves none; the buffer has no room for those of the others then.
        guard window.allSatisfy({ !$0.taps.isEmpty }) else { return 0 }
        var count = 1
        buffer.initializeElement(at: 0, to: WindowTap(kernel: 0, input: 0))
        // Axis by axis, outermost first, every tap so far becomes one for each tap of the next axis. Going backwards, the
        // written taps never overtake those still to be read.
        for (axis, axisWindow) in window.enumerated() {
            let (taps, dilation) = (axisWindow.taps, geometry.dilations[axis])
            for outer in stride(from: count - 1, through: 0, by: -1) {
                let outerTap = buffer[outer]
                for tap in taps.reversed() {
                    buffer[outer * taps.count + tap - taps.lowerBound] = WindowTap(
                        kernel: outerTap.kernel * geometry.kernelShape[axis] + tap,
                        input: outerTap.input * inputSizes[axis] + axisWindow.start + tap * dilation)
                }
            }
            count *= taps.count
        }
        return count
    }
}
