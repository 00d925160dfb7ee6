/// The header of an `.npy` array: magic, version, and a Python dictionary with the element type (`descr`), the order of the
/// axes (`fortran_order`) and the shape (NumPy's `numpy.lib.format`, versions 1.0 to 3.0).
struct NPYHeader: Hashable {
    let dataType: DataType
    /// Whether every element's bytes stand most significant first.
    let isBigEndian: Bool
    /// Whether the first axis varies fastest (Fortran order) instead of the last (C order).
    let isFortranOrder: Bool
    let shape: Shape

    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    /// A header of a plain element type and 64 axes is a tenth of this.
    private static let lengthLimit = 1 << 16
    /// NumPy's limit.
    static let rankLimit = 64

    /// What is wrong with a header; the caller knows the file.
    struct Fault: Error {
        let reason: ArrayFileError.Reason
        var hint: String?

        static func malformed(_ rule: String, hint: String? = nil) -> Fault { Fault(reason: .malformed(rule), hint: hint) }
        static func unsupported(_ what: String, hint: String? = nil) -> Fault { Fault(reason: .unsupported(what), hint: hint) }
    }
}

// MARK: - Reading

extension NPYHeader {
    /// Reads the header at the start of these bytes; the elements begin at `end`.
    static func parse(_ bytes: UnsafeRawBufferPointer) throws -> (header: NPYHeader, end: Int) {
        guard bytes.count >= 10 else { throw Fault(reason: .truncated(needed: 10, present: bytes.count)) }
        guard bytes[..<6].elementsEqual(magic) else { throw foreign(bytes) }
        let (major, minor) = (bytes[6], bytes[7])
        guard 1...3 ~= major, minor == 0 else {
            throw Fault.unsupported("version \(major).\(minor) of the .npy format is unknown; 1.0 to 3.0 are read")
        }
        let start = major == 1 ? 10 : 12
        guard bytes.count >= start else { throw Fault(reason: .truncated(needed: start, present: bytes.count)) }
        let length =
            major == 1
            ? Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)))
            : Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
        guard length <= lengthLimit else {
            throw Fault.malformed("the header's length, \(length) bytes, passes \(lengthLimit)")
        }
        let end = start + length
        guard end <= bytes.count else { throw Fault(reason: .truncated(needed: end, present: bytes.count)) }
        let content = bytes[start..<end]
        // Up to version 2.0 the text is Latin-1, whose bytes are the first 256 Unicode scalars.
        let decoded =
            major == 3
            ? String(validating: content, as: UTF8.self)
            : String(String.UnicodeScalarView(content.map { Unicode.Scalar($0) }))
        guard let text = decoded else { throw Fault.malformed("the header is no valid UTF-8") }
        return (try NPYHeader(text: text), end)
    }

    private init(text: String) throws {
        let literal: PythonLiteral
        do {
            literal = try PythonLiteral(parsing: text)
        } catch {
            throw Fault.malformed("the header is no Python dictionary: \(error.reason) (character \(error.offset))")
        }
        guard case .dictionary(let members) = literal else { throw Fault.malformed("the header is no Python dictionary") }
        var values: [String: PythonLiteral] = [:]
        for member in members {
            guard case .string(let key) = member.key, ["descr", "fortran_order", "shape"].contains(key) else {
                throw Fault.malformed("the header has a key other than 'descr', 'fortran_order' and 'shape'")
            }
            guard values.updateValue(member.value, forKey: key) == nil else {
                throw Fault.malformed("the header has the key '\(key)' twice")
            }
        }
        guard let descriptor = values["descr"], case .boolean(let isFortranOrder)? = values["fortran_order"],
            case .tuple(let axes)? = values["shape"]
        else {
            throw Fault.malformed("the header lacks a 'descr', a 'fortran_order' that is True or False, or a 'shape' tuple")
        }
        guard axes.count <= Self.rankLimit else { throw Fault.malformed("\(axes.count) axes pass NumPy's limit of 64") }
        let dimensions = try axes.map { axis in
            guard case .integer(let size) = axis else { throw Fault.malformed("the shape holds something other than numbers") }
            return size
        }
        (dataType, isBigEndian) = try Self.elementType(descriptor)
        self.isFortranOrder = isFortranOrder
        do {
            shape = try Shape(dimensions)
        } catch {
            throw Fault.malformed("\(error)")
        }
    }

    /// The element type of a NumPy type string: byte order, kind and width in bytes, for example `<f4`.
    private static func elementType(_ descriptor: PythonLiteral) throws -> (DataType, isBigEndian: Bool) {
        guard case .string(let text) = descriptor else {
            throw Fault.unsupported(
                "structured element types are not supported", hint: "save each field as an array of its own in an .npz file")
        }
        var code = text[...]
        var isBigEndian = false
        if let order = code.first, "<>=|".contains(order) {
            // '=' and '|' mean the machine's own order; every machine that this package runs on is little-endian.
            isBigEndian = order == ">"
            code = code.dropFirst()
        }
        if let match = DataType.numpyCodes.first(where: { $0.code == code }) { return (match.type, isBigEndian) }
        switch code.first {
        case "O":
            throw Fault.unsupported(
                "the array holds Python objects (a pickle), which are never loaded: they can run any program",
                hint: "convert the array to a numeric type before np.save, for example with .astype(np.float32)")
        case "V":
            throw Fault.unsupported(
                "the element type '\(text)' is raw bytes without a meaning",
                hint: "NumPy saves bfloat16 and float8 this way; convert to float32 before np.save, or write .safetensors")
        case "f", "c":
            throw Fault.unsupported(
                "the extended-precision element type '\(text)' is not supported",
                hint: "convert the array with .astype(np.float64) or .astype(np.complex128)")
        case "S", "a", "U":
            throw Fault.unsupported("text arrays are not supported in .npy", hint: "save strings as an ONNX tensor (.pb)")
        case "M", "m":
            throw Fault.unsupported("dates and times are not supported", hint: "convert the array with .astype(np.int64)")
        default:
            throw Fault.malformed("the element type '\(text)' is unknown")
        }
    }

    /// The error for bytes that are no `.npy` array, with a hint where it can be seen what they are.
    private static func foreign(_ bytes: UnsafeRawBufferPointer) -> Fault {
        let rule = "this is no .npy array: it does not begin with \\x93NUMPY"
        switch (bytes[0], bytes[1]) {
        case (0x80, 2...5):
            return .malformed(rule, hint: "it looks like a Python pickle, which is never loaded; write the array with np.save")
        case (UInt8(ascii: "P"), UInt8(ascii: "K")):
            return .malformed(rule, hint: "it looks like a ZIP file: read it as .npz")
        case (0x1F, 0x8B):
            return .malformed(rule, hint: "it looks like a gzip file: unpack it first")
        default:
            return .malformed(rule)
        }
    }
}

// MARK: - Writing

extension NPYHeader {
    /// The bytes of a version 1.0 header, the very same that NumPy writes, so that the elements begin at a multiple of 64.
    func encoded() throws -> [UInt8] {
        guard let code = DataType.numpyCodes.first(where: { $0.type == dataType })?.code else {
            throw Fault.unsupported(
                "NumPy has no \(dataType) elements", hint: "write .safetensors or an ONNX tensor (.pb) instead")
        }
        guard shape.rank <= Self.rankLimit else {
            throw Fault.unsupported("\(shape.rank) axes are more than NumPy takes (\(Self.rankLimit))")
        }
        let order = (dataType.byteWidth ?? 1) == 1 ? "|" : isBigEndian ? ">" : "<"
        let sizes = shape.dimensions.map(String.init).joined(separator: ", ")
        var text = "{'descr': '\(order)\(code)', 'fortran_order': \(isFortranOrder ? "True" : "False"), "
        text += "'shape': (\(sizes)\(shape.rank == 1 ? "," : "")), }"
        // NumPy leaves room to append along the axis that grows: its size may come to have 21 digits.
        if let growing = isFortranOrder ? shape.dimensions.last : shape.dimensions.first {
            text += String(repeating: " ", count: 21 - String(growing).count)
        }
        let length = (10 + text.utf8.count + 1 + 63) / 64 * 64 - 10
        text += String(repeating: " ", count: length - text.utf8.count - 1) + "\n"
        return Self.magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(text.utf8)
    }
}

extension DataType {
    /// Kind and width in bytes of NumPy's type strings.
    fileprivate static let numpyCodes: [(type: DataType, code: String)] = [
        (.bool, "b1"), (.int8, "i1"), (.int16, "i2"), (.int32, "i4"), (.int64, "i8"), (.uint8, "u1"), (.uint16, "u2"),
        (.uint32, "u4"), (.uint64, "u8"), (.float16, "f2"), (.float32, "f4"), (.float64, "f8"), (.complex64, "c8"),
        (.complex128, "c16"),
    ]
}
