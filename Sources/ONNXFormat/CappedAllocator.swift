import CProtobufC

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Memory for protobuf-c's parser up to a limit. The wire guard has counted what a message will take, so the limit is met
/// only if that count is wrong; then this stands in the way. protobuf-c says of a failure no more than NULL, so the reason
/// is kept here.
final class CappedAllocator {
    /// Bytes that one message with all that it holds may take.
    let limit: Int
    private var allocated = 0
    private var refusal: String?

    init(limit: Int) {
        self.limit = limit
    }

    /// Parses `bytes`, gives the message to `body` and frees it.
    /// - Throws: `DecodingFault` with the reason why the parser failed, or what `body` throws.
    func withMessage<Message, Result>(
        _ bytes: ArraySlice<UInt8>,
        unpack: (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) -> UnsafeMutablePointer<Message>?,
        free: (UnsafeMutablePointer<Message>?, UnsafeMutablePointer<ProtobufCAllocator>?) -> Void,
        _ body: (Message) throws -> Result
    ) throws -> Result {
        allocated = 0
        refusal = nil
        var functions = ProtobufCAllocator(
            alloc: { context, size in
                guard let context else { return nil }
                return Unmanaged<CappedAllocator>.fromOpaque(context).takeUnretainedValue().allocate(size)
            },
            free: { _, pointer in systemFree(pointer) },
            allocator_data: Unmanaged.passUnretained(self).toOpaque())
        return try withUnsafeMutablePointer(to: &functions) { functions in
            let message = bytes.withUnsafeBufferPointer { unpack(functions, $0.count, $0.baseAddress) }
            guard let message else {
                throw DecodingFault(refusal ?? "protobuf-c cannot parse the message, although its wire format is sound")
            }
            defer { free(message, functions) }
            return try body(message.pointee)
        }
    }

    private func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        let (sum, overflow) = allocated.addingReportingOverflow(size)
        guard size >= 0, !overflow, sum <= limit else {
            refusal = "the message would take more than \(limit >> 20) MiB of memory"
            return nil
        }
        guard let memory = malloc(size) else {
            refusal = "the system has no \(size) bytes of memory left"
            return nil
        }
        allocated = sum
        return memory
    }
}

// The allocator's member of the same name hides the C function.
private func systemFree(_ pointer: UnsafeMutableRawPointer?) { free(pointer) }

/// A rule that part of a model breaks. The places are added on the way out, innermost last.
struct DecodingFault: Error {
    let rule: String
    var places: [String] = []
    var hint: String?

    init(_ rule: String, hint: String? = nil) {
        self.rule = rule
        self.hint = hint
    }

    /// Runs `body` and adds `place` to what it throws.
    static func within<Result>(_ place: @autoclosure () -> String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch var fault as DecodingFault {
            fault.places.insert(place(), at: 0)
            throw fault
        }
    }
}
