/// Copies elements from the order of a file to ours: axes from first-fastest to last-fastest, bytes from most significant
/// first to least significant first.
struct ElementReordering {
    let shape: Shape
    let isFortranOrder: Bool
    let isBigEndian: Bool
    /// Bytes of one number; a complex element is two of them.
    let wordWidth: Int
    let wordsPerElement: Int

    init(_ dataType: DataType, shape: Shape, isFortranOrder: Bool, isBigEndian: Bool) {
        let width = dataType.byteWidth ?? 1
        wordsPerElement = dataType == .complex64 || dataType == .complex128 ? 2 : 1
        wordWidth = width / wordsPerElement
        self.shape = shape
        // With one axis longer than 1 the two orders are the same.
        self.isFortranOrder = isFortranOrder && shape.dimensions.count(where: { $0 > 1 }) > 1
        self.isBigEndian = isBigEndian && wordWidth > 1
    }

    /// Whether the bytes are as ours already.
    var isIdentity: Bool { !isFortranOrder && !isBigEndian }

    /// Fills `destination` with the elements of `source`; both have exactly the bytes of the shape.
    func copy(_ source: UnsafeRawBufferPointer, to destination: UnsafeMutableRawBufferPointer) {
        switch wordWidth {
        case 1: copy(UInt8.self, source, destination)
        case 2: copy(UInt16.self, source, destination)
        case 4: copy(UInt32.self, source, destination)
        default: copy(UInt64.self, source, destination)
        }
    }

    private func copy<Word: FixedWidthInteger>(
        _ type: Word.Type, _ source: UnsafeRawBufferPointer, _ destination: UnsafeMutableRawBufferPointer
    ) {
        guard shape.elementCount > 0 else { return }
        let width = MemoryLayout<Word>.size
        func copyElement(_ from: Int, _ to: Int) {
            for word in 0..<wordsPerElement {
                let value = source.loadUnaligned(fromByteOffset: (from * wordsPerElement + word) * width, as: Word.self)
                destination.storeBytes(
                    of: isBigEndian ? value.byteSwapped : value, toByteOffset: (to * wordsPerElement + word) * width,
                    as: Word.self)
            }
        }
        guard isFortranOrder else {
            for index in 0..<shape.elementCount { copyElement(index, index) }
            return
        }
        var strides = [Int](repeating: 1, count: shape.rank)
        for axis in 1..<shape.rank { strides[axis] = strides[axis - 1] * shape[axis - 1] }
        let last = shape.rank - 1
        var position = [Int](repeating: 0, count: shape.rank)
        var from = 0
        for to in stride(from: 0, to: shape.elementCount, by: shape[last]) {
            for step in 0..<shape[last] { copyElement(from + step * strides[last], to + step) }
            // The next row: count up the axes before the last like the digits of a number.
            var axis = last - 1
            while axis >= 0 {
                position[axis] += 1
                from += strides[axis]
                if position[axis] < shape[axis] { break }
                from -= strides[axis] * shape[axis]
                position[axis] = 0
                axis -= 1
            }
        }
    }
}
