import CNNKernelTable

/// What a convolution does in a run, and how its threads share it.
extension ConvolutionComputation {
    func scratchCount(_ machine: Machine) -> Int {
        switch method {
        case .blocked, .depthwise: 0
        case .winograd(let method): WinogradSchedule(geometry, method, images: images, machine).scratchCount
        case .first: kernels.firstScratchCount(geometry) * machine.threads
        case .winogradColumns(let input): kernels.winogradColumnScratchCount(geometry, input) * machine.threads
        case .planar: kernels.planarScratchCount(geometry) * machine.threads
        }
    }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let (kernels, geometry) = (kernels, geometry)
        let maps = ConvolutionMaps(
            input: try layer.input(0), output: try layer.output(), residual: hasResidual ? try layer.input(1) : nil,
            weights: try packedWeights(),
            bias: bias.map { FloatBuffer(padded($0), paddedTo: kernels.paddedChannels(geometry.outputChannels)) },
            activation: activation, poolsPairs: poolsPairs, channelBlock: kernels.channelBlock)
        let parts = machine.parts(multiplyAdds: geometry.multiplyAdds(images: images))
        let partsOfImage = Partition.partsPerImage(parts, images)
        let weightCount = weights.shape.elementCount
        let inputCount = geometry.inputChannels * geometry.window.input.count
        let (height, pixels) = (geometry.window.output.height, geometry.window.output.count)

        func step(_ grid: Grid, scratchCount: Int = 0, _ compute: @escaping ConvolutionStep.Kernel) -> ConvolutionStep {
            ConvolutionStep(
                compute: compute, maps: maps, scratch: layer.scratch, scratchCount: scratchCount, grid: grid,
                work: Partition(images: images, units: grid.count, parts: parts))
        }

        switch method {
        case .winograd(let method):
            return WinogradStep(
                method: method, geometry: geometry, kernels: kernels, maps: maps, scratch: layer.scratch,
                schedule: WinogradSchedule(geometry, method, images: images, machine))
        case .blocked:
            let size = kernels.convolutionPixelTile
            let grid = Grid(
                rows: kernels.blockedOutputTiles(geometry), columns: (pixels + size - 1) / size, parts: partsOfImage,
                rowData: weightCount, columnData: inputCount)
            return step(grid) { operands, outputTiles, pixelTiles, _ in
                kernels.convolveBlocked(
                    geometry, operands, outputTiles: outputTiles,
                    pixels: elements(ofTiles: pixelTiles, size: size, count: pixels))
            }
        case .first:
            let grid = Grid(
                rows: kernels.firstOutputTiles(geometry), columns: height, parts: partsOfImage, rowData: weightCount,
                columnData: inputCount)
            return step(grid, scratchCount: kernels.firstScratchCount(geometry)) { operands, outputTiles, rows, scratch in
                kernels.convolveFirst(geometry, operands, outputTiles: outputTiles, rows: rows, scratch: scratch)
            }
        case .winogradColumns(let input):
            let grid = Grid(
                rows: kernels.blockedOutputTiles(geometry), columns: kernels.winogradRowTiles(geometry), parts: partsOfImage,
                rowData: weightCount, columnData: inputCount)
            return step(grid, scratchCount: kernels.winogradColumnScratchCount(geometry, input)) {
                operands, outputTiles, rowTiles, scratch in
                kernels.convolveWinogradColumns(
                    geometry, input, operands, outputTiles: outputTiles, rowTiles: rowTiles, scratch: scratch)
            }
        case .depthwise:
            // A row of the map reads some of the input of the next.
            let grid = Grid(
                rows: kernels.channelBlocks(geometry.outputChannels), columns: height, parts: partsOfImage, rowData: 1,
                columnData: 0)
            return step(grid) { operands, blocks, rows, _ in
                kernels.convolveDepthwise(geometry, operands, blocks: blocks, rows: rows)
            }
        case .planar:
            let size = kernels.gemmPanelColumns
            let grid = Grid(
                rows: geometry.groups, columns: kernels.rightPanels(columns: pixels), parts: partsOfImage, rowData: 1,
                columnData: 0)
            return step(grid, scratchCount: kernels.planarScratchCount(geometry)) { operands, groups, panels, scratch in
                for group in groups {
                    kernels.convolvePlanar(
                        geometry, operands, group: group, pixels: elements(ofTiles: panels, size: size, count: pixels),
                        scratch: scratch)
                }
            }
        }
    }
}

extension ConvolutionGeometry {
    /// Multiplications that the sums take, saturating: a cost, not a size.
    func multiplyAdds(images: Int) -> Int {
        let perOutput = window.kernel.count * (inputChannels / groups)
        let (count, overflow) = perOutput.multipliedReportingOverflow(by: outputChannels * window.output.count)
        let (total, totalOverflow) = count.multipliedReportingOverflow(by: images)
        return overflow || totalOverflow ? Int.max : total
    }
}
