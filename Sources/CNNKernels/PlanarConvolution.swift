import CNNKernelTable

/// Any convolution, as a matrix product: weights `[O, K]` times patches `[K, pixels]`, with K = I·kD·kH·kW of one group.
/// The patches are gathered straight into the panels of `packRight`, as many at a time as stay in the second-level cache.
extension Kernels {
    package func planarWeightCount(_ geometry: ConvolutionGeometry) -> Int {
        geometry.groups
            * packedLeftCount(rows: geometry.outputChannels / geometry.groups, depth: geometry.patchSize)
    }

    package func packPlanarWeights(
        _ geometry: ConvolutionGeometry, weights: UnsafePointer<Float>, groups: Range<Int>,
        to packed: UnsafeMutablePointer<Float>
    ) {
        let rows = geometry.outputChannels / geometry.groups
        let depth = geometry.patchSize
        for group in groups {
            packLeft(
                StridedMatrix(weights + group * rows * depth, rowStride: depth), rows: rows, depth: depth, scale: 1,
                panels: 0..<leftPanels(rows: rows), to: packed + group * packedLeftCount(rows: rows, depth: depth))
        }
    }

    package func planarScratchCount(_ geometry: ConvolutionGeometry) -> Int {
        panelsAtOnce(geometry) * gemmPanelColumns * geometry.patchSize
    }

    private func panelsAtOnce(_ geometry: ConvolutionGeometry) -> Int {
        let panelBytes = gemmPanelColumns * geometry.patchSize * MemoryLayout<Float>.stride
        return max(1, min(rightPanels(columns: geometry.window.output.count), 256 * 1024 / max(1, panelBytes)))
    }

    package func convolvePlanar(
        _ geometry: ConvolutionGeometry, _ operands: ConvolutionOperands, group: Int, pixels: Range<Int>,
        scratch: UnsafeMutablePointer<Float>
    ) {
        let rows = geometry.outputChannels / geometry.groups
        let depth = geometry.patchSize
        let firstRow = group * rows
        let patches = PatchGatherer(
            window: geometry.window, channels: geometry.inputChannels / geometry.groups,
            input: operands.input + group * (geometry.inputChannels / geometry.groups) * operands.inputStride,
            channelStride: operands.inputStride, panelColumns: gemmPanelColumns)
        let atOnce = panelsAtOnce(geometry) * gemmPanelColumns
        var pixel = pixels.lowerBound
        while pixel < pixels.upperBound {
            let count = min(atOnce, pixels.upperBound - pixel)
            let panels = rightPanels(columns: count)
            for panel in 0..<panels {
                let first = panel * gemmPanelColumns
                patches.gather(
                    pixel + first, min(gemmPanelColumns, count - first), to: scratch + first * depth)
            }
            let arguments = GEMMArguments(
                rows: rows, columns: count, depth: depth,
                left: operands.weights + group * packedLeftCount(rows: rows, depth: depth), right: UnsafePointer(scratch),
                output: operands.output + firstRow * operands.outputStride + pixel, outputRowStride: operands.outputStride,
                rowBias: operands.bias.map { $0 + firstRow },
                residual: operands.residual.map { $0 + firstRow * operands.residualStride + pixel },
                residualRowStride: operands.residualStride, activation: operands.activation)
            gemm(arguments, rowPanels: 0..<leftPanels(rows: rows), columnPanels: 0..<panels)
            pixel += count
        }
    }
}

extension ConvolutionGeometry {
    /// Products in one output element: the inner dimension of the matrix product.
    var patchSize: Int { inputChannels / groups * window.kernel.count }
}

/// Gathers the patches under a run of output pixels into one panel `[channel, kD, kH, kW][panelColumns]`.
private struct PatchGatherer {
    let window: WindowGeometry
    /// Channels of one group.
    let channels: Int
    let input: UnsafePointer<Float>
    let channelStride: Int
    let panelColumns: Int

    func gather(_ first: Int, _ count: Int, to panel: UnsafeMutablePointer<Float>) {
        let rowWidth = window.output.width
        var lane = 0
        // Pixels of one output row at a time: their inputs under a tap lie at a constant step.
        while lane < count {
            let pixel = first + lane
            let row = pixel / rowWidth
            let x = pixel - row * rowWidth
            let run = min(count - lane, rowWidth - x)
            gatherRun(
                z: row / window.output.height, y: row % window.output.height, x: x, count: run, to: panel + lane)
            lane += run
        }
        if count < panelColumns {
            for k in 0..<channels * window.kernel.count {
                (panel + k * panelColumns + count).update(repeating: 0, count: panelColumns - count)
            }
        }
    }

    private func gatherRun(z: Int, y: Int, x: Int, count: Int, to panel: UnsafeMutablePointer<Float>) {
        let front = z * window.stride.depth - window.padBegin.depth
        let top = y * window.stride.height - window.padBegin.height
        let left = x * window.stride.width - window.padBegin.width
        var target = panel
        for channel in 0..<channels {
            let map = input + channel * channelStride
            for tapZ in 0..<window.kernel.depth {
                let inputZ = front + tapZ * window.dilation.depth
                let insideZ = inputZ >= 0 && inputZ < window.input.depth
                for tapY in 0..<window.kernel.height {
                    let inputY = top + tapY * window.dilation.height
                    let inside = insideZ && inputY >= 0 && inputY < window.input.height
                    let row = map + (inputZ * window.input.height + inputY) * window.input.width
                    for tapX in 0..<window.kernel.width {
                        let start = left + tapX * window.dilation.width
                        if inside {
                            copy(row, from: start, count: count, to: target)
                        } else {
                            target.update(repeating: 0, count: count)
                        }
                        target += panelColumns
                    }
                }
            }
        }
    }

    /// Copies `count` elements of an input row, `stride.width` apart, zeros where it ends.
    @inline(__always)
    private func copy(_ row: UnsafePointer<Float>, from start: Int, count: Int, to target: UnsafeMutablePointer<Float>) {
        let step = window.stride.width
        let existing = TapRange(first: start, dilation: step, taps: count, limit: window.input.width).range
        if step == 1 && existing.count == count && count == 2 * Vector.scalarCount {
            store(load(row + start), target)
            store(load(row + start + Vector.scalarCount), target + Vector.scalarCount)
            return
        }
        for lane in 0..<existing.lowerBound {
            target[lane] = 0
        }
        for lane in existing {
            target[lane] = row[start + lane * step]
        }
        for lane in existing.upperBound..<count {
            target[lane] = 0
        }
    }
}
