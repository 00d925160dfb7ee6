import CCPUFeatures
import CNNKernelTable

/// Matrix times few vectors, on weights where they lie. A stripe of weights passes from memory
/// once and serves every row of the batch, so that the time is that of reading the weights.
extension Kernels {
    package var denseBatchLimit: Int { 16 }

    package func denseTransposed(_ arguments: DenseArguments, outputs: Range<Int>) {
        var output = outputs.lowerBound
        if arguments.batch == 1 {
            let asksAhead = arguments.asksAhead
            while output + 8 <= outputs.upperBound {
                arguments.multiplyEightRows(output, asksAhead: asksAhead)
                output += 8
            }
        }
        while output + 4 <= outputs.upperBound {
            arguments.multiplyFourRows(output)
            output += 4
        }
        while output < outputs.upperBound {
            arguments.multiplyRow(output)
            output += 1
        }
    }
}

/// Weights `[outputs, inputs]`: each output is one dot product, summed in as many lanes as a vector has.
extension DenseArguments {
    /// Whether the weights are too many for a core's cache.
    var areWeightsFar: Bool { inputs * outputs > 256 * 1024 }

    /// Whether it is faster to ask for weights before they are needed: not for so few that they lie in a core's cache, nor where loads are
    /// narrower than a cache line and so run further ahead by themselves. With AVX-512, rows of 4,096 floats then came at 27 GB/s
    /// instead of 24; with AVX2, long rows came at 24 instead of 28.
    fileprivate var asksAhead: Bool { areWeightsFar && MemoryLayout<Vector>.stride >= 64 }

    /// How many floats of a row are asked for before they are needed.
    private static var prefetchDistance: Int { 512 }

    /// For a single row of the batch, for which there are registers enough: as many streams of weights come faster from memory.
    @inline(__always)
    fileprivate func multiplyEightRows(_ output: Int, asksAhead: Bool) {
        let w = weights + output * weightRowStride
        let next = w + 4 * weightRowStride
        let whole = inputs - inputs % Vector.scalarCount
        var sums = FourDots()
        var nextSums = FourDots()
        var index = 0
        while index < whole {
            if asksAhead {
                // Behind the end of these rows, the next ones.
                let ahead = index + Self.prefetchDistance
                let wanted = ahead < inputs ? w + ahead : w + (8 * weightRowStride + ahead - inputs)
                for row in 0..<8 { cpu_prefetch(wanted + row * weightRowStride) }
            }
            let x = load(input + index)
            sums.add(x, FourDots.weights(w + index, weightRowStride))
            nextSums.add(x, FourDots.weights(next + index, weightRowStride))
            index += Vector.scalarCount
        }
        if whole < inputs {
            let rest = inputs - whole
            let x = loadFirst(rest, input + whole)
            sums.add(x, FourDots.weights(first: rest, w + whole, weightRowStride))
            nextSums.add(x, FourDots.weights(first: rest, next + whole, weightRowStride))
        }
        finish(sums, 0, output)
        finish(nextSums, 0, output + 4)
    }

    @inline(__always)
    fileprivate func multiplyFourRows(_ output: Int) {
        var row = 0
        while row + 2 <= batch {
            multiplyFourRowsByTwo(output, row)
            row += 2
        }
        if row < batch {
            let x = input + row * inputRowStride
            let w = weights + output * weightRowStride
            let whole = inputs - inputs % Vector.scalarCount
            var sums = FourDots()
            var index = 0
            while index < whole {
                sums.add(load(x + index), FourDots.weights(w + index, weightRowStride))
                index += Vector.scalarCount
            }
            if whole < inputs {
                let rest = inputs - whole
                sums.add(loadFirst(rest, x + whole), FourDots.weights(first: rest, w + whole, weightRowStride))
            }
            finish(sums, row, output)
        }
    }

    @inline(__always)
    private func multiplyFourRowsByTwo(_ output: Int, _ row: Int) {
        let x0 = input + row * inputRowStride
        let x1 = x0 + inputRowStride
        let w = weights + output * weightRowStride
        let whole = inputs - inputs % Vector.scalarCount
        var sums0 = FourDots()
        var sums1 = FourDots()
        var index = 0
        while index < whole {
            let weights = FourDots.weights(w + index, weightRowStride)
            sums0.add(load(x0 + index), weights)
            sums1.add(load(x1 + index), weights)
            index += Vector.scalarCount
        }
        if whole < inputs {
            let rest = inputs - whole
            let weights = FourDots.weights(first: rest, w + whole, weightRowStride)
            sums0.add(loadFirst(rest, x0 + whole), weights)
            sums1.add(loadFirst(rest, x1 + whole), weights)
        }
        finish(sums0, row, output)
        finish(sums1, row + 1, output)
    }

    @inline(__always)
    fileprivate func multiplyRow(_ output: Int) {
        let w = weights + output * weightRowStride
        for row in 0..<batch {
            let x = input + row * inputRowStride
            var sum = Vector.zero
            var index = 0
            while index < inputs {
                let count = inputs - index
                sum = multiplyAdd(sum, loadFirst(count, x + index), loadFirst(count, w + index))
                index += Vector.scalarCount
            }
            finish(sum, row, output)
        }
    }

    @inline(__always)
    private func finish(_ sums: FourDots, _ row: Int, _ output: Int) {
        var values = horizontalSums(sums.sum0, sums.sum1, sums.sum2, sums.sum3) * scale
        if let bias { values += UnsafeRawPointer(bias + output).loadUnaligned(as: SIMD4<Float>.self) }
        UnsafeMutableRawPointer(self.output + (row * outputRowStride + output))
            .storeBytes(of: activation.apply(values), as: SIMD4<Float>.self)
    }

    @inline(__always)
    private func finish(_ sum: Vector, _ row: Int, _ output: Int) {
        var value = horizontalSum(sum) * scale
        if let bias { value += bias[output] }
        self.output[row * outputRowStride + output] = activation.apply(value)
    }
}

/// Dot products of one input vector with four rows of weights.
private struct FourDots {
    var sum0 = Vector.zero
    var sum1 = Vector.zero
    var sum2 = Vector.zero
    var sum3 = Vector.zero

    @inline(__always)
    static func weights(_ pointer: UnsafePointer<Float>, _ stride: Int) -> (Vector, Vector, Vector, Vector) {
        (load(pointer), load(pointer + stride), load(pointer + 2 * stride), load(pointer + 3 * stride))
    }

    @inline(__always)
    static func weights(
        first count: Int, _ pointer: UnsafePointer<Float>, _ stride: Int
    ) -> (Vector, Vector, Vector, Vector) {
        (
            loadFirst(count, pointer), loadFirst(count, pointer + stride), loadFirst(count, pointer + 2 * stride),
            loadFirst(count, pointer + 3 * stride)
        )
    }

    @inline(__always)
    mutating func add(_ x: Vector, _ weights: (Vector, Vector, Vector, Vector)) {
        sum0 = multiplyAdd(sum0, x, weights.0)
        sum1 = multiplyAdd(sum1, x, weights.1)
        sum2 = multiplyAdd(sum2, x, weights.2)
        sum3 = multiplyAdd(sum3, x, weights.3)
    }
}
