import CNNKernelTable
import CNNTensors
import Synchronization

/// Constants in the form that kernels want, made once and shared by all plans of a session: packed weights do not depend on the
/// input's size. They live as long as a plan that uses them: other sizes may be computed by other methods, with other weights.
final class WeightLibrary: Sendable {
    /// Which weights, packed how.
    struct Key: Hashable, Sendable {
        /// The node that uses them.
        let node: Int
        let form: Form
        /// Kernels pack by the number of groups and the shape of the weights; both are the node's own.
    }

    enum Form: Hashable, Sendable {
        case blocked
        case first
        case winogradColumns(ColumnInput)
        case depthwise
        case planar
        case winograd(WinogradForm)
        /// The right operand of a matrix product.
        case rightPanels(transposed: Bool)
        /// The same turned over.
        case rows
    }

    private struct Entry {
        let source: Tensor
        let scale: [Double]?
        weak var buffer: FloatBuffer?
    }

    /// Packs.
    private let team: ThreadTeam
    private let entries = Mutex<[Key: Entry]>([:])
    private let folded = Mutex<[Int: (inputs: [Tensor?], outputs: [Tensor])]>([:])

    init(team: ThreadTeam) {
        self.team = team
    }

    /// Bytes of all that is packed.
    var byteCount: Int {
        entries.withLock { $0.values.reduce(0) { $0 + ($1.buffer?.count ?? 0) * MemoryLayout<Float>.stride } }
    }

    /// The packed form of `source` with every slice along its first axis (an output channel) times its `scale`.
    func packed(_ key: Key, source: Tensor, scale: [Double]?, _ packing: WeightPacking) throws -> FloatBuffer {
        // The same node may have other weights in another plan, where a caller replaced a default or a constant followed from
        // the input's shape.
        if let entry = entries.withLock({ $0[key] }), let buffer = entry.buffer, entry.source.isSameStorage(as: source),
            entry.scale == scale
        {
            return buffer
        }
        let buffer = try packing.packed(source, scale: scale, on: team)
        entries.withLock { $0[key] = Entry(source: source, scale: scale, buffer: buffer) }
        return buffer
    }

    /// Whether all weights are finite.
    func areFinite(_ weights: DenseWeights) -> Bool {
        let areFinite = Atomic(true)
        weights.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            let count = bytes.count / MemoryLayout<Float>.stride
            team.run(parts: team.size) { _, part in
                // Without a branch, for vectors. What is infinite or not a number has the largest bits behind the sign.
                var largest: UInt32 = 0
                for index in Partition.range(of: count, part: part, of: team.size) {
                    let bits = (base + index &* MemoryLayout<Float>.stride).loadUnaligned(as: UInt32.self)
                    largest = max(largest, bits & ~(1 << 31))
                }
                if largest >= Float.infinity.bitPattern { areFinite.store(false, ordering: .relaxed) }
            }
        }
        return areFinite.load(ordering: .relaxed)
    }

    /// The outputs of a node whose inputs are constants, computed once.
    func folded(node: Int, inputs: [Tensor?], compute: () throws -> [Tensor]) rethrows -> [Tensor] {
        if let known = folded.withLock({ $0[node] }),
            zip(known.inputs, inputs).allSatisfy({ $0.isSameStorage(as: $1) })
        {
            return known.outputs
        }
        let outputs = try compute()
        folded.withLock { $0[node] = (inputs, outputs) }
        return outputs
    }
}

extension Tensor {
    /// Whether both share their elements in memory, so that they are equal without a look at them.
    func isSameStorage(as other: Tensor) -> Bool {
        guard let storage, let otherStorage = other.storage else { return self == other }
        return dataType == other.dataType && shape == other.shape
            && storage.bytes.baseAddress == otherStorage.bytes.baseAddress && storage.bytes.count == otherStorage.bytes.count
    }
}

extension Tensor? {
    fileprivate func isSameStorage(as other: Tensor?) -> Bool {
        switch (self, other) {
        case (nil, nil): true
        case (let left?, let right?): left.isSameStorage(as: right)
        default: false
        }
    }
}
