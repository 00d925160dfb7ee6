import CNNKernelTable
import Foundation
import Testing

@Suite("Normalization kernels")
struct NormalizationTests {
    static let responses = [
        LocalResponse(size: 5, alpha: 1e-4, beta: 0.75, bias: 1), LocalResponse(size: 3, alpha: 0.5, beta: 0.5, bias: 2),
        LocalResponse(size: 4, alpha: 1, beta: 0.75, bias: 1), LocalResponse(size: 1, alpha: 0.01, beta: 1, bias: 1),
    ]

    @Test("local response normalization on both layouts", arguments: TableUnderTest.all, responses)
    func localResponse(table: TableUnderTest, response: LocalResponse) {
        let kernels = table.kernels
        let c = kernels.channelBlock
        let (channels, pixels) = (21, 13)
        var numbers = SeededNumbers(seed: 41)
        let values = numbers.floats(channels * pixels, in: -3...3)
        let planarInput = Buffer(values)
        let blockedInput = Buffer(blocked(values, channels: channels, pixels: pixels, block: c))
        let planarOutput = Buffer(unwritten: channels * pixels)
        let blockedOutput = Buffer(unwritten: blockedInput.count)
        let scratch = Buffer(unwritten: kernels.lrnScratchCount(response, channels: channels))
        for part in pieces(0..<pixels, seed: 1) {
            kernels.lrnPlanar(
                response, channels: channels, input: planarInput.constant, inputStride: pixels, output: planarOutput.pointer,
                outputStride: pixels, pixels: part)
            kernels.lrnBlocked(
                response, channels: channels, input: blockedInput.constant, inputStride: pixels * c,
                output: blockedOutput.pointer, outputStride: pixels * c, pixels: part, scratch: scratch.pointer)
        }
        #expect(planarOutput.isIntact && blockedOutput.isIntact && scratch.isIntact)
        let results = [
            planarOutput.values, planar(blockedOutput.values, channels: channels, pixels: pixels, block: c),
        ]
        let before = (response.size - 1) / 2
        for channel in 0..<channels {
            for pixel in 0..<pixels {
                var sum = 0.0
                for neighbour in max(0, channel - before)..<min(channels, channel - before + response.size) {
                    sum += pow(Double(values[neighbour * pixels + pixel]), 2)
                }
                let base = Double(response.bias) + Double(response.alpha) / Double(response.size) * sum
                let exact = Double(values[channel * pixels + pixel]) / pow(base, Double(response.beta))
                // Relative: the squares and their sum (size + 1 roundings), alpha/size, the base (2), times beta ≤ 1; the power:
                // the logarithm's 1.5 ulp (2 u each) of a number below 5, times beta, as an absolute error of the exponent, and the
                // exponential's 1.5; the division.
                let roundings = Double(response.size + 1 + 1 + 2) + 2 * 1.5 * 5 + 2 * 1.5 + 2
                for result in results {
                    let difference = abs(Double(result[channel * pixels + pixel]) - exact)
                    #expect(difference <= roundings * 0x1p-24 * abs(exact))
                }
            }
        }
    }

    @Test("scale and shift per channel", arguments: TableUnderTest.all, [1, 9, 40])
    func scaleAndShift(table: TableUnderTest, pixels: Int) {
        let kernels = table.kernels
        let c = kernels.channelBlock
        let channels = 19
        var numbers = SeededNumbers(seed: 42)
        let values = numbers.floats(channels * pixels)
        let (scales, shifts) = (numbers.floats(channels), numbers.floats(channels))
        let scale = Buffer(padded(scales, to: kernels.paddedChannels(channels)))
        let shift = Buffer(padded(shifts, to: kernels.paddedChannels(channels)))
        let planarData = Buffer(values)
        let blockedData = Buffer(blocked(values, channels: channels, pixels: pixels, block: c))
        for part in pieces(0..<channels, seed: 1) {
            kernels.scaleShiftPlanar(
                input: planarData.constant, inputStride: pixels, output: planarData.pointer, outputStride: pixels,
                pixels: pixels, scale: scale.constant, shift: shift.constant, activation: .relu, channels: part)
        }
        for part in pieces(0..<kernels.channelBlocks(channels), seed: 2) {
            kernels.scaleShiftBlocked(
                input: blockedData.constant, inputStride: pixels * c, output: blockedData.pointer, outputStride: pixels * c,
                pixels: pixels, scale: scale.constant, shift: shift.constant, activation: .relu, blocks: part)
        }
        #expect(planarData.isIntact && blockedData.isIntact)
        let fromBlocked = planar(blockedData.values, channels: channels, pixels: pixels, block: c)
        for index in 0..<channels * pixels {
            var sum = ExactSum()
            sum.add(values[index], scales[index / pixels])
            sum.add(shifts[index / pixels])
            for result in [planarData.values[index], fromBlocked[index]] {
                #expect(abs(Double(result) - max(sum.value, 0)) <= sum.bound())
            }
        }
    }

    @Test("softmax and its logarithm", arguments: TableUnderTest.all, [1, 2, 10, 16, 33, 1000])
    func softmax(table: TableUnderTest, length: Int) {
        let kernels = table.kernels
        let rows = 5
        var numbers = SeededNumbers(seed: 43)
        var values = numbers.floats(rows * length, in: -20...20)
        // A row far from zero: only differences count.
        for index in 0..<length { values[index] += 5000 }
        let input = Buffer(values)
        let (probabilities, logarithms) = (Buffer(unwritten: rows * length), Buffer(unwritten: rows * length))
        for part in pieces(0..<rows, seed: 1) {
            kernels.softmax(input: input.constant, output: probabilities.pointer, length: length, rows: part)
            kernels.logSoftmax(input: input.constant, output: logarithms.pointer, length: length, rows: part)
        }
        #expect(probabilities.isIntact && logarithms.isIntact)
        for row in 0..<rows {
            let x = values[row * length..<(row + 1) * length].map(Double.init)
            let maximum = x.max() ?? 0
            let sum = x.reduce(0) { $0 + Foundation.exp($1 - maximum) }
            for index in 0..<length {
                let exact = Foundation.exp(x[index] - maximum) / sum
                // Relative, in u = 2⁻²⁴: the rounding of x − maximum (|x − maximum| ≤ 40 makes it 40 u in the exponential), the
                // exponential's 1.5 ulp = 3 u, both in numerator and sum; the sum of `length` terms; the division.
                let roundings = 2 * (40 + 3) + Double(length) + 1
                let probability = Double(probabilities.pointer[row * length + index])
                #expect(abs(probability - exact) <= roundings * 0x1p-24 * exact)
                let exactLogarithm = x[index] - maximum - Foundation.log(sum)
                // Absolute: the sum's relative error, the logarithm's 1.5 ulp, two subtractions.
                let bound = (roundings + 3 * Foundation.log(sum) + 2 * (40 + abs(exactLogarithm))) * 0x1p-24
                #expect(abs(Double(logarithms.pointer[row * length + index]) - exactLogarithm) <= bound)
            }
        }
    }
}
