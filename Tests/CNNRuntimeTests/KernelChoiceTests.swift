import CNNTensors
import Testing

@testable import CNNRuntime

@Suite("The choice of kernels")
struct KernelChoiceTests {
    private func session(channels: Int, _ options: SessionOptions = SessionOptions(threads: 1)) throws -> Session {
        var network = NetworkUnderTest(seed: 5)
        let x = try network.input("x", [1, 1, 12, 12])
        let first = try network.convolution(x, inputs: 1, outputs: channels)
        network.output(try network.convolution(first, inputs: channels, outputs: 32))
        return try Session(network.model, options: options)
    }

    @Test("takes narrow blocks for a small model whose first maps would half fill wide ones", arguments: [6, 8])
    func fewChannels(_ channels: Int) throws {
        let widest = try #require(InstructionSet.available.first)
        #expect(try session(channels: channels).instructionSet == (widest == .avx512 ? .avx2 : widest))
    }

    @Test("takes the widest vectors for other models")
    func manyChannels() throws {
        #expect(try session(channels: 16).instructionSet == InstructionSet.available.first)
    }

    @Test("is the caller's if the options name one", arguments: InstructionSet.available)
    func named(_ instructionSet: InstructionSet) throws {
        let options = SessionOptions(threads: 1, instructionSet: instructionSet)
        #expect(try session(channels: 6, options).instructionSet == instructionSet)
    }
}
