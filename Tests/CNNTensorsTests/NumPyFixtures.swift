import Foundation

@testable import CNNTensors

/// The array files that NumPy made (`Tools/make_array_fixtures.py`).
enum NumPyFixtures {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/arrays").path

    /// The `.npy` files in `numpy.npz`, as they stand, by name without suffix.
    static func npyFiles() throws -> [(name: String, bytes: [UInt8])] {
        let file = try MappedFile(path: folder + "/numpy.npz")
        return try ZIPArchive(file.bytes).entries.map { (String($0.name.dropLast(4)), Array(file.bytes[$0.storedRange])) }
    }

    /// The array that the rule in the script gives for a NumPy type code such as `f4`: little-endian bytes in C order.
    static func expected(_ code: String) throws -> Tensor {
        let shape = try Shape([2, 3, 4])
        let k = Array(0..<24)
        func signed<Element: TensorElement & Numeric & SignedNumeric>(_ type: Element.Type) throws -> Tensor {
            try Tensor(k.map { index in Element(exactly: index - 5) ?? 0 }, shape: shape)
        }
        func unsigned<Element: TensorElement & FixedWidthInteger>(_ type: Element.Type) throws -> Tensor {
            try Tensor(k.map { Element($0) }, shape: shape)
        }
        func complex<Part: TensorElement & BinaryFloatingPoint>(_ type: Part.Type, _ dataType: DataType) throws -> Tensor {
            try Tensor(dataType: dataType, shape: shape) { destination in
                let parts = k.flatMap { [Part($0 - 5), Part($0) / 2] }
                parts.withUnsafeBytes { destination.copyMemory(from: $0) }
            }
        }
        switch code {
        case "b1": return try Tensor(bools: k.map { $0 % 3 == 0 }, shape: shape)
        case "i1": return try signed(Int8.self)
        case "i2": return try signed(Int16.self)
        case "i4": return try signed(Int32.self)
        case "i8": return try signed(Int64.self)
        case "u1": return try unsigned(UInt8.self)
        case "u2": return try unsigned(UInt16.self)
        case "u4": return try unsigned(UInt32.self)
        case "u8": return try unsigned(UInt64.self)
        case "f2": return try Tensor(rounding: k.map { Double($0 - 5) }, to: .float16, shape: shape)
        case "f4": return try signed(Float.self)
        case "f8": return try signed(Double.self)
        case "c8": return try complex(Float.self, .complex64)
        default: return try complex(Double.self, .complex128)
        }
    }
}
