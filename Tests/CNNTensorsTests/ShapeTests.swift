import Testing

@testable import CNNTensors

@Suite("Shape")
struct ShapeTests {
    @Test("The element count is the product, 1 without axes, 0 with an empty one")
    func elementCount() throws {
        #expect(try Shape([2, 3, 4]).elementCount == 24)
        #expect(try Shape([]).elementCount == 1)
        #expect(try Shape([2, 0, 4]).elementCount == 0)
        #expect(Shape.scalar.rank == 0)
        #expect(Shape.vector(5).dimensions == [5])
    }

    @Test("Strides are row-major, and stay so where an axis is empty")
    func strides() throws {
        #expect(try Shape([2, 3, 4]).strides == [12, 4, 1])
        #expect(try Shape([2, 0, 4]).strides == [4, 4, 1])
        #expect(try Shape([]).strides == [])
    }

    @Test(
        "Negative sizes and counts past Int are no shapes, even where another axis is empty",
        arguments: [
            [-1], [2, -3], [.min], [1 << 62, 2], [1 << 32, 1 << 31], [0, .max, 2], [.max, .max, 0],
        ])
    func invalid(dimensions: [Int]) {
        #expect(throws: TensorError.self) { try Shape(dimensions) }
    }

    @Test("The largest counts that fit are shapes, but no tensors of wide elements")
    func largest() throws {
        #expect(try Shape([.max]).elementCount == .max)
        #expect(try Shape([0, .max]).elementCount == 0)
        #expect(throws: TensorError.self) { try Tensor.byteCount(.float32, Shape([.max])) }
        #expect(try Tensor.byteCount(.int4, Shape([3])) == 2)
        #expect(try Tensor.byteCount(.uint2, Shape([5])) == 2)
        #expect(throws: TensorError.self) { try Tensor.byteCount(.string, Shape([1])) }
    }
}
