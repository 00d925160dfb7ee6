import CNNTensors

/// The state of one run: the memory of its values.
final class Execution {
    /// By value number: values that are tensors of their own and were given or computed in this run.
    private var tensors: [Tensor?]
    /// By value number: those that are the same in every run.
    private let constants: [Tensor?]
    let team: Workers
    /// The number of the image that is the first for the step that runs: 0 but in layers that run for a group of images at a time.
    var firstImage = 0
    private let arena: Arena

    init(constants: [Tensor?], arena: Arena, team: Workers) {
        // Not a copy of the constants, each of which would be retained.
        tensors = Array(repeating: nil, count: constants.count)
        self.constants = constants
        self.arena = arena
        self.team = team
    }

    /// Where the floats of a value lie, from the first image on. The address holds until the value is released: arena memory lives as long as this object,
    /// a tensor's storage as long as `tensors` keeps it.
    func floats(_ place: Place) -> UnsafeMutablePointer<Float> {
        switch place.base {
        case .arena(let offset):
            return arena.base.assumingMemoryBound(to: Float.self) + offset + firstImage * place.groupStride
        case .tensor(let value):
            guard let address = tensor(value)?.withUnsafeBytes({ $0.baseAddress }) else {
                preconditionFailure("a step reads a value that no step before it computes")
            }
            // Kernels never write to the place of a tensor: only inputs have one.
            return UnsafeMutableRawPointer(mutating: address).assumingMemoryBound(to: Float.self)
                + firstImage * place.groupStride
        }
    }

    /// The value as a tensor: a copy where it lies in the arena, whose memory will be used again.
    func tensor(_ operand: Operand) throws -> Tensor? {
        switch operand.place.base {
        case .tensor(let value):
            return tensor(value)
        case .arena:
            let source = floats(operand.place)
            let images = operand.map.images
            return try Tensor(dataType: .float32, shape: operand.shape) { destination in
                guard let target = destination.baseAddress, images > 0 else { return }
                let imageBytes = destination.count / images
                for image in 0..<images {
                    (target + image * imageBytes).copyMemory(
                        from: source + image * operand.place.imageStride, byteCount: imageBytes)
                }
            }
        }
    }

    /// A value that is a tensor of its own; nil before it is computed and after its release.
    func tensor(_ value: Int) -> Tensor? { tensors[value] ?? constants[value] }

    /// Keeps a tensor as a value. Kernels need floats at an address that is a multiple of their size; a part of a mapped file may lie
    /// anywhere.
    func set(_ tensor: Tensor, for value: Int) throws {
        tensors[value] = try tensor.alignedForKernels()
    }

    func release(_ value: Int) {
        tensors[value] = nil
    }
}

extension Tensor {
    /// The tensor, copied if it holds float32 numbers at an address that is not a multiple of 4.
    func alignedForKernels() throws -> Tensor {
        guard dataType == .float32 else { return self }
        return try withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, UInt(bitPattern: base) % UInt(MemoryLayout<Float>.alignment) != 0 else {
                return self
            }
            return try Tensor(dataType: dataType, shape: shape, copying: bytes)
        }
    }
}
