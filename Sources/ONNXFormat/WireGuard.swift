import CNNTensors

/// The walk over a file's bytes that stands before protobuf-c. It follows the schema without recursion, refuses whatever
/// would hurt the parser behind it, and copies the structure into compact buffers from which all bulk is cut:
///
/// - the elements of every tensor: `raw_data` holds the number of a `TensorPayload` instead (4 bytes, little-endian);
/// - the content of every delimited field that the schema does not know: 16 bytes say where it lies (offset, length).
///
/// So protobuf-c sees kilobytes where the file has megabytes, and weights stay where the file is mapped.
struct WireGuard {
    /// Messages may nest this deep; a subgraph takes three levels.
    static let depthLimit = 64

    /// The root message without the elements below.
    private(set) var head = WireBuffer()
    /// The main graph without the elements below.
    private(set) var graphHead = WireBuffer()
    /// The main graph's nodes, tensors and value infos and the model's functions, one after the other.
    private(set) var elements = WireBuffer()
    /// Where each element lies in `elements`, in file order.
    private(set) var units: [Unit] = []
    /// The cut tensors.
    private(set) var payloads: [TensorPayload] = []
    /// Bytes that the model's Swift values are expected to take.
    private(set) var valueMemory = 0
    private(set) var hasGraph = false

    /// A message that is parsed on its own.
    struct Unit {
        /// Number of the field that it stands in, of the graph or (functions) of the model.
        let field: Int32
        let isInGraph: Bool
        let start: Int32
        fileprivate(set) var end: Int32
    }

    /// Bytes that structure may take in memory: parsed messages, Swift values, compact copies.
    let memoryLimit: Int

    private let schema = WireSchema.onnx
    private var reader: WireReader
    private var frames: [Frame] = []
    /// Bytes that protobuf-c is expected to take for the unit at hand, or for a head.
    private var unitMemory = 0
    private var headMemory = 0

    private enum Output { case head, graphHead, elements }

    /// A message that the walk is inside of.
    private struct Frame {
        let message: Int
        /// Where its tag begins, its content begins and its content ends, in the file.
        let tag: Int
        let start: Int
        let end: Int
        let output: Output
        /// Where the message's content begins in `elements` or a head if its length waits to be filled in.
        let reservedLength: Int?
        let isUnit: Bool
        /// Singular messages met, a bit a field number.
        var seen: UInt64 = 0
        /// Members of oneofs met, a bit a field number.
        var chosen: UInt64 = 0
        /// The tensor's entry in `payloads`.
        var payload: Int?
    }

    /// Walks a whole file whose root message is a model, or a tensor.
    /// - Throws: `ModelFileError` with the byte and the path of fields where a rule is broken.
    init(_ bytes: UnsafeRawBufferPointer, root: KeyPath<WireSchema, Int>, file: String, memoryLimit: Int? = nil) throws {
        self.memoryLimit = memoryLimit ?? MemoryBudget(fileSize: bytes.count).rest
        reader = WireReader(bytes: bytes, position: 0)
        frames.append(
            Frame(
                message: schema[keyPath: root], tag: 0, start: 0, end: bytes.count, output: .head, reservedLength: nil,
                isUnit: false))
        do {
            try walk()
        } catch let fault as WireFault {
            throw ModelFileError(
                file: file, cause: fault.rule, place: path(at: fault.offset), offset: fault.offset,
                hint: FileKind(bytes).map { "the file looks like \($0), not like an ONNX model" })
        }
    }

    // MARK: The walk

    private mutating func walk() throws {
        while let frame = frames.last {
            if reader.position == frame.end {
                close(frame)
            } else {
                let start = reader.position
                let tag = try reader.tag(end: frame.end)
                try field(tag, at: start, in: frame)
                try checkMemory(at: start)
            }
        }
    }

    private mutating func close(_ frame: Frame) {
        frames.removeLast()
        if let start = frame.reservedLength {
            write(to: frame.output) { $0.patchLength(start) }
        }
        if frame.isUnit {
            units[units.count - 1].end = Int32(elements.bytes.count)
            unitMemory = 0
        }
    }

    private mutating func field(_ tag: WireReader.Tag, at start: Int, in frame: Frame) throws {
        let message = schema.messages[frame.message]
        guard let field = message.field(tag.number) else {
            return try unknownField(tag, in: frame)
        }
        if field.isPayload { return try payload(tag, at: start, in: frame) }
        if field.alternatives != 0 {
            // protobuf-c would keep the last one and drop the others.
            guard frame.chosen & field.alternatives == 0 else {
                throw WireFault(rule: "'\(field.name)' stands beside another value that excludes it", offset: start)
            }
            frames[frames.count - 1].chosen |= 1 << UInt64(tag.number)
        }
        switch field.content {
        case .message(let child):
            try expect(.lengthDelimited, tag, field, at: start)
            let content = try enter(tag, field, at: start, in: frame)
            open(child, field: tag.number, tag: start, content: content, in: frame)
        case .text:
            try expect(.lengthDelimited, tag, field, at: start)
            let content = try reader.value(.lengthDelimited, end: frame.end)
            try checkText(content)
            spend(parsing: 40 + content.count, value: stringSize(content.count) + (field.isRepeated ? 16 : 0))
            try copy(tag, content, to: frame.output)
        case .bytes:
            try expect(.lengthDelimited, tag, field, at: start)
            let content = try reader.value(.lengthDelimited, end: frame.end)
            spend(parsing: 48 + content.count, value: MemoryBudget.arrayOverhead + content.count + 8)
            try copy(tag, content, to: frame.output)
        case .varint: try number(tag, field, .varint, at: start, in: frame)
        case .fixed32: try number(tag, field, .fixed32, at: start, in: frame)
        case .fixed64: try number(tag, field, .fixed64, at: start, in: frame)
        }
    }

    private func expect(_ type: WireType, _ tag: WireReader.Tag, _ field: WireSchema.Field, at start: Int) throws {
        guard tag.type == type else {
            throw WireFault(
                rule: "field '\(field.name)' has wire type \(tag.type.rawValue), not \(type.rawValue)", offset: start)
        }
    }

    /// A number, or, for a repeated one, a packed run of them.
    private mutating func number(
        _ tag: WireReader.Tag, _ field: WireSchema.Field, _ type: WireType, at start: Int, in frame: Frame
    ) throws {
        guard field.isRepeated, tag.type == .lengthDelimited else {
            try expect(type, tag, field, at: start)
            let content = try reader.value(type, end: frame.end)
            if field.isRepeated { spend(parsing: 8, value: 8) }
            return try copy(tag, content, to: frame.output)
        }
        let content = try reader.value(.lengthDelimited, end: frame.end)
        var elements = WireReader(bytes: reader.bytes, position: content.lowerBound)
        var count = 0
        while elements.position < content.upperBound {
            _ = try elements.value(type, end: content.upperBound)
            count += 1
        }
        spend(parsing: 8 * count, value: 8 * count)
        try copy(tag, content, to: frame.output)
    }

    // MARK: Messages

    /// Checks that a message may begin here and returns the range of its content.
    private mutating func enter(
        _ tag: WireReader.Tag, _ field: WireSchema.Field, at start: Int, in frame: Frame
    ) throws -> Range<Int> {
        guard frames.count < Self.depthLimit else {
            throw WireFault(rule: "messages nest deeper than \(Self.depthLimit) levels", offset: start)
        }
        if !field.isRepeated {
            // protobuf-c would merge the two, one copy of everything before for each that follows.
            let bit = UInt64(1) << UInt64(tag.number)
            guard frame.seen & bit == 0 else {
                throw WireFault(rule: "'\(field.name)' stands more than once", offset: start)
            }
            frames[frames.count - 1].seen |= bit
        }
        return try reader.value(.lengthDelimited, end: frame.end)
    }

    private mutating func open(_ message: Int, field: Int, tag: Int, content: Range<Int>, in frame: Frame) {
        let isRoot = frames.count == 1 && frame.message == schema.model
        let isMainGraph = isRoot && message == schema.graph
        let parent = schema.messages[frame.message].name
        let isUnit =
            (frame.output == .graphHead || isRoot && parent == "ModelProto" && schema.messages[message].name == "FunctionProto")
            && schema.messages[message].name != "StringStringEntryProto" && !isMainGraph
        reader.position = content.lowerBound
        var output = frame.output
        var reservedLength: Int?
        if isMainGraph {
            hasGraph = true
            output = .graphHead
        } else if isUnit {
            output = .elements
            let start = Int32(elements.bytes.count)
            units.append(Unit(field: Int32(field), isInGraph: !isRoot, start: start, end: start))
        } else {
            write(to: output) { buffer in
                buffer.append(tag: field, .lengthDelimited)
                reservedLength = buffer.reserveLength()
            }
        }
        frames.append(
            Frame(
                message: message, tag: tag, start: content.lowerBound, end: content.upperBound, output: output,
                reservedLength: reservedLength, isUnit: isUnit))
        spend(
            parsing: schema.messages[message].structSize + 40,
            value: schema.messages[message].valueSize + (isUnit ? MemoryLayout<Unit>.stride : 0))
    }

    // MARK: What is cut

    private mutating func payload(_ tag: WireReader.Tag, at start: Int, in frame: Frame) throws {
        guard let field = TensorPayload.Field(rawValue: tag.number) else { return }
        let isPacked = tag.type == .lengthDelimited && field.elementWireType != .lengthDelimited
        guard isPacked || tag.type == field.elementWireType else {
            throw WireFault(rule: "field '\(field.name)' has wire type \(tag.type.rawValue)", offset: start)
        }
        let content = try reader.value(tag.type, end: frame.end)
        // A packed run of nothing says no more than its absence.
        if isPacked && content.isEmpty { return }
        let occurrence = start..<reader.position
        guard let index = frame.payload else {
            let number = UInt32(truncatingIfNeeded: payloads.count)
            frames[frames.count - 1].payload = payloads.count
            write(to: frame.output) { buffer in
                buffer.append(tag: TensorPayload.Field.rawData.rawValue, .lengthDelimited)
                buffer.append(varint: 4)
                buffer.append(littleEndian: number)
            }
            payloads.append(TensorPayload(field: field, occurrence: occurrence))
            return spend(parsing: 80, value: MemoryLayout<TensorPayload>.stride + MemoryBudget.arrayOverhead + 16)
        }
        guard payloads[index].field == field else {
            throw WireFault(
                rule: "a tensor has elements in both '\(payloads[index].field.name)' and '\(field.name)'", offset: start)
        }
        guard field != .rawData else { throw WireFault(rule: "'raw_data' stands more than once", offset: start) }
        if payloads[index].append(occurrence) { spend(value: 32) }
    }

    private mutating func unknownField(_ tag: WireReader.Tag, in frame: Frame) throws {
        let content = try reader.value(tag.type, end: frame.end)
        spend(parsing: 112, value: content.count + 16 + MemoryBudget.arrayOverhead)
        guard tag.type == .lengthDelimited else { return try copy(tag, content, to: frame.output) }
        write(to: frame.output) { buffer in
            buffer.append(tag: tag.number, .lengthDelimited)
            buffer.append(varint: 16)
            buffer.append(littleEndian: UInt64(content.lowerBound))
            buffer.append(littleEndian: UInt64(content.count))
        }
    }

    // MARK: Output

    private mutating func copy(_ tag: WireReader.Tag, _ content: Range<Int>, to output: Output) throws {
        // protobuf-c keeps a record of each field of a message while it parses it.
        spend(parsing: 32)
        try checkMemory(at: content.lowerBound, adding: content.count)
        let bytes = UnsafeRawBufferPointer(rebasing: reader.bytes[content])
        write(to: output) { buffer in
            buffer.append(tag: tag.number, tag.type)
            if tag.type == .lengthDelimited { buffer.append(varint: UInt64(content.count)) }
            buffer.bytes.append(contentsOf: bytes)
        }
    }

    private mutating func write(to output: Output, _ body: (inout WireBuffer) -> Void) {
        switch output {
        case .head: body(&head)
        case .graphHead: body(&graphHead)
        case .elements: body(&elements)
        }
    }

    // MARK: Limits

    /// Counts memory that parsing and the parsed value will take.
    private mutating func spend(parsing: Int = 0, value: Int = 0) {
        if frames.last?.output == .elements { unitMemory += parsing } else { headMemory += parsing }
        valueMemory += value
    }

    private func checkMemory(at offset: Int, adding count: Int = 0) throws {
        let compact = count + head.bytes.count + graphHead.bytes.count + elements.bytes.count
        guard compact < Int(Int32.max) else {
            throw WireFault(rule: "the structure without weights passes 2 GiB", offset: offset)
        }
        // The compact buffers grow by doubling.
        guard valueMemory + headMemory + unitMemory + 2 * compact <= memoryLimit else {
            throw WireFault(
                rule:
                    "the file's structure would take more than \(memoryLimit >> 20) MiB of memory, out of proportion to its size",
                offset: offset)
        }
    }

    private func stringSize(_ count: Int) -> Int { count > 15 ? count + MemoryBudget.arrayOverhead : 0 }

    /// Text has to be UTF-8, and without a NUL: C would see the part before it.
    private func checkText(_ range: Range<Int>) throws {
        var isASCII = true
        for index in range {
            let byte = reader.bytes[index]
            if byte == 0 { throw WireFault(rule: "a NUL stands in text", offset: index) }
            if byte >= 0x80 { isASCII = false }
        }
        if isASCII { return }
        guard String(validating: reader.bytes[range], as: UTF8.self) != nil else {
            throw WireFault(rule: "text is not valid UTF-8", offset: range.lowerBound)
        }
    }

    // MARK: Errors

    /// The path of fields down to `offset`, for example `graph.node[3].attribute[1].t.raw_data`. It is found again by
    /// counting, so that the walk itself need not count.
    private func path(at offset: Int) -> String {
        var path = ""
        for (level, frame) in frames.enumerated() {
            let target = level + 1 < frames.count ? frames[level + 1].tag : offset
            guard let step = step(to: target, in: frame) else { break }
            path += (path.isEmpty ? "" : ".") + step
        }
        return path
    }

    /// The field of `frame` that holds the byte at `target`, with its number among those of the same name.
    private func step(to target: Int, in frame: Frame) -> String? {
        var counts: [Int: Int] = [:]
        var reader = WireReader(bytes: reader.bytes, position: frame.start)
        while reader.position < frame.end {
            guard let tag = try? reader.tag(end: frame.end) else { return nil }
            let content = try? reader.value(tag.type, end: frame.end)
            if let content, content.upperBound <= target {
                counts[tag.number, default: 0] += 1
                continue
            }
            let field = schema.messages[frame.message].field(tag.number)
            let name = field?.name ?? "field \(tag.number)"
            return field?.isRepeated == true ? "\(name)[\(counts[tag.number, default: 0])]" : name
        }
        return nil
    }
}
