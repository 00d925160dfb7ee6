/// Where the elements along one axis of a gathered array come from: offsets into the source, in elements.
package enum AxisOffsets: Sendable {
    /// `count` offsets: `start`, `start + step` …
    case strided(count: Int, start: Int = 0, step: Int)
    /// One offset an index; a negative one stands for the fill value.
    case table([Int])

    package var count: Int {
        switch self {
        case .strided(let count, _, _): count
        case .table(let offsets): offsets.count
        }
    }

    @inline(__always)
    fileprivate subscript(index: Int) -> Int {
        switch self {
        case .strided(_, let start, let step): start + index * step
        case .table(let offsets): offsets[index]
        }
    }

    fileprivate var bounds: ClosedRange<Int>? {
        switch self {
        case .strided(let count, let start, let step):
            guard count > 0 else { return nil }
            let end = start + (count - 1) * step
            return min(start, end)...max(start, end)
        case .table(let offsets):
            let inside = offsets.filter { $0 >= 0 }
            guard let smallest = inside.min(), let largest = inside.max() else { return nil }
            return smallest...largest
        }
    }
}

/// Operators that only move elements, all but concatenation, have one form: the output's element at `[i, j, …]` is the
/// input's element at offset `a(i) + b(j) + …`, each axis with offsets of its own. Transposing, slicing, padding, tiling
/// and broadcasting differ in the offsets alone.
extension Tensor {
    /// The elements whose offsets in row-major order are the sums of one offset of each axis; where an axis has none, the
    /// element of `fill` (zero, false or the empty string without one).
    /// - Parameters:
    ///   - axes: one entry an axis of `shape` and as long as it, or fewer or more of the same total count.
    ///   - fill: a tensor of one element of the same type.
    /// - Throws: `TensorError.valueOutOfRange` for offsets outside the tensor, `.wrongElementCount`, `.wrongDataType`.
    package func gathering(_ axes: [AxisOffsets], shape: Shape, fill: Tensor? = nil) throws -> Tensor {
        guard axes.reduce(1, { $0 * $1.count }) == shape.elementCount else {
            throw TensorError.wrongElementCount(shape, actual: axes.reduce(1) { $0 * $1.count })
        }
        if let fill {
            guard fill.dataType == dataType else { throw TensorError.wrongDataType(fill.dataType, expected: "\(dataType)") }
            guard fill.shape.elementCount == 1 else {
                throw TensorError.wrongElementCount(.scalar, actual: fill.shape.elementCount)
            }
        }
        if shape.elementCount > 0 { try checkBounds(axes) }
        if dataType == .string { return try gatheringStrings(axes, shape: shape, fill: fill) }
        guard dataType.byteWidth != nil else { return try gatheringPacked(axes, shape: shape, fill: fill) }
        return try Tensor(dataType: dataType, shape: shape) { destination in
            guard shape.elementCount > 0 else { return }
            withUnsafeBytes { source in
                switch dataType.byteWidth {
                case 1: gather(UInt8.self, from: source, axes, fill, into: destination)
                case 2: gather(UInt16.self, from: source, axes, fill, into: destination)
                case 4: gather(UInt32.self, from: source, axes, fill, into: destination)
                case 8: gather(UInt64.self, from: source, axes, fill, into: destination)
                default: gather(SIMD2<UInt64>.self, from: source, axes, fill, into: destination)
                }
            }
        }
    }

    /// The elements at these offsets in row-major order; a negative one stands for zero, false or the empty string.
    /// - Throws: `TensorError.valueOutOfRange` for offsets outside the tensor, `.wrongElementCount`.
    package func gathering(_ offsets: [Int], shape: Shape) throws -> Tensor {
        try gathering([.table(offsets)], shape: shape)
    }

    private func checkBounds(_ axes: [AxisOffsets]) throws(TensorError) {
        var (smallest, largest) = (0, 0)
        for axis in axes {
            guard let bounds = axis.bounds else { return }
            smallest += bounds.lowerBound
            largest += bounds.upperBound
        }
        guard smallest >= 0, largest < shape.elementCount else {
            throw .valueOutOfRange("an offset between \(smallest) and \(largest) of \(shape.elementCount)", dataType)
        }
    }

    private func gather<Word: BitwiseCopyable>(
        _ type: Word.Type, from source: UnsafeRawBufferPointer, _ axes: [AxisOffsets], _ fill: Tensor?,
        into destination: UnsafeMutableRawBufferPointer
    ) {
        let width = MemoryLayout<Word>.size
        var fillWord = [UInt8](repeating: 0, count: width).withUnsafeBytes { $0.loadUnaligned(as: Word.self) }
        fill?.withUnsafeBytes { fillWord = $0.loadUnaligned(as: Word.self) }
        var position = 0
        Self.forEachRow(axes) { base, row in
            if case .strided(let count, let start, 1) = row, let base {
                let bytes = UnsafeRawBufferPointer(rebasing: source[(base + start) * width..<(base + start + count) * width])
                UnsafeMutableRawBufferPointer(rebasing: destination[(position * width)...]).copyMemory(from: bytes)
                position += count
                return
            }
            for index in 0..<row.count {
                let offset = row[index]
                var word = fillWord
                if let base, !row.isFill(offset) {
                    word = source.loadUnaligned(fromByteOffset: (base + offset) * width, as: Word.self)
                }
                destination.storeBytes(of: word, toByteOffset: position * width, as: Word.self)
                position += 1
            }
        }
    }

    /// Elements of fewer than 8 bits, a byte each while they move.
    private func gatheringPacked(_ axes: [AxisOffsets], shape: Shape, fill: Tensor?) throws -> Tensor {
        let codes = try Tensor(codes(), shape: self.shape)
        let fillCode = try fill.map { try Tensor($0.codes(), shape: $0.shape) }
        let gathered = try codes.gathering(axes, shape: shape, fill: fillCode)
        return try Tensor(codes: gathered.codes(), dataType: dataType, shape: shape)
    }

    private func gatheringStrings(_ axes: [AxisOffsets], shape: Shape, fill: Tensor?) throws -> Tensor {
        let source = try strings()
        let fillString = try fill?.strings()[0] ?? []
        var result: [[UInt8]] = []
        result.reserveCapacity(shape.elementCount)
        Self.forEachOffset(axes) { result.append($0.map { source[$0] } ?? fillString) }
        return try Tensor(strings: result, shape: shape)
    }

    private static func forEachOffset(_ axes: [AxisOffsets], _ body: (Int?) -> Void) {
        forEachRow(axes) { base, row in
            for index in 0..<row.count {
                let offset = row[index]
                body(row.isFill(offset) ? nil : base.map { $0 + offset })
            }
        }
    }

    /// Walks over all axes but the last, and hands out the last with the sum of the others' offsets: nil where one of them
    /// stands for the fill value.
    private static func forEachRow(_ axes: [AxisOffsets], _ body: (_ base: Int?, _ row: AxisOffsets) -> Void) {
        guard axes.allSatisfy({ $0.count > 0 }) else { return }
        guard let row = axes.last else { return body(0, .strided(count: 1, step: 1)) }
        let outer = Array(axes.dropLast())
        var indices = [Int](repeating: 0, count: outer.count)
        while true {
            var base: Int? = 0
            for (axis, index) in zip(outer, indices) {
                let offset = axis[index]
                base = axis.isFill(offset) ? nil : base.map { $0 + offset }
            }
            body(base, row)
            var axis = outer.count - 1
            while axis >= 0 {
                indices[axis] += 1
                if indices[axis] < outer[axis].count { break }
                indices[axis] = 0
                axis -= 1
            }
            if axis < 0 { return }
        }
    }
}

extension AxisOffsets {
    /// Only tables mark the fill value; a stride's start may be negative for another axis to make up for.
    @inline(__always)
    fileprivate func isFill(_ offset: Int) -> Bool {
        if case .table = self { offset < 0 } else { false }
    }
}
