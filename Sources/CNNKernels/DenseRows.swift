import CCPUFeatures
import CNNKernelTable

/// Few vectors times a matrix `[inputs, outputs]`: rows of weights as memory has them, each times its input. Behind Relu many inputs are
/// 0 (two thirds in pruned AlexNet and VGG-16: S. Han et al., "EIE", arXiv:1602.01528), and their rows need not be read.
extension Kernels {
    package func dense(_ arguments: DenseArguments, outputs: Range<Int>) {
        var first = outputs.lowerBound
        while first < outputs.upperBound {
            let columns = first..<min(first + DenseRows.mostColumns, outputs.upperBound)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: arguments.batch * columns.count) { sums in
                withUnsafeTemporaryAllocation(of: Int.self, capacity: Kernels.termsPerSum) { inputs in
                    guard let sums = sums.baseAddress, let inputs = inputs.baseAddress else { return }
                    DenseRows(arguments: arguments, columns: columns, sums: sums, needed: inputs).compute()
                }
            }
            first = columns.upperBound
        }
    }
}

/// Some columns of the output.
///
/// The sums over a block of inputs are added to the output one block after the other, as in `gemm`. Blocks are the same whichever inputs
/// are 0, so that leaving these out changes no result.
private struct DenseRows {
    let arguments: DenseArguments
    let columns: Range<Int>
    /// `[batch, columns]`: the sums over the inputs of a block.
    let sums: UnsafeMutablePointer<Float>
    /// Room for the inputs of a block whose rows are needed.
    let needed: UnsafeMutablePointer<Int>

    /// Columns whose sums stay in the first-level cache. Memory gives longer pieces of a row in less time.
    static let mostColumns = 2048

    /// Floats of a cache line.
    private static let line = 64 / MemoryLayout<Float>.stride
    /// How far ahead weights are asked for, in floats.
    private static let prefetchDistance = 256

    func compute() {
        for row in 0..<arguments.batch { output(row).update(repeating: 0, count: columns.count) }
        var block = 0
        while block < arguments.inputs {
            let end = min(block + Kernels.termsPerSum, arguments.inputs)
            sums.update(repeating: 0, count: arguments.batch * columns.count)
            addRows(listNeeded(block..<end))
            addSums()
            block = end
        }
        finish()
    }

    /// Lists the inputs of a block whose rows are needed.
    /// - Returns: their number.
    private func listNeeded(_ block: Range<Int>) -> Int {
        var count = 0
        for input in block {
            needed[count] = input
            count += isNeeded(input) ? 1 : 0
        }
        return count
    }

    @inline(__always)
    private func isNeeded(_ input: Int) -> Bool {
        if !arguments.skipsZeros { return true }
        var isNeeded = false
        for row in 0..<arguments.batch {
            // What is not a number is unequal to 0.
            isNeeded = arguments.input[row * arguments.inputRowStride + input] != 0 || isNeeded
        }
        return isNeeded
    }

    /// Adds the rows of the first `count` listed inputs.
    private func addRows(_ count: Int) {
        let whole = count - count % 8
        let asksAhead = arguments.areWeightsFar
        for index in stride(from: 0, to: whole, by: 8) {
            let rows = EightRows(arguments, needed + index, column: columns.lowerBound)
            let next = index + 8 < whole ? EightRows(arguments, needed + index + 8, column: columns.lowerBound) : rows
            for row in 0..<arguments.batch {
                let factors = EightFactors(arguments.input + row * arguments.inputRowStride, needed + index)
                add(rows, factors, askingFor: asksAhead && row == 0 ? next : nil, to: sums + row * columns.count)
            }
        }
        for index in whole..<count {
            for row in 0..<arguments.batch { addRow(needed[index], row) }
        }
    }

    /// - Parameter next: where the rows are asked for that follow; nil to ask for nothing.
    @inline(__always)
    private func add(
        _ rows: EightRows, _ factors: EightFactors, askingFor next: EightRows?, to sums: UnsafeMutablePointer<Float>
    ) {
        let lines = columns.count - columns.count % Self.line
        var column = 0
        if let next {
            // Each row asks for what follows in it, and its end for the beginning of a next one.
            let distance = min(Self.prefetchDistance, lines)
            while column < lines - distance {
                rows.prefetch(column + distance)
                addLine(rows, factors, sums, column)
                column += Self.line
            }
            while column < lines {
                next.prefetch(column + distance - lines)
                addLine(rows, factors, sums, column)
                column += Self.line
            }
        } else {
            while column < lines {
                addLine(rows, factors, sums, column)
                column += Self.line
            }
        }
        while column < columns.count {
            let count = columns.count - column
            let sum = rows.add(factors, to: loadFirst(count, sums + column), column) { loadFirst(count, $0) }
            storeFirst(count, sum, sums + column)
            column += Vector.scalarCount
        }
    }

    @inline(__always)
    private func addLine(_ rows: EightRows, _ factors: EightFactors, _ sums: UnsafeMutablePointer<Float>, _ line: Int) {
        var column = line
        while column < line + Self.line {
            store(rows.add(factors, to: load(sums + column), column) { load($0) }, sums + column)
            column += Vector.scalarCount
        }
    }

    private func addRow(_ input: Int, _ row: Int) {
        let factor = Vector(repeating: arguments.input[row * arguments.inputRowStride + input])
        let weights = arguments.weights + (input * arguments.weightRowStride + columns.lowerBound)
        forEachVector { column, count in
            let sum = sums + (row * columns.count + column)
            storeFirst(count, multiplyAdd(loadFirst(count, sum), factor, loadFirst(count, weights + column)), sum)
        }
    }

    /// Adds the sums over a block to the output.
    private func addSums() {
        for row in 0..<arguments.batch {
            forEachVector { column, count in
                let total = output(row) + column
                storeFirst(count, loadFirst(count, total) + loadFirst(count, sums + (row * columns.count + column)), total)
            }
        }
    }

    /// Applies scale, bias and activation to the output.
    private func finish() {
        let activation = VectorActivation(arguments.activation)
        let scale = Vector(repeating: arguments.scale)
        for row in 0..<arguments.batch {
            forEachVector { column, count in
                let total = output(row) + column
                var value = loadFirst(count, total) * scale
                if let bias = arguments.bias { value += loadFirst(count, bias + (columns.lowerBound + column)) }
                storeFirst(count, activation(value), total)
            }
        }
    }

    @inline(__always)
    private func output(_ row: Int) -> UnsafeMutablePointer<Float> {
        arguments.output + (row * arguments.outputRowStride + columns.lowerBound)
    }

    /// Calls `body` with the first column of each vector and the number of columns from there on.
    @inline(__always)
    private func forEachVector(_ body: (_ column: Int, _ count: Int) -> Void) {
        var column = 0
        while column < columns.count {
            body(column, columns.count - column)
            column += Vector.scalarCount
        }
    }
}

/// Where eight rows of weights lie, from the first of some columns on.
private struct EightRows {
    let row0, row1, row2, row3, row4, row5, row6, row7: UnsafePointer<Float>

    @inline(__always)
    init(_ arguments: DenseArguments, _ inputs: UnsafePointer<Int>, column: Int) {
        func row(_ index: Int) -> UnsafePointer<Float> {
            arguments.weights + (inputs[index] * arguments.weightRowStride + column)
        }
        (row0, row1, row2, row3) = (row(0), row(1), row(2), row(3))
        (row4, row5, row6, row7) = (row(4), row(5), row(6), row(7))
    }

    @inline(__always)
    func add(
        _ x: EightFactors, to sum: Vector, _ column: Int, weights: (UnsafePointer<Float>) -> Vector
    ) -> Vector {
        var sum = multiplyAdd(sum, x.x0, weights(row0 + column))
        sum = multiplyAdd(sum, x.x1, weights(row1 + column))
        sum = multiplyAdd(sum, x.x2, weights(row2 + column))
        sum = multiplyAdd(sum, x.x3, weights(row3 + column))
        sum = multiplyAdd(sum, x.x4, weights(row4 + column))
        sum = multiplyAdd(sum, x.x5, weights(row5 + column))
        sum = multiplyAdd(sum, x.x6, weights(row6 + column))
        return multiplyAdd(sum, x.x7, weights(row7 + column))
    }

    @inline(__always)
    func prefetch(_ column: Int) {
        cpu_prefetch(row0 + column)
        cpu_prefetch(row1 + column)
        cpu_prefetch(row2 + column)
        cpu_prefetch(row3 + column)
        cpu_prefetch(row4 + column)
        cpu_prefetch(row5 + column)
        cpu_prefetch(row6 + column)
        cpu_prefetch(row7 + column)
    }
}

/// Eight inputs, each in all lanes of a vector.
private struct EightFactors {
    let x0, x1, x2, x3, x4, x5, x6, x7: Vector

    @inline(__always)
    init(_ row: UnsafePointer<Float>, _ inputs: UnsafePointer<Int>) {
        func factor(_ index: Int) -> Vector { Vector(repeating: row[inputs[index]]) }
        (x0, x1, x2, x3) = (factor(0), factor(1), factor(2), factor(3))
        (x4, x5, x6, x7) = (factor(4), factor(5), factor(6), factor(7))
    }
}
