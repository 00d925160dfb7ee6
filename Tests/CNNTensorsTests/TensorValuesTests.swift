import Testing

@testable import CNNTensors

@Suite("Element values")
struct TensorValuesTests {
    @Test("Integers of every width become the doubles of the same value")
    func doubles() throws {
        #expect(try Tensor([UInt64(0), 5, 1 << 63]).doubles() == [0, 5, 0x1p63])
        #expect(try Tensor([UInt32.max]).doubles() == [4_294_967_295])
        #expect(try Tensor([Int64.min]).doubles() == [-0x1p63])
        #expect(try Tensor([Int8(-3)]).doubles() == [-3])
    }
}
