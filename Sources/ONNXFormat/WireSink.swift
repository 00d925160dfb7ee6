import CProtobufC

/// Where packed messages go: counted only, or counted and handed on. Blocks that protobuf-c appends are handed on from where
/// they lie, so that weights go from the mapped input to the output without a copy in between.
final class WireSink {
    /// Bytes so far.
    private(set) var count = 0
    private let output: ((UnsafeRawBufferPointer) throws -> Void)?
    private var failure: (any Error)?

    /// A sink that counts.
    init() { output = nil }

    /// A sink that hands each block to `output`.
    init(_ output: @escaping (UnsafeRawBufferPointer) throws -> Void) { self.output = output }

    /// Appends `bytes`.
    func append(_ bytes: UnsafeRawBufferPointer) throws {
        count += bytes.count
        try output?(bytes)
    }

    /// Appends a tag and a length.
    func begin(field: Int, length: Int) throws {
        var header = WireBuffer()
        header.append(tag: field, .lengthDelimited)
        header.append(varint: UInt64(length))
        try header.bytes.withUnsafeBytes { try append($0) }
    }

    /// Appends a message as the value of a field.
    func message<Message>(field: Int, _ message: UnsafeMutablePointer<Message>) throws {
        let size = protobuf_c_message_get_packed_size(Self.base(message))
        try begin(field: field, length: size)
        try fields(of: message)
    }

    /// Appends the fields of a message without a tag: concatenated, such parts are one message.
    func fields<Message>(of message: UnsafeMutablePointer<Message>) throws {
        let base = Self.base(message)
        guard output != nil else {
            count += protobuf_c_message_get_packed_size(base)
            return
        }
        var buffer = ProtobufCContextBuffer(
            base: ProtobufCBuffer { buffer, count, data in
                guard let buffer else { return }
                let context = UnsafeMutableRawPointer(buffer).assumingMemoryBound(to: ProtobufCContextBuffer.self).pointee
                    .context
                guard let context else { return }
                Unmanaged<WireSink>.fromOpaque(context).takeUnretainedValue()
                    .receive(UnsafeRawBufferPointer(start: data, count: count))
            },
            context: Unmanaged.passUnretained(self).toOpaque())
        withUnsafeMutablePointer(to: &buffer) { buffer in
            _ = buffer.withMemoryRebound(to: ProtobufCBuffer.self, capacity: 1) {
                protobuf_c_message_pack_to_buffer(base, $0)
            }
        }
        if let failure { throw failure }
    }

    /// protobuf-c cannot be stopped: after a failure what it appends goes nowhere.
    private func receive(_ bytes: UnsafeRawBufferPointer) {
        guard failure == nil else { return }
        do {
            try append(bytes)
        } catch {
            failure = error
        }
    }

    /// Every generated struct begins with a `ProtobufCMessage`.
    private static func base<Message>(_ message: UnsafeMutablePointer<Message>) -> UnsafePointer<ProtobufCMessage> {
        UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self)
    }
}
