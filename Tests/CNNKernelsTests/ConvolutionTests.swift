import CNNKernelTable
import Testing

@Suite("Convolution kernels")
struct ConvolutionTests {
    @Test(
        "blocked convolution is right, and its bits do not depend on the partition", arguments: TableUnderTest.all,
        ConvolutionCase.dense)
    func blockedConvolution(table: TableUnderTest, test: ConvolutionCase) {
        let kernels = table.kernels
        let geometry = test.geometry
        let c = kernels.channelBlock
        guard kernels.supportsBlocked(geometry) else {
            #expect(geometry.groups > 1)
            return
        }
        let packed = Buffer(unwritten: kernels.blockedWeightCount(geometry))
        Buffer.withCopy(of: test.weights) {
            for part in pieces(0..<kernels.blockedOutputTiles(geometry), seed: 10) {
                kernels.packBlockedWeights(geometry, weights: $0, outputTiles: part, to: packed.pointer)
            }
        }
        let input = Buffer(blocked(test.input, channels: geometry.inputChannels, pixels: test.inputPixels, block: c))
        test.expectCorrect(
            kernels, packed, input, inputStride: test.inputPixels * c, tiles: kernels.blockedOutputTiles(geometry)
        ) {
            kernels.convolveBlocked(geometry, $0, outputTiles: $1, pixels: $2)
        }
    }

    @Test("first convolution reads planar images", arguments: TableUnderTest.all, ConvolutionCase.first)
    func firstConvolution(table: TableUnderTest, test: ConvolutionCase) {
        let kernels = table.kernels
        let geometry = test.geometry
        #expect(kernels.supportsFirst(geometry))
        let packed = Buffer(unwritten: kernels.firstWeightCount(geometry))
        Buffer.withCopy(of: test.weights) {
            for part in pieces(0..<kernels.firstOutputTiles(geometry), seed: 11) {
                kernels.packFirstWeights(geometry, weights: $0, outputTiles: part, to: packed.pointer)
            }
        }
        let scratch = Buffer(unwritten: kernels.firstScratchCount(geometry))
        test.expectCorrect(
            kernels, packed, Buffer(test.input), inputStride: test.inputPixels, tiles: kernels.firstOutputTiles(geometry)
        ) {
            kernels.convolveFirst(
                geometry, $0, outputTiles: $1, rows: test.rows(ofPixels: $2), scratch: scratch.pointer)
        }
        #expect(scratch.isIntact)
    }

    @Test("depth-wise convolution", arguments: TableUnderTest.all, ConvolutionCase.depthwise)
    func depthwiseConvolution(table: TableUnderTest, test: ConvolutionCase) {
        let kernels = table.kernels
        let geometry = test.geometry
        let c = kernels.channelBlock
        #expect(kernels.supportsDepthwise(geometry))
        let packed = Buffer(unwritten: kernels.depthwiseWeightCount(geometry))
        Buffer.withCopy(of: test.weights) {
            for part in pieces(0..<kernels.channelBlocks(geometry.inputChannels), seed: 12) {
                kernels.packDepthwiseWeights(geometry, weights: $0, blocks: part, to: packed.pointer)
            }
        }
        let input = Buffer(blocked(test.input, channels: geometry.inputChannels, pixels: test.inputPixels, block: c))
        test.expectCorrect(
            kernels, packed, input, inputStride: test.inputPixels * c, tiles: kernels.channelBlocks(geometry.outputChannels)
        ) {
            kernels.convolveDepthwise(geometry, $0, blocks: $1, rows: test.rows(ofPixels: $2))
        }
    }

    @Test(
        "planar convolution takes any geometry", arguments: TableUnderTest.all, ConvolutionCase.planar + ConvolutionCase.dense)
    func planarConvolution(table: TableUnderTest, test: ConvolutionCase) {
        let kernels = table.kernels
        let geometry = test.geometry
        let packed = Buffer(unwritten: kernels.planarWeightCount(geometry))
        Buffer.withCopy(of: test.weights) {
            for part in pieces(0..<geometry.groups, seed: 13) {
                kernels.packPlanarWeights(geometry, weights: $0, groups: part, to: packed.pointer)
            }
        }
        let input = Buffer(test.input)
        let bias = Buffer(test.bias)
        let residual = Buffer(test.residual)
        let scratch = Buffer(unwritten: kernels.planarScratchCount(geometry))
        func run(_ parts: [Range<Int>]) -> [Float] {
            let output = Buffer(unwritten: geometry.outputChannels * test.pixels)
            let operands = ConvolutionOperands(
                input: input.constant, inputStride: test.inputPixels, weights: packed.constant,
                bias: test.hasBias ? bias.constant : nil, residual: test.hasResidual ? residual.constant : nil,
                residualStride: test.pixels, output: output.pointer, outputStride: test.pixels, activation: test.activation)
            for group in 0..<geometry.groups {
                for part in parts {
                    kernels.convolvePlanar(geometry, operands, group: group, pixels: part, scratch: scratch.pointer)
                }
            }
            #expect(output.isIntact && scratch.isIntact)
            return output.values
        }
        let whole = run([0..<test.pixels])
        test.expectCorrect(whole)
        #expect(sameBits(whole, run(pieces(0..<test.pixels, seed: 5))))
    }

    @Test("first convolution is not for pads that would fill the memory", arguments: TableUnderTest.all)
    func extraordinaryPads(table: TableUnderTest) {
        let test = ConvolutionCase("far apart", inputs: 1, outputs: 8, map: plane(1, 1), kernel: plane(1, 1))
        var geometry = test.geometry
        geometry.window.padBegin.width = 1 << 40
        geometry.window.stride.width = 1 << 41
        #expect(table.kernels.supportsFirst(test.geometry) && !table.kernels.supportsFirst(geometry))
    }
}

extension Buffer {
    static func withCopy(of values: [Float], _ body: (UnsafePointer<Float>) -> Void) {
        let buffer = Buffer(values)
        body(buffer.constant)
        #expect(buffer.isIntact)
    }
}
