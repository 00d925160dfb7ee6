import CNNKernelSelection
import CNNKernelTable
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

@Suite("The schedule of Winograd's convolution")
struct WinogradScheduleTests {
    @Test(
        "has a part for every thread though there is one output tile alone, and covers every tile once",
        arguments: [1, 2, 3], [7, 28])
    func oneOutputTile(_ threads: Int, _ size: Int) throws {
        for kernels in KernelSelection.available {
            let map = Extent(height: size, width: size)
            let three = Extent(height: 3, width: 3)
            let window = WindowGeometry(
                input: map, output: map, kernel: three, padBegin: Extent(depth: 0, height: 1, width: 1))
            let geometry = ConvolutionGeometry(
                window: window, inputChannels: 128,
                outputChannels: kernels.convolutionBlockTile * kernels.channelBlock, groups: 1)
            let machine = Machine(kernels: kernels, threads: threads, mode: .fast)
            let method = WinogradMethod(.f4x3, transformsWeights: true)
            let schedule = WinogradSchedule(geometry, method, images: 1, machine)
            #expect(schedule.parts >= threads)
            let tiles = (0..<schedule.parts).flatMap { schedule.tiles(ofRound: schedule.round(ofPart: $0)) }
            #expect(tiles == Array(0..<kernels.winogradTiles(geometry, method.form)))
            #expect((0..<schedule.parts).allSatisfy { schedule.outputTiles(ofPart: $0) == 0..<1 })
        }
    }
}
