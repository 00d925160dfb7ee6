import CNNTensors
import Synchronization

/// Floats of their own, written once.
final class FloatBuffer: @unchecked Sendable {
    let base: UnsafeMutablePointer<Float>
    let count: Int

    /// - Parameter fill: writes all of them.
    init(count: Int, _ fill: (UnsafeMutablePointer<Float>) throws -> Void) rethrows {
        let memory = allocateMemory(byteCount: count * MemoryLayout<Float>.stride)
        base = memory.bindMemory(to: Float.self, capacity: max(count, 1))
        self.count = count
        do {
            try fill(base)
        } catch {
            memory.deallocate()
            throw error
        }
    }

    /// These values, and zeros up to `count`.
    convenience init(_ values: some Collection<Double>, paddedTo count: Int) {
        self.init(count: max(count, values.count)) { base in
            var next = base
            for value in values {
                next.initialize(to: Float(value))
                next += 1
            }
            next.initialize(repeating: 0, count: max(count - values.count, 0))
        }
    }

    deinit { UnsafeMutableRawPointer(base).deallocate() }
}

/// Constants in the form that kernels want, made once and shared by all plans of a session: packed weights do not depend on the
/// input's size.
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
        case depthwise
        case planar
        case winograd(size: Int)
        /// The right operand of a matrix product.
        case rightPanels(transposed: Bool)
    }

    private struct Entry {
        let source: Tensor
        let scale: [Double]?
        let buffer: FloatBuffer
    }

    private let entries = Mutex<[Key: Entry]>([:])
    private let folded = Mutex<[Int: (inputs: [Tensor?], outputs: [Tensor])]>([:])

    /// The packed form of `source` with every output channel (the first axis) times its `scale`.
    /// - Parameter pack: reads the scaled weights and writes `count` floats.
    func packed(
        _ key: Key, source: Tensor, scale: [Double]?, count: Int,
        pack: (UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
    ) throws -> FloatBuffer {
        // The same node may have other weights in another plan, where a caller replaced a default or a constant followed from
        // the input's shape.
        if let entry = entries.withLock({ $0[key] }), entry.source.isSameStorage(as: source), entry.scale == scale {
            return entry.buffer
        }
        let buffer = try FloatBuffer(count: count) { target in
            try source.withScaledChannels(scale) { pack($0, target) }
        }
        entries.withLock { $0[key] = Entry(source: source, scale: scale, buffer: buffer) }
        return buffer
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

    /// Calls `body` with the float32 elements, each slice along the first axis times its scale, rounded once.
    func withScaledChannels<Result>(_ scale: [Double]?, _ body: (UnsafePointer<Float>) throws -> Result) throws -> Result {
        try withElements(as: Float.self) { elements in
            guard let base = elements.baseAddress else {
                return try withUnsafeTemporaryAllocation(of: Float.self, capacity: 1) { nothing in
                    nothing.initialize(repeating: 0)
                    return try body(UnsafePointer(nothing.baseAddress.unsafelyUnwrapped))
                }
            }
            guard let scale else { return try body(base) }
            let sliceCount = elements.count / max(scale.count, 1)
            let scaled = FloatBuffer(count: elements.count) { target in
                for (channel, factor) in scale.enumerated() {
                    for index in channel * sliceCount..<(channel + 1) * sliceCount {
                        target[index] = Float(Double(base[index]) * factor)
                    }
                }
            }
            return try withExtendedLifetime(scaled) { try body(UnsafePointer(scaled.base)) }
        }
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
