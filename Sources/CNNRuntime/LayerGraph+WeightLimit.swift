import CNNTensors

extension LayerGraph {
    /// Makes convolutions take methods with smaller weights, those first that lose the least time for the memory they save, until
    /// what is held in packed form stays near what it was packed from. Winograd's transform makes four floats of one: without a limit
    /// a network would take several times its file. One that stays in a core's cache, packed weights included, may have them all.
    /// - Parameter weightBytes: bytes of all the model's weights.
    mutating func limitPackedWeights(weightBytes: Int) {
        // What stays in a core's cache is little beside the program.
        if layers.contains(where: { ($0.computation as? ConvolutionComputation)?.isInCache ?? false }) { return }
        var excess = -Self.allowance(weightBytes)
        var moves: [Move] = []
        for index in layers.indices {
            let computation = layers[index].computation
            guard let source = computation.packedSource else { continue }
            excess = excess.addingReportingOverflow(computation.constantBytes - source.byteCount).partialValue
            if let convolution = computation as? ConvolutionComputation {
                moves += Move.path(of: convolution, layer: index)
            }
        }
        // A convolution's later moves cost more for each byte than its earlier ones, so this order keeps theirs.
        for move in moves.sorted(by: { $0.price < $1.price }) {
            if excess <= 0 { break }
            guard var convolution = layers[move.layer].computation as? ConvolutionComputation else { continue }
            convolution.method = move.method
            layers[move.layer].computation = convolution
            excess -= move.savedBytes
        }
    }

    /// How many bytes packed weights may take beyond those that they replace, so that a run keeps no more than 1.15 × (weights + values
    /// between nodes) + 30 MB resident: the program and its graph take nearly all of the latter.
    private static func allowance(_ weightBytes: Int) -> Int { weightBytes / 100 * 15 }
}

/// The change of one convolution to a method with smaller weights.
private struct Move {
    let layer: Int
    let method: ConvolutionComputation.Method
    let savedBytes: Int
    /// What a byte costs, in multiplications.
    let price: Double

    /// The changes from the fastest method on, each to the next on the lower convex hull of cost over bytes.
    static func path(of convolution: ConvolutionComputation, layer: Int) -> [Move] {
        var options = convolution.alternatives.map { alternative in
            var changed = convolution
            changed.method = alternative.method
            return (alternative: alternative, bytes: changed.constantBytes)
        }
        var path: [Move] = []
        var current = options.removeFirst()
        while true {
            let moves = options.filter { $0.bytes < current.bytes }.map { option in
                let saved = current.bytes - option.bytes
                let price = (option.alternative.cost - current.alternative.cost) / Double(saved)
                return (option, Move(layer: layer, method: option.alternative.method, savedBytes: saved, price: price))
            }
            guard let (option, move) = moves.min(by: { $0.1.price < $1.1.price }) else { return path }
            path.append(move)
            current = option
        }
    }
}
