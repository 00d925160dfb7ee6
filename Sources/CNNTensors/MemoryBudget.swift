/// Bytes that what a file says of its content may take in memory: all but the elements of arrays, which stay where the file is
/// mapped. Short texts become large values, so a file made for it could exhaust the memory of any machine.
package struct MemoryBudget: Sendable {
    /// What every file may take. With what the process itself takes, this and three times the file's size keep every file
    /// below 64 MB + 3 × its size.
    private static let floor = 36 << 20

    /// What an allocation takes beyond the bytes asked for (glibc: a header word, then rounding to 16).
    package static let allocationOverhead = 16
    /// What a Swift array or long string takes on the heap beyond its elements.
    package static let arrayOverhead = 32 + allocationOverhead

    /// What may still be taken.
    package private(set) var rest: Int

    /// The budget of a file of this many bytes: wide for every file that was not made to exhaust memory.
    package init(fileSize: Int) {
        // A file of many terabytes is no file; the arithmetic must not care.
        rest = Self.floor + 3 * min(fileSize, Int.max / 8)
    }

    /// Counts bytes that values take. Returns whether they may.
    package mutating func spend(_ byteCount: Int) -> Bool {
        rest -= byteCount
        return rest >= 0
    }

    /// What a string takes beyond the value itself: texts of up to 15 bytes lie in it.
    package static func heapSize(of text: String) -> Int {
        text.utf8.count > 15 ? text.utf8.count + arrayOverhead : 0
    }
}
