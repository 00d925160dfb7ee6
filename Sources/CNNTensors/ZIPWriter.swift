/// Writes a ZIP file of stored entries. The same content always gives the same bytes: every entry has the date at which
/// the format's calendar begins (1 January 1980) and no owner. Content begins at multiples of 64 bytes, so that it can be
/// used where it lies when the file is mapped.
struct ZIPWriter: ~Copyable {
    private var offset = 0
    private var directory: [UInt8] = []
    private var entryCount = 0

    private static let alignment = 64
    /// Numbers from here on stand in a ZIP64 field, and this in their place.
    private static let saturated = 0xFFFF_FFFF
    /// The date 1980-01-01 in the format of DOS.
    private static let epoch: UInt16 = 1 << 5 | 1
    /// Extra field for padding, as Android's `zipalign` writes it: the alignment, then zeros.
    private static let alignmentField: UInt16 = 0xD935

    /// Appends an entry whose content is `head` and then `body`.
    /// - Precondition: `name` has at most 65,535 bytes.
    mutating func append(
        _ name: String, head: [UInt8], body: UnsafeRawBufferPointer, into sink: inout some ByteSink & ~Copyable
    ) throws {
        let nameBytes = Array(name.utf8)
        precondition(nameBytes.count <= 0xFFFF, "the caller checks the name's length")
        let size = head.count + body.count
        let checksum = Deflate.checksum(body, after: head.withUnsafeBytes { Deflate.checksum($0) })
        let needsZIP64 = size >= Self.saturated || offset >= Self.saturated
        let shownSize = UInt32(min(size, Self.saturated))
        // What local header and directory share: version, flags (bit 11: the name is UTF-8), method, time, date, sizes.
        var common: [UInt8] = []
        common.append(needsZIP64 ? 45 : 20 as UInt16)
        common.append(nameBytes.allSatisfy { $0 < 0x80 } ? 0 : 1 << 11 as UInt16)
        common.append(0 as UInt16)
        common.append(0 as UInt16)
        common.append(Self.epoch)
        common.append(checksum)
        common.append(shownSize)
        common.append(shownSize)
        common.append(UInt16(nameBytes.count))

        var extra: [UInt8] = []
        if size >= Self.saturated {
            extra.append(1 as UInt16)
            extra.append(16 as UInt16)
            extra.append(UInt64(size))
            extra.append(UInt64(size))
        }
        let unpadded = offset + 30 + nameBytes.count + extra.count + 6
        let padding = (Self.alignment - unpadded % Self.alignment) % Self.alignment
        extra.append(Self.alignmentField)
        extra.append(UInt16(2 + padding))
        extra.append(UInt16(Self.alignment))
        extra.append(contentsOf: repeatElement(0, count: padding))

        var local: [UInt8] = []
        local.append(0x0403_4B50 as UInt32)
        local += common
        local.append(UInt16(extra.count))
        local += nameBytes + extra
        try sink.write(local)
        try sink.write(head)
        try sink.write(body)
        appendDirectoryRecord(common, nameBytes, size: size)
        offset += local.count + size
        entryCount += 1
    }

    private mutating func appendDirectoryRecord(_ common: [UInt8], _ name: [UInt8], size: Int) {
        var extra: [UInt8] = []
        if size >= Self.saturated {
            extra.append(UInt64(size))
            extra.append(UInt64(size))
        }
        if offset >= Self.saturated { extra.append(UInt64(offset)) }
        directory.append(0x0201_4B50 as UInt32)
        // Made by: the same version, on no particular system.
        directory += common[..<2] + common
        directory.append(UInt16(extra.isEmpty ? 0 : extra.count + 4))
        // No comment, first disk, no attributes.
        directory += Array(repeating: 0, count: 10)
        directory.append(UInt32(min(offset, Self.saturated)))
        directory += name
        if !extra.isEmpty {
            directory.append(1 as UInt16)
            directory.append(UInt16(extra.count))
            directory += extra
        }
    }

    /// Writes the central directory, which ends the file.
    consuming func finish(into sink: inout some ByteSink & ~Copyable) throws {
        let needsZIP64 = entryCount >= 0xFFFF || offset >= Self.saturated || directory.count >= Self.saturated
        var end: [UInt8] = []
        if needsZIP64 {
            end.append(0x0606_4B50 as UInt32)
            end.append(44 as UInt64)
            end.append(45 as UInt16)
            end.append(45 as UInt16)
            end.append(0 as UInt64)
            end.append(UInt64(entryCount))
            end.append(UInt64(entryCount))
            end.append(UInt64(directory.count))
            end.append(UInt64(offset))
            end.append(0x0706_4B50 as UInt32)
            end.append(0 as UInt32)
            end.append(UInt64(offset + directory.count))
            end.append(1 as UInt32)
        }
        end.append(0x0605_4B50 as UInt32)
        end.append(0 as UInt32)
        end.append(UInt16(min(entryCount, 0xFFFF)))
        end.append(UInt16(min(entryCount, 0xFFFF)))
        end.append(UInt32(min(directory.count, Self.saturated)))
        end.append(UInt32(min(offset, Self.saturated)))
        end.append(0 as UInt16)
        try sink.write(directory)
        try sink.write(end)
    }
}

extension [UInt8] {
    /// Appends a number, least significant byte first.
    fileprivate mutating func append<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}
