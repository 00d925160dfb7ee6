/// Matrix product in Double on packed operands, for evaluation that must not round where float32 does.
package protocol DoubleProductKernels {
    /// The rows of a tile.
    var doubleTileRows: Int { get }
    /// The columns of a tile.
    var doubleTileColumns: Int { get }

    /// `tile[i, j] = Σ left[p, i] · right[p, j]` over `depth` values of p, summed in their order: `left` is
    /// `[depth][doubleTileRows]`, `right` `[depth][doubleTileColumns]`, `tile` `[doubleTileRows][doubleTileColumns]`.
    func multiplyDoubleTile(
        left: UnsafePointer<Double>, right: UnsafePointer<Double>, depth: Int, into tile: UnsafeMutablePointer<Double>)
}
