import CNNKernelTable
import Testing

@Suite("Winograd kernels")
struct WinogradTests {
    static let cases: [ConvolutionCase] = [
        ConvolutionCase(
            "same, whole tiles", inputs: 16, outputs: 32, map: plane(12, 12), kernel: plane(3, 3), padBegin: pad(1, 1),
            padEnd: pad(1, 1), activation: .relu),
        ConvolutionCase(
            "odd map and channels, residual", inputs: 19, outputs: 21, map: plane(13, 17), kernel: plane(3, 3),
            padBegin: pad(1, 1), padEnd: pad(1, 1), hasResidual: true, activation: .relu),
        ConvolutionCase("no pads", inputs: 8, outputs: 8, map: plane(9, 11), kernel: plane(3, 3), hasBias: false),
        ConvolutionCase(
            "wide pads", inputs: 5, outputs: 40, map: plane(4, 3), kernel: plane(3, 3), padBegin: pad(2, 0),
            padEnd: pad(1, 2), activation: .leakyRelu(0.2)),
        ConvolutionCase(
            "5×5, odd map and channels", inputs: 11, outputs: 25, map: plane(11, 10), kernel: plane(5, 5), padBegin: pad(2, 2),
            padEnd: pad(2, 2), hasResidual: true, activation: .relu),
        ConvolutionCase("5×5 without pads", inputs: 24, outputs: 16, map: plane(9, 13), kernel: plane(5, 5), hasBias: false),
        ConvolutionCase(
            "more channels than are multiplied at once", inputs: 268, outputs: 18, map: plane(21, 22), kernel: plane(3, 3),
            padBegin: pad(1, 1), padEnd: pad(1, 1), hasBias: false),
        ConvolutionCase(
            "more tiles than are transformed at once", inputs: 130, outputs: 9, map: plane(34, 62), kernel: plane(3, 3),
            padBegin: pad(1, 1), padEnd: pad(1, 1)),
        ConvolutionCase(
            "stride 2, whole tiles", inputs: 16, outputs: 32, map: plane(17, 33), kernel: plane(3, 3), stride: plane(2, 2),
            hasBias: false),
        ConvolutionCase(
            "stride 2, odd map and channels, residual", inputs: 19, outputs: 21, map: plane(13, 18), kernel: plane(3, 3),
            stride: plane(2, 2), padBegin: pad(1, 1), padEnd: pad(1, 1), hasResidual: true, activation: .relu),
        ConvolutionCase(
            "stride 2, wide pads", inputs: 5, outputs: 40, map: plane(4, 3), kernel: plane(3, 3), stride: plane(2, 2),
            padBegin: pad(2, 0), padEnd: pad(1, 2), activation: .leakyRelu(0.2)),
        ConvolutionCase(
            "stride 2, more channels than are multiplied at once", inputs: 268, outputs: 18, map: plane(41, 43),
            kernel: plane(3, 3), stride: plane(2, 2), padBegin: pad(1, 1), padEnd: pad(1, 1), hasBias: false),
        ConvolutionCase(
            "5×5 with stride 2, odd map and channels", inputs: 11, outputs: 25, map: plane(11, 14), kernel: plane(5, 5),
            stride: plane(2, 2), padBegin: pad(2, 2), padEnd: pad(2, 2), hasResidual: true, activation: .relu),
        ConvolutionCase(
            "5×5 with stride 2, more tiles than are transformed at once", inputs: 90, outputs: 9, map: plane(69, 71),
            kernel: plane(5, 5), stride: plane(2, 2), hasBias: false),
    ]

    private static let images = 2

    /// The transforms as matrices, from their source (Lavin and Gray 2015; the larger one from Cook and Toom's construction on
    /// the points 0, ±1, ±2, ±½, ∞).
    struct Matrices {
        var weights: [[Double]]
        var input: [[Double]]
        var output: [[Double]]

        static let two = Matrices(
            weights: [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]],
            input: [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
            output: [[1, 1, 1, 0], [0, 1, -1, -1]])
        static let four = Matrices(
            weights: [
                [1.0 / 4, 0, 0], [-1.0 / 6, -1.0 / 6, -1.0 / 6], [-1.0 / 6, 1.0 / 6, -1.0 / 6],
                [1.0 / 24, 1.0 / 12, 1.0 / 6], [1.0 / 24, -1.0 / 12, 1.0 / 6], [0, 0, 1],
            ],
            input: [
                [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
                [0, 4, 0, -5, 0, 1],
            ],
            output: [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])
        static let six = Matrices(
            weights: [
                [1, 0, 0], [-2.0 / 9, -2.0 / 9, -2.0 / 9], [-2.0 / 9, 2.0 / 9, -2.0 / 9],
                [1.0 / 90, 1.0 / 45, 2.0 / 45], [1.0 / 90, -1.0 / 45, 2.0 / 45], [32.0 / 45, 16.0 / 45, 8.0 / 45],
                [32.0 / 45, -16.0 / 45, 8.0 / 45], [0, 0, 1],
            ],
            input: [
                [1, 0, -5.25, 0, 5.25, 0, -1, 0], [0, 1, 1, -4.25, -4.25, 1, 1, 0], [0, -1, 1, 4.25, -4.25, -1, 1, 0],
                [0, 0.5, 0.25, -2.5, -1.25, 2, 1, 0], [0, -0.5, 0.25, 2.5, -1.25, -2, 1, 0],
                [0, 2, 4, -2.5, -5, 0.5, 1, 0], [0, -2, 4, 2.5, -5, -0.5, 1, 0], [0, -1, 0, 5.25, 0, -5.25, 0, 1],
            ],
            output: [
                [1, 1, 1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0.5, -0.5, 0], [0, 1, 1, 4, 4, 0.25, 0.25, 0],
                [0, 1, -1, 8, -8, 0.125, -0.125, 0], [0, 1, 1, 16, 16, 0.0625, 0.0625, 0],
                [0, 1, -1, 32, -32, 0.03125, -0.03125, 1],
            ])

        /// F(2, 5) and F(4, 5) evaluate at the points of F(4, 3) and F(6, 3): the input's transform is the same, the weights' has
        /// two powers more, the output's two less.
        static func ofFive(_ three: Matrices, points: [Double]) -> Matrices {
            let size = three.output.count - 2
            var weights = zip(three.weights, points).map { row, point in
                (0..<5).map { power in row[0] * (0..<power).reduce(1) { product, _ in product * point } }
            }
            weights.append([0, 0, 0, 0, 1])
            var output = Array(three.output[..<size])
            output[size - 1][points.count] = 1
            return Matrices(weights: weights, input: three.input, output: output)
        }

        /// F(2, 2) on the points 0, 1, ∞.
        static let twoOfTwo = Matrices(
            weights: [[1, 0], [1, 1], [0, 1]], input: [[1, -1, 0], [0, 1, 0], [0, -1, 1]], output: [[1, 1, 0], [0, 1, 1]])
        /// F(4, 2) on the points 0, ±1, 2, ∞.
        static let fourOfTwo = Matrices(
            weights: [[1.0 / 2, 0], [-1.0 / 2, -1.0 / 2], [-1.0 / 6, 1.0 / 6], [1.0 / 6, 1.0 / 3], [0, 1]],
            input: [[2, -1, -2, 1, 0], [0, -2, -1, 1, 0], [0, 2, -3, 1, 0], [0, -1, 0, 1, 0], [0, 2, -1, -2, 1]],
            output: [[1, 1, 1, 1, 0], [0, 1, -1, 2, 0], [0, 1, 1, 4, 0], [0, 1, -1, 8, 1]])

        private static func ofOne(_ size: Int) -> Matrices {
            let unit = (0..<size).map { row in (0..<size).map { $0 == row ? 1.0 : 0 } }
            return Matrices(weights: unit.map { _ in [1] }, input: unit, output: unit)
        }

        /// Stride 2: one filter on the inputs of even index and one on the odd, whose outputs are added.
        static func strideTwo(_ even: Matrices, _ odd: Matrices) -> Matrices {
            func spread(_ rows: [[Double]], from first: Int, to count: Int) -> [[Double]] {
                rows.map { row in (0..<count).map { $0 % 2 == first && $0 / 2 < row.count ? row[$0 / 2] : 0 } }
            }
            let kernel = even.weights[0].count + odd.weights[0].count
            let span = even.input.count + odd.input.count
            return Matrices(
                weights: spread(even.weights, from: 0, to: kernel) + spread(odd.weights, from: 1, to: kernel),
                input: spread(even.input, from: 0, to: span) + spread(odd.input, from: 1, to: span),
                output: zip(even.output, odd.output).map { $0 + $1 })
        }

        static func of(_ form: WinogradForm) -> Matrices {
            switch form {
            case .f2x3: two
            case .f4x3: four
            case .f6x3: six
            case .f2x5: ofFive(four, points: [0, 1, -1, 2, -2])
            case .f4x5: ofFive(six, points: [0, 1, -1, 2, -2, 0.5, -0.5])
            case .f2x3stride2: strideTwo(twoOfTwo, ofOne(2))
            case .f4x3stride2: strideTwo(fourOfTwo, ofOne(4))
            case .f2x5stride2: strideTwo(two, twoOfTwo)
            case .f4x5stride2: strideTwo(four, fourOfTwo)
            }
        }

        /// `|left|·|x|·|left|ᵀ` of a square x.
        static func sandwich(_ left: [[Double]], _ x: [[Double]]) -> [[Double]] {
            let half = left.map { row in x[0].indices.map { j in row.indices.reduce(0) { $0 + abs(row[$1]) * x[$1][j] } } }
            return half.map { row in left.map { other in row.indices.reduce(0) { $0 + row[$1] * abs(other[$1]) } } }
        }
    }

    /// Every factor of the algorithm replaced by its magnitude, which the rounding errors are relative to: for each output
    /// pixel, `|Aᵀ| (Σ |G||w||G|ᵀ ⊙ |Bᵀ||d||B|) |A|`.
    private func magnitudes(_ test: ConvolutionCase, _ form: WinogradForm) -> [Double] {
        let matrices = Matrices.of(form)
        let (size, kernel, span) = (form.outputSize, form.kernelSize, form.span)
        let window = test.geometry.window
        let (input, weights) = (test.input, test.weights)
        let (inputs, outputs) = (test.geometry.inputChannels, test.geometry.outputChannels)
        let kernels = (0..<outputs * inputs).map { pair in
            Matrices.sandwich(
                matrices.weights,
                (0..<kernel).map { y in
                    (0..<kernel).map { x in Double(weights[(pair * kernel + y) * kernel + x].magnitude) }
                })
        }
        var result = [Double](repeating: 0, count: outputs * test.pixels)
        for top in stride(from: 0, to: window.output.height, by: size) {
            for left in stride(from: 0, to: window.output.width, by: size) {
                let patches = (0..<inputs).map { channel in
                    Matrices.sandwich(
                        matrices.input,
                        (0..<span).map { row in
                            (0..<span).map { column in
                                let y = top * form.stride + row - window.padBegin.height
                                let x = left * form.stride + column - window.padBegin.width
                                let inside = (0..<window.input.height).contains(y) && (0..<window.input.width).contains(x)
                                return inside
                                    ? Double(input[(channel * window.input.height + y) * window.input.width + x].magnitude) : 0
                            }
                        })
                }
                for output in 0..<outputs {
                    var products = [[Double]](repeating: [Double](repeating: 0, count: span), count: span)
                    for channel in 0..<inputs {
                        for row in 0..<span {
                            for column in 0..<span {
                                products[row][column] +=
                                    kernels[output * inputs + channel][row][column] * patches[channel][row][column]
                            }
                        }
                    }
                    let tile = Matrices.sandwich(matrices.output, products)
                    for row in 0..<min(size, window.output.height - top) {
                        for column in 0..<min(size, window.output.width - left) {
                            result[output * test.pixels + (top + row) * window.output.width + left + column] =
                                tile[row][column]
                        }
                    }
                }
            }
        }
        return result
    }

    @Test(
        "each form's matrices are the filter they stand for: Aᵀ[(G·w) ⊙ (Bᵀ·d)] = Σ w(k)·d(stride·i + k)",
        arguments: WinogradForm.allCases)
    func matrices(form: WinogradForm) {
        let matrices = Matrices.of(form)
        #expect(matrices.input.count == form.span && matrices.weights.count == form.span)
        for output in 0..<form.outputSize {
            for tap in 0..<form.kernelSize {
                for input in 0..<form.span {
                    let factor = (0..<form.span).reduce(0) {
                        $0 + matrices.output[output][$1] * matrices.weights[$1][tap] * matrices.input[$1][input]
                    }
                    // The sum of a few products of fractions below 100.
                    #expect(abs(factor - (input == output * form.stride + tap ? 1 : 0)) < 100 * 8 * Double.ulpOfOne)
                }
            }
        }
    }

    @Test("no form takes uneven or larger strides, dilations, groups or other kernels", arguments: TableUnderTest.all)
    func unsupported(table: TableUnderTest) {
        func forms(
            kernel: Extent = plane(3, 3), stride: Extent = .one, dilation: Extent = .one, groups: Int = 1
        ) -> [WinogradForm] {
            table.kernels.winogradForms(
                ConvolutionCase(
                    "", inputs: 32, outputs: 32, map: plane(20, 20), kernel: kernel, stride: stride, dilation: dilation,
                    groups: groups
                ).geometry)
        }
        #expect(forms() == [.f2x3, .f4x3, .f6x3])
        #expect(forms(stride: plane(2, 2)) == [.f2x3stride2, .f4x3stride2])
        #expect(forms(stride: plane(2, 1)).isEmpty && forms(stride: plane(3, 3)).isEmpty)
        #expect(forms(kernel: plane(3, 5)).isEmpty && forms(kernel: plane(7, 7), stride: plane(2, 2)).isEmpty)
        #expect(forms(dilation: plane(2, 2)).isEmpty && forms(groups: 2).isEmpty)
    }

    @Test(
        "Winograd is right within its own error bound, and its bits do not depend on the partition",
        arguments: TableUnderTest.all, cases)
    func winograd(table: TableUnderTest, test: ConvolutionCase) {
        let kernels = table.kernels
        let geometry = test.geometry
        let c = kernels.channelBlock
        let forms = kernels.winogradForms(geometry)
        #expect(
            forms
                == WinogradForm.allCases.filter {
                    $0.kernelSize == geometry.window.kernel.width && $0.stride == geometry.window.stride.width
                })
        let exact = test.exact()
        let inputImage = blocked(test.input, channels: geometry.inputChannels, pixels: test.inputPixels, block: c)
        let input = Buffer(inputImage + inputImage.map { 2 * $0 })
        // Infinity times the zero weights of channels that only fill up a block is undefined, and must not be stored.
        let infiniteInput = Buffer([.infinity] + inputImage.dropFirst() + inputImage)
        let bias = Buffer(padded(test.bias, to: kernels.paddedChannels(geometry.outputChannels)))
        let residual = Buffer(blocked(test.residual, channels: geometry.outputChannels, pixels: test.pixels, block: c))
        for method in forms.flatMap({ [WinogradMethod($0), WinogradMethod($0, transformsWeights: true)] }) {
            let form = method.form
            let outputTiles = 0..<kernels.blockedOutputTiles(geometry)
            let packed = Buffer(
                unwritten: method.transformsWeights
                    ? kernels.blockedWeightCount(geometry) : kernels.winogradWeightCount(geometry, form))
            Buffer.withCopy(of: test.weights) { weights in
                for part in pieces(outputTiles, seed: 14) {
                    if method.transformsWeights {
                        kernels.packBlockedWeights(geometry, weights: weights, outputTiles: part, to: packed.pointer)
                    } else {
                        kernels.packWinogradWeights(geometry, form, weights: weights, outputTiles: part, to: packed.pointer)
                    }
                }
            }
            let tiles = 0..<kernels.winogradTiles(geometry, form) * Self.images
            let limit = kernels.winogradRoundLimit(geometry, form)
            let largest = min(tiles.count, limit)
            let transformed = Buffer(unwritten: kernels.winogradInputCount(geometry, method, tiles: largest))
            let scratch = Buffer(unwritten: kernels.winogradScratchCount(geometry, method, tiles: largest))
            let outputCount = kernels.paddedChannels(geometry.outputChannels) * test.pixels
            func run(
                rounds: [Range<Int>], outputTiles: [Range<Int>], poolsPairs: Bool = false, input: Buffer = input
            ) -> [Float] {
                let pixels = poolsPairs ? test.pooledPixels : test.pixels
                let outputCount = kernels.paddedChannels(geometry.outputChannels) * pixels
                let output = Buffer(unwritten: outputCount * Self.images)
                var operands = ConvolutionOperands(
                    input: input.constant, inputStride: test.inputPixels * c, weights: packed.constant,
                    bias: test.hasBias ? bias.constant : nil, residual: test.hasResidual ? residual.constant : nil,
                    residualStride: test.pixels * c, output: output.pointer, outputStride: pixels * c,
                    activation: test.activation)
                operands.poolsPairs = poolsPairs
                operands.inputImageStride = inputImage.count
                operands.outputImageStride = outputCount
                for round in rounds {
                    kernels.transformWinogradInputs(geometry, method, operands, tiles: round, to: transformed.pointer)
                    for part in outputTiles {
                        kernels.multiplyWinograd(
                            geometry, method, operands, outputTiles: part, tiles: round, transformed: transformed.constant,
                            scratch: scratch.pointer)
                    }
                }
                #expect(output.isIntact && transformed.isIntact && scratch.isIntact && packed.isIntact)
                return output.values
            }
            let rounds = stride(from: 0, to: tiles.count, by: limit).map { $0..<min($0 + limit, tiles.count) }
            let whole = run(rounds: rounds, outputTiles: [outputTiles])
            let magnitudes = magnitudes(test, form)
            // Roundings on the way of one product: at most eight along each axis of the three transforms; the sum over the
            // channels; bias, residual, activation.
            let roundings = Double(6 * 8 + geometry.inputChannels + 3) * 0x1p-24
            let gamma = roundings / (1 - roundings)
            let result = planar(Array(whole[..<outputCount]), channels: geometry.outputChannels, pixels: test.pixels, block: c)
            for (index, sum) in exact.enumerated() {
                let difference = abs(Double(result[index]) - test.activation.exact(sum.value))
                #expect(difference <= gamma * (magnitudes[index] + sum.magnitude), "\(method), element \(index)")
            }
            // The second image is the first, doubled: so is everything but bias and residual, exactly.
            if !test.hasBias && !test.hasResidual {
                #expect(sameBits(whole[..<outputCount].map { 2 * $0 }, Array(whole[outputCount...])), "\(method)")
            }
            if !test.hasResidual {
                let pooled = run(rounds: rounds, outputTiles: [outputTiles], poolsPairs: true)
                let first = planar(
                    Array(pooled[..<(pooled.count / Self.images)]), channels: geometry.outputChannels,
                    pixels: test.pooledPixels, block: c)
                #expect(first == test.largestOfPairs(result), "\(method)")
            }
            for poolsPairs in test.hasResidual ? [false] : [false, true] {
                let values = run(rounds: rounds, outputTiles: [outputTiles], poolsPairs: poolsPairs, input: infiniteInput)
                let pixels = poolsPairs ? test.pooledPixels : test.pixels
                #expect(test.missingChannels(of: values, images: Self.images, pixels: pixels, block: c).allSatisfy { $0 == 0 })
            }
            let others = rounds.flatMap { pieces($0, seed: 9) }
            #expect(sameBits(whole, run(rounds: others, outputTiles: pieces(outputTiles, seed: 8))), "\(method)")
        }
    }
}
