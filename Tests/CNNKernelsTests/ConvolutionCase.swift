import CNNKernelTable
import Testing

/// One convolution with seeded operands, and its exact result.
struct ConvolutionCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var geometry: ConvolutionGeometry
    var hasBias = true
    var hasResidual = false
    var activation = Activation.none

    /// The output extent is computed by counting: the windows that begin inside the padded map and end inside it.
    init(
        _ name: String, inputs: Int, outputs: Int, map: Extent, kernel: Extent, stride: Extent = .one,
        dilation: Extent = .one, padBegin: Extent = .zero, padEnd: Extent = .zero, groups: Int = 1, hasBias: Bool = true,
        hasResidual: Bool = false, activation: Activation = .none
    ) {
        func windows(_ size: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ pad: Int) -> Int {
            var count = 0
            while count * stride + (kernel - 1) * dilation < size + pad { count += 1 }
            return count
        }
        testDescription = name
        let output = Extent(
            depth: windows(map.depth, kernel.depth, stride.depth, dilation.depth, padBegin.depth + padEnd.depth),
            height: windows(map.height, kernel.height, stride.height, dilation.height, padBegin.height + padEnd.height),
            width: windows(map.width, kernel.width, stride.width, dilation.width, padBegin.width + padEnd.width))
        geometry = ConvolutionGeometry(
            window: WindowGeometry(
                input: map, output: output, kernel: kernel, stride: stride, dilation: dilation, padBegin: padBegin,
                padEnd: padEnd),
            inputChannels: inputs, outputChannels: outputs, groups: groups)
        self.hasBias = hasBias
        self.hasResidual = hasResidual
        self.activation = activation
    }

    var pixels: Int { geometry.window.output.count }
    var inputPixels: Int { geometry.window.input.count }
    private var patch: Int { geometry.inputChannels / geometry.groups * geometry.window.kernel.count }

    var input: [Float] {
        var numbers = SeededNumbers(seed: 1)
        return numbers.floats(geometry.inputChannels * inputPixels)
    }
    var weights: [Float] {
        var numbers = SeededNumbers(seed: 2)
        return numbers.floats(geometry.outputChannels * patch)
    }
    var bias: [Float] {
        var numbers = SeededNumbers(seed: 3)
        return numbers.floats(geometry.outputChannels)
    }
    var residual: [Float] {
        var numbers = SeededNumbers(seed: 4)
        return numbers.floats(geometry.outputChannels * pixels)
    }

    /// The output rows whose first pixels are in a range: for kernels whose unit is a row.
    func rows(ofPixels pixels: Range<Int>) -> Range<Int> {
        let width = geometry.window.output.width
        return (pixels.lowerBound + width - 1) / width..<(pixels.upperBound + width - 1) / width
    }

    /// The result before the activation, planar.
    func exact() -> [ExactSum] {
        let window = geometry.window
        let (input, weights, bias, residual) = (self.input, self.weights, self.bias, self.residual)
        let groupInputs = geometry.inputChannels / geometry.groups
        let groupOutputs = geometry.outputChannels / geometry.groups
        var sums: [ExactSum] = []
        for output in 0..<geometry.outputChannels {
            for z in 0..<window.output.depth {
                for y in 0..<window.output.height {
                    for x in 0..<window.output.width {
                        var sum = ExactSum()
                        var weight = output * patch
                        for channel in 0..<groupInputs {
                            let map = (output / groupOutputs * groupInputs + channel) * inputPixels
                            for kz in 0..<window.kernel.depth {
                                for ky in 0..<window.kernel.height {
                                    for kx in 0..<window.kernel.width {
                                        let iz = z * window.stride.depth - window.padBegin.depth + kz * window.dilation.depth
                                        let iy = y * window.stride.height - window.padBegin.height + ky * window.dilation.height
                                        let ix = x * window.stride.width - window.padBegin.width + kx * window.dilation.width
                                        if (0..<window.input.depth).contains(iz) && (0..<window.input.height).contains(iy)
                                            && (0..<window.input.width).contains(ix)
                                        {
                                            let pixel = (iz * window.input.height + iy) * window.input.width + ix
                                            sum.add(input[map + pixel], weights[weight])
                                        }
                                        weight += 1
                                    }
                                }
                            }
                        }
                        if hasBias { sum.add(bias[output]) }
                        if hasResidual { sum.add(residual[sums.count]) }
                        sums.append(sum)
                    }
                }
            }
        }
        return sums
    }

    /// Compares a planar result with the exact one.
    func expectCorrect(_ result: [Float], sourceLocation: SourceLocation = #_sourceLocation) {
        let exact = exact()
        #expect(result.count == exact.count, sourceLocation: sourceLocation)
        for (index, (value, sum)) in zip(result, exact).enumerated() {
            let difference = abs(Double(value) - activation.exact(sum.value))
            // One rounding more for the slope of a leaky activation.
            if !(difference <= sum.bound(extra: 2)) {
                Issue.record(
                    "element \(index): \(value), exact \(activation.exact(sum.value)), bound \(sum.bound(extra: 2))",
                    sourceLocation: sourceLocation)
                return
            }
        }
    }
}

extension ConvolutionCase {
    /// Runs a kernel with blocked output into the middle of a larger tensor: whole, and in pieces, which give the same bits.
    /// - Parameters:
    ///   - units: what the kernel counts along the map; nil for pixels.
    ///   - poolsPairs: whether the largest of each 2×2 pixels are stored.
    /// - Returns: the output, planar.
    func runBlocked(
        _ kernels: any KernelTable, _ weights: Buffer, _ input: Buffer, inputStride: Int, tiles: Int, units: Int? = nil,
        poolsPairs: Bool = false, _ body: (ConvolutionOperands, Range<Int>, Range<Int>) -> Void
    ) -> [Float] {
        let c = kernels.channelBlock
        let outputs = geometry.outputChannels
        let bias = Buffer(padded(bias, to: kernels.paddedChannels(outputs)))
        let residual = Buffer(blocked(residual, channels: outputs, pixels: pixels, block: c))
        let units = 0..<(units ?? pixels)
        let residualStride = pixels * c
        let pixels = poolsPairs ? pooledPixels : pixels
        // One pixel between the blocks stands for the rest of a larger tensor.
        let outputStride = (pixels + 1) * c
        func run(_ parts: [(Range<Int>, Range<Int>)]) -> [Float] {
            let output = Buffer(unwritten: kernels.channelBlocks(outputs) * outputStride)
            var operands = ConvolutionOperands(
                input: input.constant, inputStride: inputStride, weights: weights.constant,
                bias: hasBias ? bias.constant : nil, residual: hasResidual ? residual.constant : nil,
                residualStride: residualStride, output: output.pointer, outputStride: outputStride, activation: activation)
            operands.poolsPairs = poolsPairs
            for (tiles, units) in parts { body(operands, tiles, units) }
            #expect(output.isIntact)
            let blocks = output.values
            return (0..<kernels.channelBlocks(outputs)).flatMap { block in
                let gap = blocks[block * outputStride + pixels * c..<(block + 1) * outputStride]
                #expect(gap.allSatisfy { $0.isNaN }, "written past block \(block)")
                return blocks[block * outputStride..<block * outputStride + pixels * c]
            }
        }
        let whole = run([(0..<tiles, units)])
        let missing = missingChannels(of: whole, images: 1, pixels: pixels, block: c)
        #expect(missing.allSatisfy { $0 == 0 }, "missing channels hold zero")
        let parts = pieces(0..<tiles, seed: 6).flatMap { tiles in pieces(units, seed: 7).map { (tiles, $0) } }
        #expect(sameBits(whole, run(parts)))
        return CNNKernelsTests.planar(whole, channels: outputs, pixels: pixels, block: c)
    }

    /// The same, and compares the output with the exact one.
    func expectCorrect(
        _ kernels: any KernelTable, _ weights: Buffer, _ input: Buffer, inputStride: Int, tiles: Int,
        _ body: (ConvolutionOperands, Range<Int>, Range<Int>) -> Void
    ) {
        expectCorrect(runBlocked(kernels, weights, input, inputStride: inputStride, tiles: tiles, body))
    }
}

extension ConvolutionCase {
    /// What blocked images of the output hold in the channels that only fill up the last block.
    func missingChannels(of output: [Float], images: Int, pixels: Int, block: Int) -> [Float] {
        let channels = geometry.outputChannels
        let ones = [Float](repeating: 1, count: channels * pixels)
        let isPresent = blocked(ones, channels: channels, pixels: pixels, block: block)
        return zip(output, (0..<images).flatMap { _ in isPresent }).filter { $1 == 0 }.map(\.0)
    }

    /// Windows of 2×2 pixels.
    var pooledPixels: Int { geometry.window.output.height / 2 * (geometry.window.output.width / 2) }

    /// The largest of each 2×2 pixels of some planar maps.
    func largestOfPairs(_ maps: [Float]) -> [Float] {
        let (height, width) = (geometry.window.output.height, geometry.window.output.width)
        return stride(from: 0, to: maps.count, by: pixels).flatMap { map in
            (0..<height / 2).flatMap { y in
                (0..<width / 2).map { x in
                    let first = map + 2 * (y * width + x)
                    return max(maps[first], maps[first + 1], maps[first + width], maps[first + width + 1])
                }
            }
        }
    }
}

func plane(_ height: Int, _ width: Int) -> Extent { Extent(height: height, width: width) }
func pad(_ height: Int, _ width: Int, depth: Int = 0) -> Extent { Extent(depth: depth, height: height, width: width) }

extension ConvolutionCase {
    /// Cases for the blocked kernel: channel counts around the block, widths around the register tile, borders on all sides.
    static let dense: [ConvolutionCase] = [
        ConvolutionCase("1x1", inputs: 16, outputs: 32, map: plane(5, 7), kernel: plane(1, 1), hasBias: false),
        ConvolutionCase(
            "1x1, odd channels, residual", inputs: 19, outputs: 37, map: plane(7, 7), kernel: plane(1, 1),
            hasResidual: true, activation: .relu),
        ConvolutionCase(
            "1x1, an odd number of blocks", inputs: 16, outputs: 24, map: plane(5, 9), kernel: plane(1, 1), hasResidual: true,
            activation: .relu),
        ConvolutionCase("1x1, stride 2", inputs: 24, outputs: 8, map: plane(9, 8), kernel: plane(1, 1), stride: plane(2, 2)),
        ConvolutionCase(
            "3x3, same", inputs: 16, outputs: 48, map: plane(14, 14), kernel: plane(3, 3), padBegin: pad(1, 1),
            padEnd: pad(1, 1), activation: .relu),
        ConvolutionCase(
            "3x3, same, tiny map", inputs: 9, outputs: 17, map: plane(2, 1), kernel: plane(3, 3), padBegin: pad(1, 1),
            padEnd: pad(1, 1)),
        ConvolutionCase(
            "3x3, stride 2, one-sided pads", inputs: 32, outputs: 16, map: plane(13, 15), kernel: plane(3, 3),
            stride: plane(2, 2), padEnd: pad(1, 1), activation: .clip(-0.5, 0.75)),
        ConvolutionCase(
            "3x3, dilated", inputs: 8, outputs: 24, map: plane(11, 12), kernel: plane(3, 3), dilation: plane(2, 3),
            padBegin: pad(2, 3), padEnd: pad(2, 3), activation: .leakyRelu(0.1)),
        ConvolutionCase(
            "5x3, stride 3x2, pads wider than the kernel's reach", inputs: 12, outputs: 20, map: plane(6, 9),
            kernel: plane(5, 3), stride: plane(3, 2), padBegin: pad(5, 4), padEnd: pad(6, 1)),
        ConvolutionCase(
            "one dimension", inputs: 16, outputs: 16, map: plane(1, 50), kernel: plane(1, 9), padBegin: pad(0, 4),
            padEnd: pad(0, 4), hasResidual: true),
        ConvolutionCase(
            "two groups", inputs: 32, outputs: 96, map: plane(8, 8), kernel: plane(3, 3), padBegin: pad(1, 1),
            padEnd: pad(1, 1), groups: 2, activation: .relu),
        ConvolutionCase(
            "5x5, six of eight channels", inputs: 6, outputs: 16, map: plane(14, 14), kernel: plane(5, 5), activation: .relu),
        ConvolutionCase("map of one pixel", inputs: 64, outputs: 40, map: plane(1, 1), kernel: plane(1, 1)),
    ]

    static let first: [ConvolutionCase] = [
        ConvolutionCase(
            "ResNet's 7x7 stride 2", inputs: 3, outputs: 64, map: plane(30, 31), kernel: plane(7, 7), stride: plane(2, 2),
            padBegin: pad(3, 3), padEnd: pad(3, 3), activation: .relu),
        ConvolutionCase(
            "AlexNet's 11x11 stride 4", inputs: 3, outputs: 24, map: plane(47, 43), kernel: plane(11, 11),
            stride: plane(4, 4), padBegin: pad(2, 2), padEnd: pad(2, 2)),
        ConvolutionCase(
            "LeNet's 5x5", inputs: 1, outputs: 6, map: plane(28, 28), kernel: plane(5, 5), padBegin: pad(2, 2),
            padEnd: pad(2, 2), activation: .relu),
        ConvolutionCase(
            "3x3, four channels, dilated", inputs: 4, outputs: 33, map: plane(9, 10), kernel: plane(3, 3),
            dilation: plane(2, 2), padBegin: pad(1, 2), padEnd: pad(2, 1), hasResidual: true),
        ConvolutionCase(
            "few channels, odd height, dilated", inputs: 2, outputs: 5, map: plane(13, 21), kernel: plane(3, 2),
            stride: plane(2, 1), dilation: plane(1, 3), padBegin: pad(1, 2), padEnd: pad(0, 1),
            activation: .leakyRelu(0.1)),
        ConvolutionCase(
            "VGG's 3x3, rows that end within a tile", inputs: 3, outputs: 64, map: plane(5, 19), kernel: plane(3, 3),
            padBegin: pad(1, 1), padEnd: pad(1, 1), activation: .relu),
        ConvolutionCase(
            "MobileNet's 3x3 stride 2, a last block with missing channels", inputs: 3, outputs: 27, map: plane(11, 45),
            kernel: plane(3, 3), stride: plane(2, 2), padBegin: pad(1, 1), padEnd: pad(1, 1), activation: .clip(0, 6)),
        ConvolutionCase("1x1 on two channels", inputs: 2, outputs: 16, map: plane(3, 5), kernel: plane(1, 1)),
        ConvolutionCase(
            "3x3, stride 2, one block", inputs: 3, outputs: 4, map: plane(21, 23), kernel: plane(3, 3), stride: plane(2, 2),
            padBegin: pad(1, 1), padEnd: pad(1, 1), activation: .clip(0, 6)),
        ConvolutionCase(
            "5x5, stride 3, residual", inputs: 2, outputs: 40, map: plane(17, 29), kernel: plane(5, 5), stride: plane(3, 3),
            padBegin: pad(2, 2), padEnd: pad(2, 2), hasResidual: true, activation: .relu),
        ConvolutionCase(
            "rows of several bands", inputs: 4, outputs: 8, map: plane(9, 2100), kernel: plane(5, 3), padBegin: pad(2, 1),
            padEnd: pad(2, 1)),
        ConvolutionCase(
            "pads wider than the map", inputs: 1, outputs: 9, map: plane(2, 3), kernel: plane(4, 5), padBegin: pad(6, 7),
            padEnd: pad(5, 9)),
        ConvolutionCase(
            "stride past the kernel", inputs: 3, outputs: 16, map: plane(10, 26), kernel: plane(1, 2), stride: plane(4, 4)),
    ]

    static let depthwise: [ConvolutionCase] = [
        ConvolutionCase(
            "3x3, same", inputs: 24, outputs: 24, map: plane(14, 15), kernel: plane(3, 3), padBegin: pad(1, 1),
            padEnd: pad(1, 1), groups: 24, activation: .clip(0, 6)),
        ConvolutionCase(
            "3x3, stride 2, odd channels", inputs: 19, outputs: 19, map: plane(9, 12), kernel: plane(3, 3),
            stride: plane(2, 2), padBegin: pad(1, 1), padEnd: pad(1, 1), groups: 19, hasResidual: true),
        ConvolutionCase(
            "5x5, dilated, tiny map", inputs: 8, outputs: 8, map: plane(5, 4), kernel: plane(5, 5), dilation: plane(2, 2),
            padBegin: pad(4, 4), padEnd: pad(4, 4), groups: 8, hasBias: false),
        ConvolutionCase("2x3 without pads", inputs: 10, outputs: 10, map: plane(6, 17), kernel: plane(2, 3), groups: 10),
        ConvolutionCase(
            "3x3, rows of several tiles", inputs: 16, outputs: 16, map: plane(5, 31), kernel: plane(3, 3), padBegin: pad(1, 1),
            padEnd: pad(1, 1), groups: 16, hasResidual: true, activation: .leakyRelu(0.2)),
        ConvolutionCase(
            "3x3, stride 2, rows of several tiles", inputs: 8, outputs: 8, map: plane(7, 45), kernel: plane(3, 3),
            stride: plane(2, 2), padBegin: pad(1, 1), padEnd: pad(1, 1), groups: 8),
        ConvolutionCase(
            "5x5, rows of several tiles", inputs: 8, outputs: 8, map: plane(6, 30), kernel: plane(5, 5), padBegin: pad(2, 2),
            padEnd: pad(2, 2), groups: 8, activation: .relu),
        ConvolutionCase(
            "3x3, dilated, stride 3", inputs: 8, outputs: 8, map: plane(9, 50), kernel: plane(3, 3), stride: plane(3, 3),
            dilation: plane(2, 2), padBegin: pad(2, 2), padEnd: pad(2, 2), groups: 8),
        ConvolutionCase(
            "3x3, map of one row", inputs: 8, outputs: 8, map: plane(1, 9), kernel: plane(3, 3), padBegin: pad(1, 1),
            padEnd: pad(1, 1), groups: 8),
    ]

    static let planar: [ConvolutionCase] = [
        ConvolutionCase(
            "odd groups", inputs: 15, outputs: 21, map: plane(6, 7), kernel: plane(3, 3), padBegin: pad(1, 1),
            padEnd: pad(1, 1), groups: 3, activation: .relu),
        ConvolutionCase(
            "three dimensions", inputs: 3, outputs: 10, map: Extent(depth: 5, height: 6, width: 7),
            kernel: Extent(depth: 3, height: 2, width: 3), stride: Extent(depth: 2, height: 1, width: 2),
            dilation: Extent(depth: 1, height: 2, width: 1), padBegin: pad(1, 1, depth: 1), padEnd: pad(0, 2, depth: 1),
            hasResidual: true),
        ConvolutionCase("1x1, grouped", inputs: 28, outputs: 12, map: plane(9, 9), kernel: plane(1, 1), groups: 4),
        ConvolutionCase(
            "wide rows", inputs: 2, outputs: 7, map: plane(3, 70), kernel: plane(3, 3), padBegin: pad(1, 1),
            padEnd: pad(1, 1)),
        ConvolutionCase(
            "patches that fill the cache", inputs: 700, outputs: 3, map: plane(8, 9), kernel: plane(3, 3),
            padBegin: pad(1, 1), padEnd: pad(1, 1)),
    ]
}
