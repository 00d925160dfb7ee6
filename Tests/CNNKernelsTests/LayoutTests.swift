import CNNKernelSelection
import CNNKernelTable
import Testing

@Suite("Layout kernels")
struct LayoutTests {
    @Test("planar to blocked and back", arguments: TableUnderTest.all, [1, 3, 8, 16, 17, 40])
    func blocks(table: TableUnderTest, channels: Int) {
        let kernels = table.kernels
        let c = kernels.channelBlock
        for pixels in [1, 5, 16, 50] {
            let values = (0..<channels * pixels).map(Float.init)
            let input = Buffer(values)
            let blockedData = Buffer(unwritten: kernels.paddedChannels(channels) * pixels)
            let output = Buffer(unwritten: channels * pixels)
            for part in pieces(0..<kernels.channelBlocks(channels), seed: 1) {
                kernels.planarToBlocked(
                    input: input.constant, inputStride: pixels, channels: channels, pixels: pixels,
                    output: blockedData.pointer, outputStride: pixels * c, blocks: part)
            }
            #expect(blockedData.values == blocked(values, channels: channels, pixels: pixels, block: c))
            for part in pieces(0..<kernels.channelBlocks(channels), seed: 2) {
                kernels.blockedToPlanar(
                    input: blockedData.constant, inputStride: pixels * c, channels: channels, pixels: pixels,
                    output: output.pointer, outputStride: pixels, blocks: part)
            }
            #expect(output.values == values)
            #expect(blockedData.isIntact && output.isIntact)
        }
    }

    @Test("channels of maps in either layout, in any order", arguments: TableUnderTest.all, [1, 3, 4, 8, 16])
    func channelGather(table: TableUnderTest, count: Int) {
        let kernels = table.kernels
        let (c, pixels) = (kernels.channelBlock, 7)
        let values = (0..<2 * c * pixels).map(Float.init)
        let planarInput = Buffer(values)
        let blockedInput = Buffer(blocked(values, channels: 2 * c, pixels: pixels, block: c))
        for block in [1, c] where count <= block {
            // Every other channel comes from the blocked map, and the last ones first.
            let channels = (0..<count).map { 2 * c - 1 - $0 }
            let sources = channels.map { channel in
                channel % 2 == 0
                    ? ChannelSource(pixels: planarInput.constant + channel * pixels, step: 1)
                    : ChannelSource(pixels: blockedInput.constant + channel / c * c * pixels + channel % c, step: c)
            }
            let output = Buffer(unwritten: pixels * block)
            sources.withUnsafeBufferPointer {
                kernels.gatherChannels($0, pixels: pixels, block: block, output: output.pointer)
            }
            #expect(output.isIntact)
            let expected = (0..<pixels * block).map { element in
                element % block < count ? values[channels[element % block] * pixels + element / block] : 0
            }
            #expect(output.values == expected)
        }
    }

    @Test("transpose", arguments: TableUnderTest.all, [(1, 1), (3, 40), (17, 16), (33, 50)].map(MatrixSize.init))
    func transpose(table: TableUnderTest, size: MatrixSize) {
        let values = (0..<size.rows * size.columns).map(Float.init)
        let input = Buffer(values)
        let output = Buffer(unwritten: values.count)
        for part in pieces(0..<size.columns, seed: 1) {
            table.kernels.transpose(
                input: input.constant, inputRowStride: size.columns, rows: size.rows, output: output.pointer,
                outputRowStride: size.rows, columns: part)
        }
        #expect(output.isIntact)
        #expect(output.values == (0..<values.count).map { values[$0 % size.rows * size.columns + $0 / size.rows] })
    }

    struct MatrixSize: Sendable {
        var rows: Int
        var columns: Int
    }

    @Test("the baseline is always there, and each table is found by its name")
    func selection() {
        #expect(KernelSelection.available.last?.name == "baseline")
        for table in KernelSelection.available {
            #expect(KernelSelection.named(table.name)?.name == table.name)
        }
        #expect(KernelSelection.best.name == KernelSelection.available[0].name)
        #expect(KernelSelection.named("sse9") == nil)
    }
}
