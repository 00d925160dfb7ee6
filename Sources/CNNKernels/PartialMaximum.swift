/// The largest of some pixels, and apart from it whether one was NaN: a maximum that keeps NaN by itself takes four
/// instructions that wait for one another.
struct PartialMaximum {
    private let value: Vector
    private let sawNaN: SIMDMask<Vector.MaskStorage>

    @inline(always)
    private init(value: Vector, sawNaN: SIMDMask<Vector.MaskStorage>) {
        self.value = value
        self.sawNaN = sawNaN
    }

    /// Of no pixels.
    @inline(always)
    init() {
        self.init(value: Vector(repeating: -.infinity), sawNaN: Vector.zero .!= Vector.zero)
    }

    @inline(always)
    init(_ a: Vector) {
        self.init(value: a, sawNaN: a .!= a)
    }

    /// x86 tests two vectors for NaN in one comparison.
    @inline(always)
    init(_ a: Vector, _ b: Vector) {
        self.init(value: larger(a, b), sawNaN: (a .!= a) .| (b .!= b))
    }

    @inline(always)
    init(_ a: Vector, _ b: Vector, _ c: Vector) {
        self.init(value: larger(larger(a, b), c), sawNaN: (a .!= a) .| (b .!= b) .| (c .!= c))
    }

    @inline(always)
    func joined(_ other: PartialMaximum) -> PartialMaximum {
        PartialMaximum(value: larger(value, other.value), sawNaN: sawNaN .| other.sawNaN)
    }

    @inline(always)
    var result: Vector { value.replacing(with: Vector(repeating: .nan), where: sawNaN) }
}

/// x86's maximum of two vectors in one instruction, which returns its second operand when one is NaN.
@inline(always)
private func larger(_ left: Vector, _ right: Vector) -> Vector {
    right.replacing(with: left, where: left .> right)
}
