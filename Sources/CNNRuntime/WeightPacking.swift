import CNNTensors

/// How kernels want weights to be brought into their form: piece by piece, so that threads share the work.
struct WeightPacking {
    /// Floats of the packed form.
    let count: Int
    /// Pieces that can be packed side by side.
    let pieces: Int
    /// The first of the source's slices along its first axis (output channels) that a piece is made of; for `pieces`, the number of
    /// slices. Nil where every piece is made of all slices.
    var firstSlice: ((Int) -> Int)?
    /// Packs a range of pieces; both pointers are those of the whole.
    let pack: (_ source: UnsafePointer<Float>, _ pieces: Range<Int>, _ target: UnsafeMutablePointer<Float>) -> Void

    /// The packed form of `source`, each slice times its scale, rounded once. The pages of a mapped file that held the source are given
    /// back: packing was their reader.
    func packed(_ source: Tensor, scale: [Double]?, on team: ThreadTeam) throws -> FloatBuffer {
        try FloatBuffer(count: count) { target in
            try source.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress, bytes.count > 0 else { return }
                let isAligned = UInt(bitPattern: base) % UInt(MemoryLayout<Float>.alignment) == 0
                if isAligned, scale == nil {
                    let weights = base.assumingMemoryBound(to: Float.self)
                    run(on: team, source) { pack(weights, $0, target) }
                } else if let slices = Slices(of: source, at: base, scale: scale), let firstSlice {
                    run(on: team, source) { pieces in
                        // Piece by piece: the copy that is packed stays in the cache.
                        for piece in pieces {
                            slices.withCopy(of: firstSlice(piece)..<firstSlice(piece + 1)) {
                                pack($0, piece..<piece + 1, target)
                            }
                        }
                    }
                } else {
                    // All of it is needed for every piece.
                    let copy = try Tensor(dataType: source.dataType, shape: source.shape, copying: bytes)
                    try copy.withElements(as: Float.self) { elements in
                        guard let weights = elements.baseAddress else { return }
                        run(on: team, source) { pack(weights, $0, target) }
                    }
                }
            }
        }
    }

    private func run(on team: ThreadTeam, _ source: Tensor, _ body: (Range<Int>) -> Void) {
        // Handing out a part takes as long as packing some thousand floats.
        let parts = max(1, min(team.size, pieces, count / 8192))
        team.run(parts: parts) { _, part in
            let own = Partition.range(of: pieces, part: part, of: parts)
            var first = own.lowerBound
            while first < own.upperBound {
                let end = min(first + piecesAtATime(source), own.upperBound)
                body(first..<end)
                // What is large goes as it is read, lest all of it stay in memory beside what is made of it.
                if end < own.upperBound { discardPages(of: first..<end, source) }
                first = end
            }
        }
        discardPages(of: 0..<pieces, source)
    }

    /// As many pieces as are made of some megabytes, after which memory is worth a call of the system.
    private func piecesAtATime(_ source: Tensor) -> Int {
        firstSlice == nil ? pieces : max(1, pieces / max(1, source.byteCount >> 23))
    }

    private func discardPages(of pieces: Range<Int>, _ source: Tensor) {
        guard let storage = source.storage else { return }
        guard let firstSlice else { return storage.discardPages(0..<source.byteCount) }
        let sliceBytes = source.byteCount / max(firstSlice(self.pieces), 1)
        storage.discardPages(firstSlice(pieces.lowerBound) * sliceBytes..<firstSlice(pieces.upperBound) * sliceBytes)
    }
}

/// The slices of weights along their first axis.
private struct Slices {
    let base: UnsafeRawPointer
    let floatsPerSlice: Int
    let scale: [Double]?

    init?(of tensor: Tensor, at base: UnsafeRawPointer, scale: [Double]?) {
        guard tensor.shape.rank > 0, tensor.shape[0] > 0 else { return nil }
        self.base = base
        self.scale = scale
        floatsPerSlice = tensor.shape.elementCount / tensor.shape[0]
    }

    /// Calls `body` with the place where slice 0 would begin if the aligned, scaled copy that is made of some slices were one of all;
    /// only those slices may be read.
    func withCopy(of slices: Range<Int>, _ body: (UnsafePointer<Float>) -> Void) {
        let stride = MemoryLayout<Float>.stride
        withUnsafeTemporaryAllocation(
            byteCount: max(slices.count * floatsPerSlice, 1) * stride, alignment: TensorStorage.alignment
        ) { copy in
            guard let start = copy.baseAddress else { return }
            let target = start.bindMemory(to: Float.self, capacity: slices.count * floatsPerSlice)
            start.copyMemory(
                from: base + slices.lowerBound * floatsPerSlice * stride, byteCount: slices.count * floatsPerSlice * stride)
            if let scale {
                for (index, slice) in slices.enumerated() {
                    let factor = scale[slice]
                    for element in index * floatsPerSlice..<(index + 1) * floatsPerSlice {
                        target[element] = Float(Double(target[element]) * factor)
                    }
                }
            }
            body(target - slices.lowerBound * floatsPerSlice)
        }
    }
}
