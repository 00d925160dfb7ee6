import CNNKernelSelection
import CNNKernelTable
import Testing

@Suite struct PeakTests {
    @Test(arguments: KernelSelection.available.map(\.name))
    func theArithmeticThatIsTimedIsDone(_ name: String) throws {
        let kernels = try #require(KernelSelection.named(name))
        let lanes = Float(kernels.channelBlock)
        #expect(kernels.multiplyAddsPerRound % kernels.channelBlock == 0)
        // The chains begin at 1 to 9 and 11 to 13.
        #expect(kernels.multiplyInRegisters(rounds: 0) == 81 * lanes)
        // Of x ← 0.9·x + 1: 0.9·81 + 12, each product and sum rounded.
        #expect((kernels.multiplyInRegisters(rounds: 1) - 84.9 * lanes).magnitude <= 84.9 * lanes * 16 * Float.ulpOfOne)
        // Every chain ends at 10; rounding holds it within a few ulps of that, each remaining tenfold in the limit.
        let settled = kernels.multiplyInRegisters(rounds: 1000)
        #expect((settled - 120 * lanes).magnitude <= 120 * lanes * 32 * Float.ulpOfOne)
    }
}
