import CNNTensors

/// The sums of a convolution in Double: patches times weights, for each group, and the bias.
struct ConvolutionProduct {
    let taps: WindowTaps
    let group: Int
    let batch: Int
    let channels: Int
    let outputChannels: Int

    /// The products that make one output element.
    var depth: Int { channels / group * taps.geometry.tapCount }

    /// `Σ W · X + B` for weights `[M, C/group, k…]`, input `[N, C, D…]` and bias `[M]`, each in its form, as `[N, M, O…]`.
    func sums(input: FactorNumbers, weights: FactorNumbers, bias: [Double]? = nil) -> [Double] {
        let windowCount = taps.windowCount
        var y = [Double](repeating: 0, count: batch * outputChannels * windowCount)
        guard !y.isEmpty else { return y }
        let outputsPerGroup = outputChannels / group
        let threads = EvaluationThreads.count
        // Groups are many and small, or there is one.
        let parts = group > 1 ? min(threads, group) : 1
        y.withUnsafeMutableBufferPointer { y in
            guard let y = SharedNumbers(y.baseAddress) else { return }
            if let bias { add(bias, to: y.base) }
            // Without channels nothing is added, however large the kernel is.
            guard depth > 0 else { return }
            input.read {
                weights.read {
                    EvaluationThreads.run(parts: parts) { part in
                        for g in group * part / parts..<group * (part + 1) / parts {
                            let patches = PatchMatrix(
                                taps, numbers: input, batch: batch, channels: channels, firstChannel: g * (channels / group))
                            let rows = FactorMatrix(
                                numbers: weights, start: g * outputsPerGroup * depth, rowStride: depth, columnStride: 1,
                                columns: depth)
                            BlockedProduct(
                                rows: outputsPerGroup, columns: batch * windowCount, depth: depth, left: rows, right: patches,
                                rowStride: windowCount, itemColumns: windowCount, itemStride: outputChannels * windowCount
                            ).add(to: y.base + g * outputsPerGroup * windowCount, threads: parts > 1 ? 1 : threads)
                        }
                    }
                }
            }
        }
        return y
    }

    private func add(_ bias: [Double], to y: UnsafeMutablePointer<Double>) {
        let windowCount = taps.windowCount
        for index in 0..<batch * outputChannels {
            (y + index * windowCount).update(repeating: bias[index % outputChannels], count: windowCount)
        }
    }
}

/// Memory that several threads write disjoint parts of.
struct SharedNumbers: @unchecked Sendable {
    let base: UnsafeMutablePointer<Double>

    init?(_ base: UnsafeMutablePointer<Double>?) {
        guard let base else { return nil }
        self.base = base
    }
}
