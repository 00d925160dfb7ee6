import Testing

@testable import CNNTensors

@Suite("Moving elements")
struct GatheringTests {
    private static let wholeByteTypes = DataType.allCases.filter { $0.byteWidth != nil }

    /// `count` elements of a type, each made of bytes of its own.
    private func tensor(_ dataType: DataType, count: Int) throws -> Tensor {
        try Tensor(dataType: dataType, shape: .vector(count)) { bytes in
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index + 1) }
        }
    }

    private func bytes(_ tensor: Tensor) -> [UInt8] { tensor.withUnsafeBytes { Array($0) } }

    @Test("Elements of every whole-byte type come from their positions, zero from negative ones", arguments: wholeByteTypes)
    func positions(dataType: DataType) throws {
        let source = try tensor(dataType, count: 3)
        let width = try #require(dataType.byteWidth)
        let gathered = try source.gathering([2, -1, 0, 2], shape: Shape([2, 2]))
        let element = { (index: Int) in Array(bytes(source)[index * width..<(index + 1) * width]) }
        #expect(bytes(gathered) == element(2) + [UInt8](repeating: 0, count: width) + element(0) + element(2))
        // The same by offsets along axes.
        let byAxes = try source.gathering([.table([2, -1, 0, 2])], shape: Shape([2, 2]))
        #expect(byAxes == gathered)
        #expect(throws: TensorError.self) { try source.gathering([3], shape: .vector(1)) }
        #expect(throws: TensorError.self) { try source.gathering([0], shape: .vector(2)) }
    }

    @Test("Offsets along the axes add up, whatever their order and sign")
    func offsets() throws {
        let source = try Tensor((0..<24).map { Float($0) }, shape: Shape([2, 3, 4]))
        // The last axis backwards, then the first: [d2, d0] at row 1.
        let axes: [AxisOffsets] = [.strided(count: 4, start: 3, step: -1), .strided(count: 2, start: 4, step: 12)]
        #expect(try source.gathering(axes, shape: Shape([4, 2])).doubles() == [7, 19, 6, 18, 5, 17, 4, 16])
        let run = try source.gathering(
            [.strided(count: 2, start: 1, step: 0), .strided(count: 3, start: 4, step: 1)], shape: Shape([6]))
        #expect(try run.doubles() == [5, 6, 7, 5, 6, 7])
        let scalar = try Tensor(scalar: Float(9)).gathering([] as [AxisOffsets], shape: .scalar)
        #expect(try scalar.doubles() == [9])
    }

    @Test("Fill values of any axis stand out from the elements")
    func fill() throws {
        let source = try Tensor([1, 2, 3, 4] as [Int16], shape: Shape([2, 2]))
        let axes: [AxisOffsets] = [.table([-1, 0, 2]), .table([1, -1, 0])]
        let filled = try source.gathering(axes, shape: Shape([3, 3]), fill: Tensor(scalar: Int16(-7)))
        #expect(try filled.integers() == [-7, -7, -7, 2, -7, 1, 4, -7, 3])
        #expect(throws: TensorError.self) { try source.gathering(axes, shape: Shape([3, 3]), fill: Tensor(scalar: Int32(0))) }
        #expect(throws: TensorError.self) {
            try source.gathering(axes, shape: Shape([3, 3]), fill: Tensor([1, 2] as [Int16]))
        }
    }

    @Test("Offsets outside the tensor are errors, unless nothing is taken")
    func outside() throws {
        let source = try Tensor([1, 2, 3] as [Float])
        #expect(throws: TensorError.self) { try source.gathering([.strided(count: 2, start: 2, step: 1)], shape: .vector(2)) }
        #expect(throws: TensorError.self) { try source.gathering([.strided(count: 2, start: 0, step: -1)], shape: .vector(2)) }
        #expect(throws: TensorError.self) { try source.gathering([.table([0, 3])], shape: .vector(2)) }
        #expect(throws: TensorError.self) { try source.gathering([.table([0])], shape: .vector(2)) }
        let empty = try source.gathering([.strided(count: 0, start: 9, step: 1), .table([0])], shape: Shape([0, 1]))
        #expect(empty.shape.elementCount == 0)
    }

    @Test("Elements of 2, 4 and 6 bits and strings move, too")
    func narrowAndStrings() throws {
        // 1, 2, 3, 0 in two bits each.
        let pairs = try Tensor(dataType: .uint2, shape: Shape([2, 2])) { $0.copyBytes(from: [0b00_11_10_01]) }
        let turned = try pairs.gathering([.strided(count: 4, start: 3, step: -1)], shape: .vector(4))
        #expect(bytes(turned) == [0b01_10_11_00])
        let nibbles = try Tensor(dataType: .int4, shape: .vector(3)) { $0.copyBytes(from: [0x21, 0x03]) }
        #expect(bytes(try nibbles.gathering([.table([2, -1, 0])], shape: .vector(3))) == [0x03, 0x01])
        // Four elements of six bits in three bytes: two of them begin in one byte and end in the next.
        let codes: [UInt8] = [0b100001, 0b010110, 0b111010, 0b001101]
        let sixes = try Tensor(codes: codes, dataType: .float6e3m2, shape: .vector(4))
        let fill = try Tensor(codes: [0b111111], dataType: .float6e3m2, shape: .scalar)
        let moved = try sixes.gathering([.table([2, 1, -1, 3, 0])], shape: .vector(5), fill: fill)
        #expect(try moved.codes() == [0b111010, 0b010110, 0b111111, 0b001101, 0b100001])
        #expect(moved.dataType == .float6e3m2)
        let strings = try Tensor(strings: [[1], [2]], shape: .vector(2))
        #expect(try strings.gathering([.table([1, -1, 0])], shape: .vector(3)).strings() == [[2], [], [1]])
        #expect(try strings.gathering([1, -1, 0], shape: .vector(3)).strings() == [[2], [], [1]])
    }
}

/// Memory that a tensor looks into, freed with it.
private final class Memory: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ contents: [UInt8]) {
        bytes = .allocate(byteCount: contents.count, alignment: 64)
        bytes.copyBytes(from: contents)
    }

    deinit { bytes.deallocate() }
}

@Suite("Borrowed and misaligned bytes")
struct MisalignedBytesTests {
    @Test("Numbers at an odd address are read as anywhere else")
    func oddAddress() throws {
        let values: [Float] = [1.5, -2, 0x1p-149, .infinity]
        let memory = Memory([0xFF] + values.flatMap { value in withUnsafeBytes(of: value) { Array($0) } })
        let tensor = try Tensor(
            dataType: .float32, shape: .vector(4), bytes: UnsafeRawBufferPointer(rebasing: memory.bytes[1...]), owner: memory)
        #expect(try tensor.elements(as: Float.self) == values)
        #expect(try tensor.doubles() == values.map { Double($0) })
        #expect(try tensor.gathering([3, 0], shape: .vector(2)).elements(as: Float.self) == [.infinity, 1.5])
        #expect(try tensor == Tensor(values))
        let halves = try Tensor(
            dataType: .float16, shape: .vector(2), bytes: UnsafeRawBufferPointer(rebasing: memory.bytes[1..<5]), owner: memory)
        #expect(try halves.doubles().count == 2)
    }

    @Test("As many bytes as type and shape need, no more and no fewer")
    func wrongCount() throws {
        let memory = Memory([1, 2, 3])
        let bytes = UnsafeRawBufferPointer(memory.bytes)
        #expect(throws: TensorError.wrongByteCount(.int16, .vector(2), expected: 4, actual: 3)) {
            try Tensor(dataType: .int16, shape: .vector(2), bytes: bytes, owner: memory)
        }
        #expect(throws: TensorError.self) { try Tensor(dataType: .int16, shape: .vector(1), copying: bytes) }
        #expect(throws: TensorError.self) { try Tensor(dataType: .string, shape: .vector(1), copying: bytes) }
    }

    @Test("Values that a type cannot hold are errors; truth values are 0 and 1 whatever byte is stored")
    func ranges() throws {
        #expect(throws: TensorError.self) { try Tensor(exactly: [128], as: .int8, shape: .vector(1)) }
        #expect(throws: TensorError.self) { try Tensor(exactly: [-1], as: .uint64, shape: .vector(1)) }
        #expect(throws: TensorError.self) { try Tensor(exactly: [2], as: .bool, shape: .vector(1)) }
        #expect(throws: TensorError.self) { try Tensor([UInt64.max]).integers() }
        #expect(try Tensor([UInt64.max]).doubles() == [0x1p64])
        let bools = try Tensor(dataType: .bool, shape: .vector(3)) { $0.copyBytes(from: [0, 1, 255]) }
        #expect(try bools.integers() == [0, 1, 1])
    }
}
