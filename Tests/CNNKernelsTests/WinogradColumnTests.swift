import CNNKernelTable
import Testing

@Suite("Winograd kernels along columns")
struct WinogradColumnTests {
    typealias Matrices = WinogradTests.Matrices

    struct Case: Sendable, CustomTestStringConvertible {
        let input: ColumnInput
        let convolution: ConvolutionCase

        var testDescription: String { convolution.testDescription }
    }

    private static let planar: [ConvolutionCase] = [
        ConvolutionCase(
            "ResNet's 7x7 stride 2", inputs: 3, outputs: 64, map: plane(30, 31), kernel: plane(7, 7), stride: plane(2, 2),
            padBegin: pad(3, 3), padEnd: pad(3, 3), activation: .relu),
        ConvolutionCase(
            "7x7 stride 2, three blocks, residual", inputs: 2, outputs: 19, map: plane(21, 40), kernel: plane(7, 7),
            stride: plane(2, 2), hasResidual: true, activation: .leakyRelu(0.1)),
        ConvolutionCase(
            "AlexNet's 11x11 stride 4", inputs: 3, outputs: 24, map: plane(47, 43), kernel: plane(11, 11),
            stride: plane(4, 4), padBegin: pad(2, 2), padEnd: pad(2, 2)),
        ConvolutionCase(
            "LeNet's 5x5", inputs: 1, outputs: 6, map: plane(28, 28), kernel: plane(5, 5), padBegin: pad(2, 2),
            padEnd: pad(2, 2), activation: .relu),
        ConvolutionCase(
            "few channels, residual", inputs: 3, outputs: 5, map: plane(11, 21), kernel: plane(5, 5), hasResidual: true),
        ConvolutionCase(
            "fewer channels, odd map", inputs: 4, outputs: 3, map: plane(14, 37), kernel: plane(5, 5), padBegin: pad(0, 2),
            padEnd: pad(4, 1), hasBias: false),
        ConvolutionCase(
            "5x5, pads wider than the map", inputs: 1, outputs: 32, map: plane(2, 3), kernel: plane(5, 5), padBegin: pad(6, 7),
            padEnd: pad(5, 9), activation: .clip(-0.5, 0.75)),
    ]

    private static let blocked: [ConvolutionCase] = [
        ConvolutionCase(
            "5x5, six of eight channels", inputs: 6, outputs: 16, map: plane(14, 14), kernel: plane(5, 5), activation: .relu),
        ConvolutionCase(
            "5x5 of blocks, residual", inputs: 21, outputs: 40, map: plane(9, 13), kernel: plane(5, 5), padBegin: pad(2, 2),
            padEnd: pad(2, 2), hasResidual: true, activation: .relu),
        ConvolutionCase(
            "5x5 of blocks, wide pads", inputs: 8, outputs: 8, map: plane(3, 2), kernel: plane(5, 5), padBegin: pad(4, 3),
            padEnd: pad(2, 9), hasBias: false),
    ]

    static let cases =
        planar.map { Case(input: .planar, convolution: $0) } + blocked.map { Case(input: .blocked, convolution: $0) }

    /// The transforms along the height, from those that WinogradTests has.
    private static func matrices(kernel: Int, stride: Int) -> Matrices? {
        switch (kernel, stride) {
        case (5, 1): .ofFive(.six, points: [0, 1, -1, 2, -2, 0.5, -0.5])
        case (7, 2): .strideTwo(fourOfFour, .four)
        case (11, 4): .strideTwo(.strideTwo(.four, .four), .strideTwo(.four, .fourOfTwo))
        default: nil
        }
    }

    /// F(4, 4) by Cook and Toom's construction on the points 0, ±1, ±2, ½, ∞.
    private static let fourOfFour: Matrices = {
        let points = [0, 1, -1, 2, -2, 0.5]
        func power(_ x: Double, _ exponent: Int) -> Double { (0..<exponent).reduce(1) { product, _ in product * x } }
        /// Coefficients of the polynomial with these roots, the lowest first.
        func polynomial(_ roots: [Double]) -> [Double] {
            roots.reduce([1]) { factors, root in
                zip([0] + factors, factors + [0]).map { $0 - root * $1 }
            }
        }
        let others = points.map { point in points.filter { $0 != point } }
        let scales = zip(points, others).map { point, others in others.reduce(1) { $0 * (point - $1) } }
        return Matrices(
            weights: zip(points, scales).map { point, scale in (0..<4).map { power(point, $0) / scale } } + [[0, 0, 0, 1]],
            input: others.map { polynomial($0) + [0] } + [polynomial(points)],
            output: (0..<4).map { row in points.map { power($0, row) } + [row == 3 ? 1 : 0] })
    }()

    /// Every factor of the algorithm replaced by its magnitude, which the rounding errors are relative to: for each column of output
    /// pixels, `|Aᵀ| Σ (|G||w| ⊙ |Bᵀ||d|)`, summed over channels and taps along the width.
    private func magnitudes(_ test: ConvolutionCase, _ matrices: Matrices) -> [Double] {
        let geometry = test.geometry
        let window = geometry.window
        let (input, weights) = (test.input, test.weights)
        let (span, kernel) = (matrices.input.count, window.kernel)
        func product(_ row: [Double], _ x: (Int) -> Double) -> Double {
            row.indices.reduce(0) { $0 + row[$1].magnitude * x($1) }
        }
        var result = [Double](repeating: 0, count: geometry.outputChannels * test.pixels)
        for top in stride(from: 0, to: window.output.height, by: matrices.output.count) {
            for x in 0..<window.output.width {
                // The magnitudes of what the planes hold, by channel and tap.
                var transformed: [[Double]] = []
                for channel in 0..<geometry.inputChannels {
                    for tap in 0..<kernel.width {
                        let column = x * window.stride.width + tap - window.padBegin.width
                        transformed.append(
                            matrices.input.map { row in
                                product(row) {
                                    let y = top * window.stride.height + $0 - window.padBegin.height
                                    guard 0..<window.input.height ~= y, 0..<window.input.width ~= column else { return 0 }
                                    let pixel = (channel * window.input.height + y) * window.input.width + column
                                    return Double(input[pixel].magnitude)
                                }
                            })
                    }
                }
                for output in 0..<geometry.outputChannels {
                    var sums = [Double](repeating: 0, count: span)
                    for (index, planes) in transformed.enumerated() {
                        let (channel, tap) = index.quotientAndRemainder(dividingBy: kernel.width)
                        let first = (output * geometry.inputChannels + channel) * kernel.count + tap
                        for plane in 0..<span {
                            sums[plane] +=
                                planes[plane]
                                * product(matrices.weights[plane]) { Double(weights[first + $0 * kernel.width].magnitude) }
                        }
                    }
                    for row in 0..<min(matrices.output.count, window.output.height - top) {
                        result[output * test.pixels + (top + row) * window.output.width + x] =
                            product(matrices.output[row]) { sums[$0] }
                    }
                }
            }
        }
        return result
    }

    @Test("the matrices are the filter they stand for", arguments: [(5, 1), (7, 2), (11, 4)])
    func matrices(kernel: Int, stride: Int) throws {
        let matrices = try #require(Self.matrices(kernel: kernel, stride: stride))
        let span = matrices.input.count
        #expect(span == 3 * stride + kernel && matrices.weights.count == span)
        for output in 0..<4 {
            for tap in 0..<kernel {
                for input in 0..<span {
                    let factor = (0..<span).reduce(0) {
                        $0 + matrices.output[output][$1] * matrices.weights[$1][tap] * matrices.input[$1][input]
                    }
                    #expect(abs(factor - (input == output * stride + tap ? 1 : 0)) < 100 * 8 * Double.ulpOfOne)
                }
            }
        }
    }

    @Test(
        "is right within its own error bound, and its bits do not depend on the partition", arguments: TableUnderTest.all,
        cases)
    func columns(table: TableUnderTest, example: Case) throws {
        let kernels = table.kernels
        let test = example.convolution
        let geometry = test.geometry
        let matrices = try #require(
            Self.matrices(kernel: geometry.window.kernel.height, stride: geometry.window.stride.height))
        #expect(kernels.supportsWinogradColumns(geometry, example.input))
        #expect(kernels.winogradColumnProducts(geometry) == matrices.input.count)
        let tiles = kernels.blockedOutputTiles(geometry)
        let packed = Buffer(unwritten: kernels.winogradColumnWeightCount(geometry, example.input))
        Buffer.withCopy(of: test.weights) {
            for part in pieces(0..<tiles, seed: 15) {
                kernels.packWinogradColumnWeights(geometry, example.input, weights: $0, outputTiles: part, to: packed.pointer)
            }
        }
        let c = example.input == .planar ? 1 : kernels.channelBlock
        let input = Buffer(
            CNNKernelsTests.blocked(test.input, channels: geometry.inputChannels, pixels: test.inputPixels, block: c))
        let scratch = Buffer(unwritten: kernels.winogradColumnScratchCount(geometry, example.input))
        func run(poolsPairs: Bool) -> [Float] {
            test.runBlocked(
                kernels, packed, input, inputStride: test.inputPixels * c, tiles: tiles,
                units: kernels.winogradRowTiles(geometry), poolsPairs: poolsPairs
            ) {
                kernels.convolveWinogradColumns(
                    geometry, example.input, $0, outputTiles: $1, rowTiles: $2, scratch: scratch.pointer)
            }
        }
        let result = run(poolsPairs: false)
        if !test.hasResidual { #expect(run(poolsPairs: true) == test.largestOfPairs(result)) }
        #expect(scratch.isIntact && packed.isIntact)
        // Roundings on the way of one product: at most ten in each of the three transforms; the sum over channels and taps; bias,
        // residual, activation.
        let roundings = Double(3 * 10 + geometry.inputChannels * geometry.window.kernel.width + 3) * 0x1p-24
        let gamma = roundings / (1 - roundings)
        let magnitudes = magnitudes(test, matrices)
        for (index, sum) in test.exact().enumerated() {
            let difference = abs(Double(result[index]) - test.activation.exact(sum.value))
            #expect(difference <= gamma * (magnitudes[index] + sum.magnitude), "element \(index)")
        }
    }

    @Test("no other kernels, strides, dilations or groups", arguments: TableUnderTest.all)
    func unsupported(table: TableUnderTest) {
        func supports(
            _ input: ColumnInput, inputs: Int = 4, kernel: Extent = plane(5, 5), stride: Extent = .one,
            dilation: Extent = .one, groups: Int = 1
        ) -> Bool {
            let test = ConvolutionCase(
                "", inputs: inputs, outputs: 32, map: plane(30, 30), kernel: kernel, stride: stride, dilation: dilation,
                groups: groups)
            return table.kernels.supportsWinogradColumns(test.geometry, input)
        }
        #expect(supports(.planar) && supports(.blocked, inputs: 32) && !supports(.planar, inputs: 5))
        #expect(supports(.planar, kernel: plane(7, 7), stride: plane(2, 2)))
        #expect(!supports(.blocked, inputs: 32, kernel: plane(7, 7), stride: plane(2, 2)))
        for input in [ColumnInput.planar, .blocked] {
            #expect(!supports(input, kernel: plane(3, 3)) && !supports(input, kernel: plane(5, 3)))
            #expect(!supports(input, stride: plane(2, 2)) && !supports(input, stride: plane(1, 2)))
            #expect(!supports(input, dilation: plane(2, 2)) && !supports(input, dilation: plane(1, 2)))
            #expect(!supports(input, inputs: 32, groups: 2))
        }
    }

    @Test("pads that would fill the memory are not for it", arguments: TableUnderTest.all)
    func extraordinaryPads(table: TableUnderTest) {
        var geometry = ConvolutionCase("", inputs: 1, outputs: 8, map: plane(9, 9), kernel: plane(5, 5)).geometry
        #expect(table.kernels.supportsWinogradColumns(geometry, .planar))
        geometry.window.output.width = 1 << 24
        #expect(!table.kernels.supportsWinogradColumns(geometry, .planar))
        #expect(!table.kernels.supportsWinogradColumns(geometry, .blocked))
    }
}
