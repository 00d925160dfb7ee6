import CNNKernelSelection
import CNNKernelTable
import Testing

@testable import CNNRuntime

@Suite("The schedule of Winograd's convolution")
struct WinogradScheduleTests {
    @Test(
        "has a part for every thread though there is one output tile alone, and covers every tile once",
        arguments: [1, 2, 3], [7, 28])
    func oneOutputTile(_ threads: Int, _ size: Int) throws {
        for kernels in KernelSelection.available {
            let geometry = geometry(size, outputs: outputs(ofTiles: 1, kernels))
            let machine = Machine(kernels: kernels, threads: threads, mode: .fast)
            let schedule = WinogradSchedule(geometry, Self.method, images: 1, machine)
            #expect(schedule.parts >= threads)
            let tiles = (0..<schedule.parts).flatMap { schedule.tiles(ofRound: schedule.round(ofPart: $0)) }
            #expect(tiles == Array(0..<kernels.winogradTiles(geometry, Self.method.form)))
            #expect((0..<schedule.parts).allSatisfy { schedule.outputTiles(ofPart: $0) == 0..<1 })
        }
    }

    @Test("gives every thread rounds of its own where transforming all weights once more takes less than all inputs")
    func roundsOfThreads() throws {
        for kernels in KernelSelection.available {
            let machine = Machine(kernels: kernels, threads: 2, mode: .fast)
            for (tiles, rounds) in [(2, 2), (64, 1)] {
                let geometry = geometry(28, outputs: outputs(ofTiles: tiles, kernels))
                let schedule = WinogradSchedule(geometry, Self.method, images: 1, machine)
                #expect(schedule.round(ofPart: schedule.parts - 1) + 1 == rounds, "\(tiles) output tiles")
            }
        }
    }

    private static let method = WinogradMethod(.f4x3, transformsWeights: true)

    private func outputs(ofTiles tiles: Int, _ kernels: any KernelTable) -> Int {
        tiles * kernels.convolutionBlockTile * kernels.channelBlock
    }

    /// Of 128 channels.
    private func geometry(_ size: Int, outputs: Int) -> ConvolutionGeometry {
        let map = Extent(height: size, width: size)
        let window = WindowGeometry(
            input: map, output: map, kernel: Extent(height: 3, width: 3), padBegin: Extent(depth: 0, height: 1, width: 1))
        return ConvolutionGeometry(window: window, inputChannels: 128, outputChannels: outputs, groups: 1)
    }
}
