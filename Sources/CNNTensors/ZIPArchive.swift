/// The entries of a ZIP file (PKWARE APPNOTE 6.3.10), as far as `.npz` files use them: stored or deflated, on one disk,
/// unencrypted, with ZIP64 sizes where needed. Everything is checked before any content is touched.
///
/// The central directory at the end of the file is what counts: NumPy writes local headers whose sizes are 0xFFFFFFFF.
struct ZIPArchive: Sendable {
    struct Entry: Sendable {
        let name: String
        let isDeflated: Bool
        /// CRC-32 of the content.
        let checksum: UInt32
        /// Length of the content in bytes.
        let size: Int
        /// Where the stored or deflated content lies, in bytes from the start of the file.
        let storedRange: Range<Int>
    }

    let entries: [Entry]

    /// What is wrong with an archive; the caller knows the file.
    struct Fault: Error {
        let reason: ArrayFileError.Reason

        static func malformed(_ rule: String) -> Fault { Fault(reason: .malformed(rule)) }
        static func unsupported(_ what: String) -> Fault { Fault(reason: .unsupported(what)) }
    }

    /// No deflated byte gives more: a match of 258 bytes takes at least a bit for its length and one for its distance
    /// (RFC 1951, section 3.2.5).
    static let largestDeflateRatio = 258 * 8 / 2

    /// Reads and checks the directory of the archive that these bytes are.
    init(_ bytes: UnsafeRawBufferPointer) throws {
        let reader = LittleEndianReader(bytes: bytes)
        let directory = try ZIPDirectory(reader)
        var entries: [Entry] = []
        var spans: [Range<Int>] = []
        var names: Set<String> = []
        var position = directory.range.lowerBound
        for _ in 0..<directory.entryCount {
            let record = try ZIPDirectoryRecord(reader, at: position, end: directory.range.upperBound)
            position = record.end
            let (entry, span) = try record.entry(reader, contentEnd: directory.range.lowerBound)
            guard names.insert(entry.name).inserted else { throw Fault.malformed("the entry '\(entry.name)' stands twice") }
            entries.append(entry)
            spans.append(span)
        }
        guard position == directory.range.upperBound else {
            throw Fault.malformed("the central directory is longer than its \(directory.entryCount) entries")
        }
        // Entries that share bytes are how a small file unpacks to a huge one.
        spans.sort { $0.lowerBound < $1.lowerBound }
        for (span, next) in zip(spans, spans.dropFirst()) where next.lowerBound < span.upperBound {
            throw Fault.malformed("two entries overlap at byte \(next.lowerBound)")
        }
        self.entries = entries
    }
}

/// Where the central directory lies: what the records at the end of the file say.
private struct ZIPDirectory {
    let entryCount: Int
    let range: Range<Int>

    private static let endSignature: UInt32 = 0x0605_4B50
    private static let zip64LocatorSignature: UInt32 = 0x0706_4B50
    private static let zip64EndSignature: UInt32 = 0x0606_4B50

    init(_ reader: LittleEndianReader) throws {
        let end = try Self.endRecord(reader)
        var disks = [UInt64(reader.uint16(end + 4)), UInt64(reader.uint16(end + 6))]
        var counts = [UInt64(reader.uint16(end + 8)), UInt64(reader.uint16(end + 10))]
        var size = UInt64(reader.uint32(end + 12))
        var offset = UInt64(reader.uint32(end + 16))
        var limit = end
        if end >= 20, reader.uint32(end - 20) == Self.zip64LocatorSignature {
            let place = reader.uint64(end - 12)
            guard end >= 76, place <= UInt64(end - 76), reader.uint32(Int(place)) == Self.zip64EndSignature else {
                throw ZIPArchive.Fault.malformed("the ZIP64 end record is missing")
            }
            let record = Int(place)
            disks = [UInt64(reader.uint32(record + 16)), UInt64(reader.uint32(record + 20))]
            counts = [reader.uint64(record + 24), reader.uint64(record + 32)]
            size = reader.uint64(record + 40)
            offset = reader.uint64(record + 48)
            limit = record
        }
        guard disks == [0, 0], counts[0] == counts[1] else {
            throw ZIPArchive.Fault.unsupported("the ZIP file is one part of several")
        }
        let (directoryEnd, overflow) = offset.addingReportingOverflow(size)
        guard !overflow, directoryEnd == UInt64(limit) else {
            throw ZIPArchive.Fault.malformed("the central directory does not end where the end record begins")
        }
        // Every entry takes 46 bytes, so that the count cannot make the reader take memory that the file does not justify.
        guard counts[0] <= size / 46 else {
            throw ZIPArchive.Fault.malformed("\(counts[0]) entries do not fit in a central directory of \(size) bytes")
        }
        entryCount = Int(counts[0])
        range = Int(offset)..<limit
    }

    /// The record that ends the file, but for a comment of at most 65,535 bytes.
    private static func endRecord(_ reader: LittleEndianReader) throws -> Int {
        let count = reader.bytes.count
        guard count >= 22 else { throw ZIPArchive.Fault(reason: .truncated(needed: 22, present: count)) }
        for position in stride(from: count - 22, through: max(count - 22 - 0xFFFF, 0), by: -1)
        where reader.uint32(position) == endSignature && position + 22 + Int(reader.uint16(position + 20)) == count {
            return position
        }
        throw ZIPArchive.Fault.malformed("this is no ZIP file, or its end is cut off: it has no end record")
    }
}

/// One record of the central directory.
private struct ZIPDirectoryRecord {
    let nameRange: Range<Int>
    let flags: UInt16
    let method: UInt16
    let checksum: UInt32
    var storedSize: UInt64
    var size: UInt64
    var localOffset: UInt64
    /// Where the next record begins.
    let end: Int

    private static let signature: UInt32 = 0x0201_4B50
    private static let localSignature: UInt32 = 0x0403_4B50

    init(_ reader: LittleEndianReader, at start: Int, end limit: Int) throws {
        guard limit - start >= 46, reader.uint32(start) == Self.signature else {
            throw ZIPArchive.Fault.malformed("a record of the central directory is missing")
        }
        flags = reader.uint16(start + 8)
        method = reader.uint16(start + 10)
        checksum = reader.uint32(start + 16)
        storedSize = UInt64(reader.uint32(start + 20))
        size = UInt64(reader.uint32(start + 24))
        localOffset = UInt64(reader.uint32(start + 42))
        let nameEnd = start + 46 + Int(reader.uint16(start + 28))
        let extraEnd = nameEnd + Int(reader.uint16(start + 30))
        end = extraEnd + Int(reader.uint16(start + 32))
        guard end <= limit else { throw ZIPArchive.Fault.malformed("a record of the central directory passes its end") }
        nameRange = (start + 46)..<nameEnd
        guard reader.uint16(start + 34) == 0 else {
            throw ZIPArchive.Fault.unsupported("the ZIP file is one part of several")
        }
        try readZIP64(reader, nameEnd..<extraEnd)
    }

    /// Replaces each saturated number by the 64-bit one of the ZIP64 extra field, which holds only those, in this order.
    private mutating func readZIP64(_ reader: LittleEndianReader, _ extra: Range<Int>) throws {
        let saturated = UInt64(UInt32.max)
        guard size == saturated || storedSize == saturated || localOffset == saturated else { return }
        var position = extra.lowerBound
        while extra.upperBound - position >= 4 {
            let fieldEnd = position + 4 + Int(reader.uint16(position + 2))
            guard fieldEnd <= extra.upperBound else { break }
            if reader.uint16(position) == 1 {
                var place = position + 4
                func next() throws -> UInt64 {
                    guard fieldEnd - place >= 8 else { throw ZIPArchive.Fault.malformed("a ZIP64 field is too short") }
                    defer { place += 8 }
                    return reader.uint64(place)
                }
                if size == saturated { size = try next() }
                if storedSize == saturated { storedSize = try next() }
                if localOffset == saturated { localOffset = try next() }
                return
            }
            position = fieldEnd
        }
        // Without such a field the numbers mean what they say.
    }

    /// The entry, with the bytes that it takes in the file: its local header and its content.
    func entry(
        _ reader: LittleEndianReader, contentEnd: Int
    ) throws -> (ZIPArchive.Entry, span: Range<Int>) {
        let nameBytes = reader.bytes[nameRange]
        guard !nameBytes.contains(0), let name = String(validating: nameBytes, as: UTF8.self) else {
            throw ZIPArchive.Fault.unsupported("the name of an entry is no UTF-8 text")
        }
        // Bits 0, 6 and 13: encryption; bit 5: patches.
        guard flags & 0x2061 == 0 else { throw ZIPArchive.Fault.unsupported("the entry '\(name)' is encrypted or a patch") }
        guard method == 0 || method == 8 else {
            throw ZIPArchive.Fault.unsupported(
                "the entry '\(name)' is compressed by method \(method); only stored (0) and deflated (8) entries are read")
        }
        guard contentEnd >= 30, localOffset <= UInt64(contentEnd - 30) else {
            throw ZIPArchive.Fault.malformed("the entry '\(name)' lies outside the file")
        }
        let local = Int(localOffset)
        let localNameRange = (local + 30)..<(local + 30 + Int(reader.uint16(local + 26)))
        let start = localNameRange.upperBound + Int(reader.uint16(local + 28))
        guard start <= contentEnd, reader.uint32(local) == Self.localSignature, reader.uint16(local + 8) == method,
            reader.bytes[localNameRange].elementsEqual(nameBytes)
        else {
            throw ZIPArchive.Fault.malformed(
                "the local header of the entry '\(name)' does not agree with the central directory")
        }
        guard storedSize <= UInt64(contentEnd - start) else {
            throw ZIPArchive.Fault.malformed("the entry '\(name)' lies outside the file")
        }
        let storedRange = start..<(start + Int(storedSize))
        let (mostContent, overflow) = storedRange.count.multipliedReportingOverflow(by: ZIPArchive.largestDeflateRatio)
        let limit = method == 0 ? storedRange.count : overflow ? Int.max : mostContent
        guard size <= UInt64(limit), method == 8 || size == storedSize else {
            throw ZIPArchive.Fault.malformed("the entry '\(name)' cannot have \(size) bytes: it is stored in \(storedSize)")
        }
        let entry = ZIPArchive.Entry(
            name: name, isDeflated: method == 8, checksum: checksum, size: Int(size), storedRange: storedRange)
        return (entry, local..<storedRange.upperBound)
    }
}

/// Little-endian numbers at places that the caller has checked.
private struct LittleEndianReader {
    let bytes: UnsafeRawBufferPointer

    func uint16(_ position: Int) -> UInt16 { number(position) }
    func uint32(_ position: Int) -> UInt32 { number(position) }
    func uint64(_ position: Int) -> UInt64 { number(position) }

    private func number<Number: FixedWidthInteger & BitwiseCopyable>(_ position: Int) -> Number {
        // A slip in a check above must not become a read outside the file: release builds do not check such reads.
        precondition(position >= 0 && position + MemoryLayout<Number>.size <= bytes.count, "the caller checks the place")
        return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Number.self))
    }
}
