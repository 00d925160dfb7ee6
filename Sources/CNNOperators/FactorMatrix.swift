import CNNTensors

/// What is made of the factors of a product before they are multiplied.
enum FactorForm: Sendable {
    case value
    /// |x|, for bounds.
    case magnitude
    /// x², for variances.
    case square

    /// Replaces the numbers by their form.
    func apply(to numbers: UnsafeMutablePointer<Double>, count: Int) {
        switch self {
        case .value: break
        case .magnitude: for index in 0..<count { numbers[index] = numbers[index].magnitude }
        case .square: for index in 0..<count { numbers[index] *= numbers[index] }
        }
    }
}

/// Numbers where they lie, float32 or float64, to be read as Double: the weights of a large layer are never held in Double as a
/// whole.
struct FactorNumbers: Sendable {
    private let tensor: Tensor
    /// Valid as long as the tensor, which never changes.
    nonisolated(unsafe) let base: UnsafeRawPointer?
    let isFloat32: Bool
    let form: FactorForm

    /// - Throws: `TensorError.wrongDataType` if the elements are no numbers.
    init(_ tensor: Tensor, form: FactorForm = .value) throws {
        let readable = tensor.dataType == .float32 || tensor.dataType == .float64
        self.tensor = readable ? tensor : try Tensor(tensor.doubles(), shape: tensor.shape)
        base = self.tensor.withUnsafeBytes { $0.baseAddress }
        isFloat32 = self.tensor.dataType == .float32
        self.form = form
    }

    /// Copies `count` numbers, `step` apart from `start` on, to places `stride` apart.
    @inline(__always)
    func copy(from start: Int, step: Int, count: Int, to target: UnsafeMutablePointer<Double>, stride: Int) {
        guard let base else { return }
        if isFloat32 {
            for index in 0..<count {
                let offset = (start &+ index &* step) &* 4
                target[index &* stride] = Double(base.loadUnaligned(fromByteOffset: offset, as: Float.self))
            }
        } else {
            for index in 0..<count {
                let offset = (start &+ index &* step) &* 8
                target[index &* stride] = base.loadUnaligned(fromByteOffset: offset, as: Double.self)
            }
        }
    }

    /// The numbers at these positions; 0 where one is negative.
    @inline(__always)
    func gather(_ positions: UnsafePointer<Int>, offset: Int, count: Int, to target: UnsafeMutablePointer<Double>) {
        guard let base else { return target.update(repeating: 0, count: count) }
        if isFloat32 {
            for index in 0..<count {
                let position = positions[index]
                target[index] =
                    position < 0
                    ? 0 : Double(base.loadUnaligned(fromByteOffset: (position &+ offset) &* 4, as: Float.self))
            }
        } else {
            for index in 0..<count {
                let position = positions[index]
                target[index] =
                    position < 0 ? 0 : base.loadUnaligned(fromByteOffset: (position &+ offset) &* 8, as: Double.self)
            }
        }
    }

    /// Keeps the numbers alive while `body` reads them.
    func read<Result>(_ body: () -> Result) -> Result { withExtendedLifetime(tensor, body) }
}

/// The right factor of a blocked product: a matrix `[depth, columns]` that can be packed in panels of neighbouring columns.
protocol PackedColumns: Sendable {
    /// Writes rows `depth` of the columns from `column` on as `[depth][width]`, 0 in columns past the end.
    func pack(depth: Range<Int>, column: Int, width: Int, to target: UnsafeMutablePointer<Double>, scratch: PackingScratch)
    /// Numbers of `PackingScratch` that packing panels of this width needs.
    func scratchCount(width: Int) -> Int
    /// Makes ready for packing the panel at `column`, for any depths.
    func prepare(column: Int, width: Int, scratch: PackingScratch)
}

/// Memory of one thread for what packing a panel needs to know.
typealias PackingScratch = UnsafeMutablePointer<Int>

/// A matrix whose rows and columns lie at fixed distances.
struct FactorMatrix: PackedColumns {
    let numbers: FactorNumbers
    let start: Int
    let rowStride: Int
    let columnStride: Int
    let columns: Int

    /// Writes rows `row ..< row + width` at the depths as `[depth][width]`, 0 in rows from `rows` on. Rows are the matrix's rows.
    func packRows(
        row: Int, rows: Int, depth: Range<Int>, width: Int, to target: UnsafeMutablePointer<Double>
    ) {
        let existing = min(width, rows - row)
        for index in 0..<existing {
            numbers.copy(
                from: start + (row + index) * rowStride + depth.lowerBound * columnStride, step: columnStride,
                count: depth.count, to: target + index, stride: width)
        }
        for index in existing..<width {
            for p in 0..<depth.count { target[p * width + index] = 0 }
        }
        numbers.form.apply(to: target, count: depth.count * width)
    }

    func pack(
        depth: Range<Int>, column: Int, width: Int, to target: UnsafeMutablePointer<Double>, scratch: PackingScratch
    ) {
        let existing = min(width, columns - column)
        if columnStride <= rowStride {
            for p in 0..<depth.count {
                numbers.copy(
                    from: start + (depth.lowerBound + p) * rowStride + column * columnStride, step: columnStride,
                    count: existing, to: target + p * width, stride: 1)
            }
        } else {
            for index in 0..<existing {
                numbers.copy(
                    from: start + depth.lowerBound * rowStride + (column + index) * columnStride, step: rowStride,
                    count: depth.count, to: target + index, stride: width)
            }
        }
        if existing < width {
            for p in 0..<depth.count {
                for index in existing..<width { target[p * width + index] = 0 }
            }
        }
        numbers.form.apply(to: target, count: depth.count * width)
    }

    func scratchCount(width: Int) -> Int { 0 }
    func prepare(column: Int, width: Int, scratch: PackingScratch) {}
}
