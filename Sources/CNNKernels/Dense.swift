import CCPUFeatures
import CNNKernelTable

/// Matrix times few vectors, on weights where they lie. A stripe of weights passes from memory
/// once and serves every row of the batch, so that the time is that of reading the weights.
extension Kernels {
    package var denseBatchLimit: Int { 16 }

    package func dense(_ arguments: DenseArguments, outputs: Range<Int>) {
        let c = Vector.scalarCount
        for row in 0..<arguments.batch {
            (arguments.output + row * arguments.outputRowStride + outputs.lowerBound)
                .update(repeating: 0, count: outputs.count)
        }
        // Whole rows of weights, eight at a time: memory is read in its own order. The sums wait in the first-level cache.
        var input = 0
        while input + 8 <= arguments.inputs {
            for row in 0..<arguments.batch {
                arguments.addEightRows(input, row, outputs)
            }
            input += 8
        }
        while input < arguments.inputs {
            for row in 0..<arguments.batch {
                arguments.addRow(input, row, outputs)
            }
            input += 1
        }
        let activation = VectorActivation(arguments.activation)
        let scale = Vector(repeating: arguments.scale)
        for row in 0..<arguments.batch {
            let sums = arguments.output + row * arguments.outputRowStride
            var output = outputs.lowerBound
            while output < outputs.upperBound {
                let count = outputs.upperBound - output
                var value = loadFirst(count, sums + output) * scale
                if let bias = arguments.bias { value += loadFirst(count, bias + output) }
                storeFirst(count, activation(value), sums + output)
                output += c
            }
        }
    }

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

/// Weights `[inputs, outputs]`.
extension DenseArguments {
    @inline(__always)
    fileprivate func addEightRows(_ input: Int, _ row: Int, _ outputs: Range<Int>) {
        let c = Vector.scalarCount
        let x = self.input + row * inputRowStride + input
        let x0 = Vector(repeating: x[0])
        let x1 = Vector(repeating: x[1])
        let x2 = Vector(repeating: x[2])
        let x3 = Vector(repeating: x[3])
        let x4 = Vector(repeating: x[4])
        let x5 = Vector(repeating: x[5])
        let x6 = Vector(repeating: x[6])
        let x7 = Vector(repeating: x[7])
        let stride = weightRowStride
        let base = weights + input * stride
        let sums = output + row * outputRowStride
        var column = outputs.lowerBound
        while column + c <= outputs.upperBound {
            let w = base + column
            var sum = load(sums + column)
            sum = multiplyAdd(sum, x0, load(w))
            sum = multiplyAdd(sum, x1, load(w + stride))
            sum = multiplyAdd(sum, x2, load(w + 2 * stride))
            sum = multiplyAdd(sum, x3, load(w + 3 * stride))
            sum = multiplyAdd(sum, x4, load(w + 4 * stride))
            sum = multiplyAdd(sum, x5, load(w + 5 * stride))
            sum = multiplyAdd(sum, x6, load(w + 6 * stride))
            sum = multiplyAdd(sum, x7, load(w + 7 * stride))
            store(sum, sums + column)
            column += c
        }
        let rest = outputs.upperBound - column
        if rest > 0 {
            var sum = loadFirst(rest, sums + column)
            for index in 0..<8 {
                sum = multiplyAdd(sum, Vector(repeating: x[index]), loadFirst(rest, base + index * stride + column))
            }
            storeFirst(rest, sum, sums + column)
        }
    }

    @inline(__always)
    fileprivate func addRow(_ input: Int, _ row: Int, _ outputs: Range<Int>) {
        let x = Vector(repeating: self.input[row * inputRowStride + input])
        let base = weights + input * weightRowStride
        let sums = output + row * outputRowStride
        var column = outputs.lowerBound
        while column < outputs.upperBound {
            let count = outputs.upperBound - column
            let sum = multiplyAdd(loadFirst(count, sums + column), x, loadFirst(count, base + column))
            storeFirst(count, sum, sums + column)
            column += Vector.scalarCount
        }
    }
}

/// Weights `[outputs, inputs]`: each output is one dot product, summed in as many lanes as a vector has.
extension DenseArguments {
    /// Whether it is faster to ask for weights before they are needed: not for so few that they lie in a core's cache, nor where loads are
    /// narrower than a cache line and so run further ahead by themselves. With AVX-512, rows of 4,096 floats then came at 27 GB/s
    /// instead of 24; with AVX2, long rows came at 24 instead of 28.
    fileprivate var asksAhead: Bool { inputs * outputs > 256 * 1024 && MemoryLayout<Vector>.stride >= 64 }

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
