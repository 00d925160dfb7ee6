import CNNModels
import CProtobufC

/// Memory for the C messages of one element that is about to be written; all of it goes at once. What a message points to
/// lies here, except tensors' elements, which stay where the model has them.
final class MessageArena {
    private static let blockSize = 1 << 16
    private var blocks: [(start: UnsafeMutableRawPointer, size: Int)] = []
    private var used = 0

    deinit {
        for block in blocks { block.start.deallocate() }
    }

    /// Takes back all memory, so that the next element can be built.
    func reset() {
        // A block made for one large text is no block to keep.
        while let last = blocks.last, blocks.count > 1 || last.size > Self.blockSize {
            last.start.deallocate()
            blocks.removeLast()
        }
        used = 0
    }

    private func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
        let size = (byteCount + 15) & ~15
        if let block = blocks.last, size <= block.size - used {
            defer { used += size }
            return block.start + used
        }
        let blockSize = max(size, Self.blockSize)
        let start = UnsafeMutableRawPointer.allocate(byteCount: blockSize, alignment: 16)
        blocks.append((start, blockSize))
        used = size
        return start
    }

    private func allocate<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element>? {
        guard !elements.isEmpty else { return nil }
        let start = allocate(byteCount: elements.count * MemoryLayout<Element>.stride)
            .bindMemory(to: Element.self, capacity: elements.count)
        _ = UnsafeMutableBufferPointer(start: start, count: elements.count).initialize(from: elements)
        return start
    }

    /// A copy of a list of numbers; nil if there are none.
    func array<Element: BitwiseCopyable>(_ elements: some Collection<Element>) -> UnsafeMutablePointer<Element>? {
        allocate(Array(elements))
    }

    /// A message that `initialize` (protoc-c's) makes empty and `fill` fills.
    func message<Message>(
        _ initialize: (UnsafeMutablePointer<Message>?) -> Void, _ fill: (inout Message) throws -> Void
    ) rethrows -> UnsafeMutablePointer<Message> {
        let start = allocate(byteCount: MemoryLayout<Message>.stride).bindMemory(to: Message.self, capacity: 1)
        initialize(start)
        try fill(&start.pointee)
        return start
    }

    /// A list of messages, one for each value, as a repeated field wants it.
    func messages<Value, Message>(
        _ values: some Collection<Value>, _ make: (Value) throws -> UnsafeMutablePointer<Message>
    ) rethrows -> UnsafeMutablePointer<UnsafeMutablePointer<Message>?>? {
        allocate(try values.map { Optional(try make($0)) })
    }

    /// A C string.
    /// - Throws: `DecodingFault` if the text contains a NUL, behind which C would see nothing.
    func text(_ text: String) throws -> UnsafeMutablePointer<CChar> {
        guard !text.utf8.contains(0) else {
            throw DecodingFault("the text \(String(reflecting: text)) contains a NUL, which the format cannot hold")
        }
        // The bytes come from a String, so they are the UTF-8 that readers expect.
        return text.utf8CString.withUnsafeBufferPointer { allocate(Array($0)) } ?? emptyText()
    }

    private func emptyText() -> UnsafeMutablePointer<CChar> {
        let start = allocate(byteCount: 1).bindMemory(to: CChar.self, capacity: 1)
        start.initialize(to: 0)
        return start
    }

    func texts(_ texts: [String]) throws -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
        allocate(try texts.map { Optional(try text($0)) })
    }

    func bytes(_ bytes: [UInt8]) -> ProtobufCBinaryData {
        ProtobufCBinaryData(len: bytes.count, data: array(bytes))
    }

    func byteLists(_ lists: [[UInt8]]) -> UnsafeMutablePointer<ProtobufCBinaryData>? {
        allocate(lists.map { bytes($0) })
    }

    /// Puts fields that the schema does not know behind those of `message`.
    /// - Parameter omitted: the number of a field that would contradict what `message` says by now.
    /// - Throws: `DecodingFault` if `details` holds no sound fields (a file's always do; a program's or an archive's may not).
    func add(_ details: FormatDetails, to message: inout ProtobufCMessage, except omitted: Int? = nil) throws {
        guard !details.unknownFields.isEmpty else { return }
        let bytes = details.unknownFields
        var fields: [ProtobufCMessageUnknownField] = []
        do {
            try bytes.withUnsafeBytes { raw in
                var reader = WireReader(bytes: raw, position: 0)
                while reader.position < raw.count {
                    let tag = try reader.tag(end: raw.count)
                    let start = reader.position
                    _ = try reader.value(tag.type, end: raw.count)
                    if tag.number == omitted { continue }
                    // protobuf-c wants the length with the content.
                    let value = bytes[start..<reader.position]
                    fields.append(
                        ProtobufCMessageUnknownField(
                            tag: UInt32(tag.number), wire_type: ProtobufCWireType(rawValue: UInt32(tag.type.rawValue)),
                            len: value.count, data: array(value)))
                }
            }
        } catch let fault as WireFault {
            throw DecodingFault("the kept unknown fields are not sound: \(fault.rule)")
        }
        message.n_unknown_fields = UInt32(fields.count)
        message.unknown_fields = allocate(fields)
    }
}
