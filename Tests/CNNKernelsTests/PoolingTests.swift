import CNNKernelTable
import Testing

struct PoolCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var channels: Int
    var window: WindowGeometry

    static let planes = [
        PoolCase(
            testDescription: "2x2, stride 2", channels: 17,
            window: WindowGeometry(
                input: plane(6, 8), output: plane(3, 4), kernel: plane(2, 2), stride: plane(2, 2))),
        PoolCase(
            testDescription: "3x3, stride 2, pads 1", channels: 24,
            window: WindowGeometry(
                input: plane(13, 15), output: plane(7, 8), kernel: plane(3, 3), stride: plane(2, 2), padBegin: pad(1, 1),
                padEnd: pad(1, 1))),
        PoolCase(
            testDescription: "3x3, stride 2, ceil mode", channels: 8,
            window: WindowGeometry(
                input: plane(12, 6), output: plane(6, 3), kernel: plane(3, 3), stride: plane(2, 2))),
        PoolCase(
            testDescription: "3x3, pads 1, rows of several tiles", channels: 16,
            window: WindowGeometry(
                input: plane(5, 15), output: plane(5, 15), kernel: plane(3, 3), padBegin: pad(1, 1), padEnd: pad(1, 1))),
        PoolCase(
            testDescription: "3x3, pads 1, a map narrower than the window", channels: 8,
            window: WindowGeometry(
                input: plane(2, 1), output: plane(2, 1), kernel: plane(3, 3), padBegin: pad(1, 1), padEnd: pad(1, 1))),
        PoolCase(
            testDescription: "1x3, pads 1", channels: 8,
            window: WindowGeometry(
                input: plane(4, 7), output: plane(4, 7), kernel: plane(1, 3), padBegin: pad(0, 1), padEnd: pad(0, 1))),
        PoolCase(
            testDescription: "2x2, stride 2, pad 1 at the beginning, ceil mode", channels: 8,
            window: WindowGeometry(
                input: plane(4, 6), output: plane(3, 4), kernel: plane(2, 2), stride: plane(2, 2), padBegin: pad(1, 1))),
        PoolCase(
            testDescription: "3x3, stride 2, rows of several tiles", channels: 8,
            window: WindowGeometry(
                input: plane(7, 23), output: plane(3, 11), kernel: plane(3, 3), stride: plane(2, 2))),
        PoolCase(
            testDescription: "2x2, stride 2, rows of several tiles", channels: 8,
            window: WindowGeometry(
                input: plane(4, 26), output: plane(2, 13), kernel: plane(2, 2), stride: plane(2, 2))),
        PoolCase(
            testDescription: "2x3, dilated, one-sided pads", channels: 5,
            window: WindowGeometry(
                input: plane(7, 9), output: plane(5, 8), kernel: plane(2, 3), dilation: plane(3, 2), padBegin: pad(0, 2),
                padEnd: pad(1, 1))),
    ]
    static let volumes = [
        PoolCase(
            testDescription: "2x3x2 in three dimensions", channels: 3,
            window: WindowGeometry(
                input: Extent(depth: 4, height: 7, width: 5), output: Extent(depth: 3, height: 4, width: 3),
                kernel: Extent(depth: 2, height: 3, width: 2), stride: Extent(depth: 1, height: 2, width: 2),
                padBegin: pad(1, 1, depth: 0), padEnd: pad(1, 0, depth: 0)))
    ]

    /// The cells under the window of one output, and how many of its taps lie in the map or its padding.
    func cells(_ map: ArraySlice<Float>, _ z: Int, _ y: Int, _ x: Int) -> (values: [Float], padded: Int) {
        var values: [Float] = []
        var padded = 0
        let map = Array(map)
        for kz in 0..<window.kernel.depth {
            for ky in 0..<window.kernel.height {
                for kx in 0..<window.kernel.width {
                    let iz = z * window.stride.depth - window.padBegin.depth + kz * window.dilation.depth
                    let iy = y * window.stride.height - window.padBegin.height + ky * window.dilation.height
                    let ix = x * window.stride.width - window.padBegin.width + kx * window.dilation.width
                    if iz < window.input.depth + window.padEnd.depth && iy < window.input.height + window.padEnd.height
                        && ix < window.input.width + window.padEnd.width
                    {
                        padded += 1
                    }
                    if (0..<window.input.depth).contains(iz) && (0..<window.input.height).contains(iy)
                        && (0..<window.input.width).contains(ix)
                    {
                        values.append(map[(iz * window.input.height + iy) * window.input.width + ix])
                    }
                }
            }
        }
        return (values, padded)
    }

    /// Calls `body` for each output element with its index and the cells of its window.
    func forEachOutput(_ input: [Float], _ body: (Int, (values: [Float], padded: Int)) -> Void) {
        var index = 0
        let pixels = window.input.count
        for channel in 0..<channels {
            let map = input[channel * pixels..<(channel + 1) * pixels]
            for z in 0..<window.output.depth {
                for y in 0..<window.output.height {
                    for x in 0..<window.output.width {
                        body(index, cells(map, z, y, x))
                        index += 1
                    }
                }
            }
        }
    }
}

@Suite("Pooling kernels")
struct PoolingTests {
    private func expectPooled(
        _ test: PoolCase, _ input: [Float], maximum: [Float], average: [Float], averagePadded: [Float]
    ) {
        test.forEachOutput(input) { index, cells in
            #expect(maximum[index] == cells.values.max())
            var sum = ExactSum()
            for value in cells.values { sum.add(value) }
            for (result, count) in [(average[index], cells.values.count), (averagePadded[index], cells.padded)] {
                let difference = abs(Double(result) - sum.value / Double(count))
                #expect(difference <= sum.bound(extra: 1) / Double(count))
            }
        }
    }

    @Test("pooling on the blocked layout", arguments: TableUnderTest.all, PoolCase.planes)
    func blockedPooling(table: TableUnderTest, test: PoolCase) {
        let kernels = table.kernels
        let c = kernels.channelBlock
        let (inputPixels, outputPixels) = (test.window.input.count, test.window.output.count)
        var numbers = SeededNumbers(seed: 21)
        let values = numbers.floats(test.channels * inputPixels)
        let input = Buffer(blocked(values, channels: test.channels, pixels: inputPixels, block: c))
        let blocks = kernels.channelBlocks(test.channels)
        func run(
            _ kernel: (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Range<Int>, Range<Int>) -> Void
        ) -> [Float] {
            let output = Buffer(unwritten: blocks * outputPixels * c)
            for blocks in pieces(0..<blocks, seed: 1) {
                for rows in pieces(0..<test.window.output.height, seed: 2) {
                    kernel(input.constant, output.pointer, blocks, rows)
                }
            }
            #expect(output.isIntact)
            return planar(output.values, channels: test.channels, pixels: outputPixels, block: c)
        }
        func average(_ countPadding: Bool) -> [Float] {
            run {
                kernels.averagePoolBlocked(
                    test.window, countPadding: countPadding, input: $0, inputStride: inputPixels * c, output: $1,
                    outputStride: outputPixels * c, blocks: $2, rows: $3)
            }
        }
        let maximum = run {
            kernels.maxPoolBlocked(
                test.window, input: $0, inputStride: inputPixels * c, output: $1, outputStride: outputPixels * c, blocks: $2,
                rows: $3)
        }
        expectPooled(test, values, maximum: maximum, average: average(false), averagePadded: average(true))
    }

    @Test("pooling on the planar layout", arguments: TableUnderTest.all, PoolCase.planes + PoolCase.volumes)
    func planarPooling(table: TableUnderTest, test: PoolCase) {
        let kernels = table.kernels
        let (inputPixels, outputPixels) = (test.window.input.count, test.window.output.count)
        var numbers = SeededNumbers(seed: 22)
        let values = numbers.floats(test.channels * inputPixels)
        let input = Buffer(values)
        func run(_ kernel: (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Range<Int>) -> Void) -> [Float] {
            let output = Buffer(unwritten: test.channels * outputPixels)
            for channels in pieces(0..<test.channels, seed: 1) { kernel(input.constant, output.pointer, channels) }
            #expect(output.isIntact)
            return output.values
        }
        func average(_ countPadding: Bool) -> [Float] {
            run {
                kernels.averagePoolPlanar(
                    test.window, countPadding: countPadding, input: $0, inputStride: inputPixels, output: $1,
                    outputStride: outputPixels, channels: $2)
            }
        }
        let maximum = run {
            kernels.maxPoolPlanar(
                test.window, input: $0, inputStride: inputPixels, output: $1, outputStride: outputPixels, channels: $2)
        }
        expectPooled(test, values, maximum: maximum, average: average(false), averagePadded: average(true))
    }

    @Test("global pooling", arguments: TableUnderTest.all, [1, 4, 49, 50, 203])
    func globalPooling(table: TableUnderTest, pixels: Int) {
        let kernels = table.kernels
        let c = kernels.channelBlock
        let channels = 21
        var numbers = SeededNumbers(seed: 23)
        let values = numbers.floats(channels * pixels, in: 0...1)
        let input = Buffer(values)
        let blockedInput = Buffer(blocked(values, channels: channels, pixels: pixels, block: c))
        let outputs = (0..<4).map { _ in Buffer(unwritten: kernels.paddedChannels(channels)) }
        kernels.globalAveragePlanar(
            input: input.constant, inputStride: pixels, pixels: pixels, output: outputs[0].pointer, channels: 0..<channels)
        kernels.globalMaxPlanar(
            input: input.constant, inputStride: pixels, pixels: pixels, output: outputs[1].pointer, channels: 0..<channels)
        for blocks in pieces(0..<kernels.channelBlocks(channels), seed: 1) {
            kernels.globalAverageBlocked(
                input: blockedInput.constant, inputStride: pixels * c, pixels: pixels, output: outputs[2].pointer,
                blocks: blocks)
            kernels.globalMaxBlocked(
                input: blockedInput.constant, inputStride: pixels * c, pixels: pixels, output: outputs[3].pointer,
                blocks: blocks)
        }
        for channel in 0..<channels {
            let map = values[channel * pixels..<(channel + 1) * pixels]
            var sum = ExactSum()
            for value in map { sum.add(value) }
            for result in [outputs[0].pointer[channel], outputs[2].pointer[channel]] {
                #expect(abs(Double(result) - sum.value / Double(pixels)) <= sum.bound() / Double(pixels))
            }
            #expect(outputs[1].pointer[channel] == map.max() && outputs[3].pointer[channel] == map.max())
        }
        #expect(outputs.allSatisfy { $0.isIntact })
    }

    @Test("a NaN in the window is the window's maximum", arguments: TableUnderTest.all, 0..<9)
    func maximumKeepsNaN(table: TableUnderTest, position: Int) {
        let kernels = table.kernels
        let c = kernels.channelBlock
        var values = (0..<9).map { Float($0) }
        values[position] = .nan
        let input = Buffer(blocked(values, channels: 1, pixels: 9, block: c))
        let planarInput = Buffer(values)
        let output = Buffer(unwritten: c)
        let window = WindowGeometry(input: plane(3, 3), output: plane(1, 1), kernel: plane(3, 3))
        kernels.maxPoolBlocked(
            window, input: input.constant, inputStride: 9 * c, output: output.pointer, outputStride: c, blocks: 0..<1,
            rows: 0..<1)
        #expect(output.pointer[0].isNaN && output.pointer[1] == 0)
        kernels.globalMaxBlocked(input: input.constant, inputStride: 9 * c, pixels: 9, output: output.pointer, blocks: 0..<1)
        #expect(output.pointer[0].isNaN && output.pointer[1] == 0)
        output.pointer[0] = 0
        kernels.maxPoolPlanar(
            window, input: planarInput.constant, inputStride: 9, output: output.pointer, outputStride: 1, channels: 0..<1)
        #expect(output.pointer[0].isNaN)
        output.pointer[0] = 0
        kernels.globalMaxPlanar(
            input: planarInput.constant, inputStride: 9, pixels: 9, output: output.pointer, channels: 0..<1)
        #expect(output.pointer[0].isNaN)
    }

    @Test("a NaN is the maximum of those windows alone that see it", arguments: TableUnderTest.all, PoolCase.planes)
    func maximumSpreadsNaN(table: TableUnderTest, test: PoolCase) {
        let kernels = table.kernels
        let c = kernels.channelBlock
        let (inputPixels, outputPixels) = (test.window.input.count, test.window.output.count)
        let oneChannel = PoolCase(testDescription: test.testDescription, channels: 1, window: test.window)
        for position in 0..<inputPixels {
            var values = (0..<inputPixels).map { -Float($0) }
            values[position] = .nan
            let input = Buffer(blocked(values, channels: 1, pixels: inputPixels, block: c))
            let output = Buffer(unwritten: outputPixels * c)
            kernels.maxPoolBlocked(
                test.window, input: input.constant, inputStride: inputPixels * c, output: output.pointer,
                outputStride: outputPixels * c, blocks: 0..<1, rows: 0..<test.window.output.height)
            oneChannel.forEachOutput(values) { index, cells in
                let maximum = output.pointer[index * c]
                #expect(cells.values.contains(where: \.isNaN) ? maximum.isNaN : maximum == cells.values.max())
            }
        }
    }
}
