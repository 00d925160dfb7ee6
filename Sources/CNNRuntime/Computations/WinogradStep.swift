import CNNKernelTable

/// How the threads share a Winograd convolution. Its tiles go through it in rounds: the inputs of a round are transformed, then multiplied
/// by the weights to one output tile after the other. A part of the work is some output tiles of a round.
struct WinogradSchedule: Sendable {
    /// Floats of the transformed inputs of a round.
    let inputCount: Int
    /// Floats that a thread needs: those, and what it takes to multiply them.
    let scratchCountOfThread: Int
    let threads: Int
    private let tiles: Int
    private let rounds: Int
    private let outputTiles: Int
    private let partsOfRound: Int

    init(_ geometry: ConvolutionGeometry, _ method: WinogradMethod, images: Int, _ machine: Machine) {
        let kernels = machine.kernels
        threads = machine.threads
        tiles = kernels.winogradTiles(geometry, method.form) * images
        outputTiles = kernels.blockedOutputTiles(geometry)
        rounds = Self.rounds(geometry, method, images: images, machine)
        let parts = machine.parts(multiplyAdds: geometry.multiplyAdds(images: images))
        partsOfRound = max(1, min(outputTiles, (parts + rounds - 1) / rounds))
        let tilesOfRound = (tiles + rounds - 1) / rounds
        inputCount = kernels.winogradInputCount(geometry, method, tiles: tilesOfRound)
        scratchCountOfThread = inputCount + kernels.winogradScratchCount(geometry, method, tiles: tilesOfRound)
    }

    /// To transform the kernel from one channel to another on the way takes about as long as to transform so many elements of inputs: 12 to 20
    /// for the forms of 3×3, by the rates of `BlockedConvolutionCost`.
    private static let elementsOfKernel = 16

    /// How many rounds the tiles of some images take.
    static func rounds(
        _ geometry: ConvolutionGeometry, _ method: WinogradMethod, images: Int, _ machine: Machine
    ) -> Int {
        let (kernels, threads) = (machine.kernels, machine.threads)
        let tiles = kernels.winogradTiles(geometry, method.form) * images
        let outputTiles = max(kernels.blockedOutputTiles(geometry), 1)
        let limit = kernels.winogradRoundLimit(geometry, method.form)
        let needed = max(1, (tiles + limit - 1) / limit)
        // Threads with rounds of their own read all the weights each, or transform them on the way; threads with output tiles of their
        // own transform all the inputs each.
        let transformedInputs = Double(geometry.inputChannels * method.form.planes) * Double(tiles)
        let weights =
            method.transformsWeights
            ? elementsOfKernel * kernels.blockedWeightCount(geometry) / geometry.window.kernel.count
            : kernels.winogradWeightCount(geometry, method.form)
        let readsInputs = Double(weights) >= transformedInputs
        // An output tile is not cut: where there are too few of them for all threads, there must be more rounds.
        let parts = machine.parts(multiplyAdds: geometry.multiplyAdds(images: images))
        let least = max(1, min((min(parts, threads) + outputTiles - 1) / outputTiles, tiles))
        // Of nearly the same size: a last one of a few tiles would read the weights for them alone.
        return max(least, readsInputs ? needed : (needed + threads - 1) / threads * threads)
    }

    var scratchCount: Int { threads * scratchCountOfThread }

    /// The parts of a round follow one another.
    var parts: Int { rounds * partsOfRound }

    func round(ofPart part: Int) -> Int { part / partsOfRound }

    func tiles(ofRound round: Int) -> Range<Int> { Partition.range(of: tiles, part: round, of: rounds) }

    func outputTiles(ofPart part: Int) -> Range<Int> {
        Partition.range(of: outputTiles, part: part % partsOfRound, of: partsOfRound)
    }
}

/// A convolution by Winograd's filtering, of all images together.
struct WinogradStep: Step {
    let method: WinogradMethod
    let geometry: ConvolutionGeometry
    let kernels: any KernelTable
    let maps: ConvolutionMaps
    let scratch: Place
    let schedule: WinogradSchedule

    func run(_ execution: Execution) {
        let operands = maps.operands(execution)
        let scratch = execution.floats(scratch)
        withUnsafeTemporaryAllocation(of: Int.self, capacity: schedule.threads) { transformedRounds in
            // By worker: none yet.
            transformedRounds.initialize(repeating: -1)
            execution.team.run(parts: schedule.parts) { worker, part in
                let inputs = scratch + worker * schedule.scratchCountOfThread
                let round = schedule.round(ofPart: part)
                let tiles = schedule.tiles(ofRound: round)
                if transformedRounds[worker] != round {
                    kernels.transformWinogradInputs(geometry, method, operands, tiles: tiles, to: inputs)
                    transformedRounds[worker] = round
                }
                kernels.multiplyWinograd(
                    geometry, method, operands, outputTiles: schedule.outputTiles(ofPart: part), tiles: tiles,
                    transformed: inputs, scratch: inputs + schedule.inputCount)
            }
        }
    }
}
