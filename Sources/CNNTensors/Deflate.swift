import CZlib

/// Raw deflate (RFC 1951) and CRC-32 through zlib.
enum Deflate {
    /// What is wrong with deflated bytes.
    enum Fault: Error, Hashable {
        case invalid(String)
        /// The content is shorter or longer than the space for it.
        case wrongSize
        case outOfMemory
    }

    /// Unpacks `source`, all of it, into `destination`, which it has to fill exactly.
    static func inflate(_ source: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer) throws(Fault) {
        // zlib keeps the address of the stream, so it must not move: a pointer, not a variable.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        defer { stream.deallocate() }
        // Negative window bits: no zlib header around the data.
        guard inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw .outOfMemory
        }
        defer { inflateEnd(stream) }
        // One byte more than there should be shows content that is too long; it also keeps zlib's output pointer from
        // being null for empty content.
        var excess: UInt8 = 0
        var consumed = 0
        var produced = 0
        while true {
            // zlib counts in 32 bits.
            let input = min(source.count - consumed, 1 << 30)
            let output = min(destination.count - produced, 1 << 30)
            stream.pointee.next_in = UnsafeMutablePointer(
                mutating: source.baseAddress?.advanced(by: consumed).assumingMemoryBound(to: UInt8.self))
            stream.pointee.avail_in = UInt32(input)
            let result: Int32
            if output > 0 {
                stream.pointee.next_out = destination.baseAddress?.advanced(by: produced)
                    .assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(output)
                result = CZlib.inflate(stream, Z_NO_FLUSH)
                produced += output - Int(stream.pointee.avail_out)
            } else {
                result = withUnsafeMutablePointer(to: &excess) { excess in
                    stream.pointee.next_out = excess
                    stream.pointee.avail_out = 1
                    return CZlib.inflate(stream, Z_NO_FLUSH)
                }
                if stream.pointee.avail_out == 0 { throw .wrongSize }
            }
            consumed += input - Int(stream.pointee.avail_in)
            switch result {
            case Z_STREAM_END:
                guard produced == destination.count, consumed == source.count else { throw .wrongSize }
                return
            case Z_OK: continue
            // No progress: the input ends before the stream does.
            case Z_BUF_ERROR: throw .invalid("the compressed data ends early")
            case Z_MEM_ERROR: throw .outOfMemory
            default: throw .invalid(stream.pointee.msg.map { String(cString: $0) } ?? "the compressed data is damaged")
            }
        }
    }

    /// The CRC-32 of the bytes, or of what came before (whose checksum is `previous`) followed by them.
    static func checksum(_ bytes: UnsafeRawBufferPointer, after previous: UInt32 = 0) -> UInt32 {
        // For a null pointer zlib returns its start value instead of the previous checksum.
        guard let start = bytes.baseAddress, bytes.count > 0 else { return previous }
        return UInt32(
            truncatingIfNeeded: crc32_z(UInt(previous), start.assumingMemoryBound(to: UInt8.self), numericCast(bytes.count)))
    }
}
