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
