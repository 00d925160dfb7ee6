import CNNKernelTable

extension Kernels {
    package func softmax(
        input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>, length: Int, rows: Range<Int>
    ) {
        for row in rows {
            let source = input + row * length
            let target = output + row * length
            let maximum = Vector(repeating: rowMaximum(source, length))
            let sum = Vector(
                repeating: sumOfExponentials(source, length, maximum) { index, count, value in
                    storeFirst(count, value, target + index)
                })
            var index = 0
            while index < length {
                storeFirst(length - index, loadFirst(length - index, target + index) / sum, target + index)
                index += Vector.scalarCount
            }
        }
    }

    package func logSoftmax(
        input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>, length: Int, rows: Range<Int>
    ) {
        for row in rows {
            let source = input + row * length
            let target = output + row * length
            let maximum = Vector(repeating: rowMaximum(source, length))
            let sum = sumOfExponentials(source, length, maximum) { _, _, _ in }
            let logarithm = logarithm(Vector(repeating: sum))
            var index = 0
            while index < length {
                let x = loadFirst(length - index, source + index)
                storeFirst(length - index, x - maximum - logarithm, target + index)
                index += Vector.scalarCount
            }
        }
    }

    /// Σ exp(x − maximum), in as many lanes as a vector has; hands each vector to `visit` with its place and the number of
    /// elements from there on.
    @inline(__always)
    private func sumOfExponentials(
        _ row: UnsafePointer<Float>, _ length: Int, _ maximum: Vector, _ visit: (Int, Int, Vector) -> Void
    ) -> Float {
        var sum = Vector.zero
        var index = 0
        while index + Vector.scalarCount <= length {
            let value = exponential(load(row + index) - maximum)
            visit(index, length - index, value)
            sum += value
            index += Vector.scalarCount
        }
        let rest = length - index
        if rest > 0 {
            let value = exponential(loadFirst(rest, row + index) - maximum)
            visit(index, rest, value)
            // The lanes past the end hold exp(0 − maximum), not zero.
            for lane in 0..<rest {
                sum[lane] += value[lane]
            }
        }
        return horizontalSum(sum)
    }
}
