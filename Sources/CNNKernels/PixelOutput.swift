/// Pixels side by side in the output of a convolution: adds the bias to their sums, applies the activation and stores.
struct PixelOutput: SumFinisher {
    let bias: UnsafePointer<Float>?
    let output: UnsafeMutablePointer<Float>
    let outputStride: Int
    let activation: VectorActivation

    @inline(__always)
    func addBias(_ sum: Vector, block: Int) -> Vector {
        sum + (bias.map { load($0 + block * Vector.scalarCount) } ?? .zero)
    }

    @inline(__always)
    func finish(_ sum: Vector, pixel: Int, block: Int) {
        finishBiased(addBias(sum, block: block), pixel: pixel, block: block)
    }

    @inline(__always)
    func finishBiased(_ sum: Vector, pixel: Int, block: Int) {
        store(activation(sum), output + (block * outputStride + pixel * Vector.scalarCount))
    }
}

/// The same with a residual, which is added behind the bias.
struct PixelOutputWithResidual: SumFinisher {
    let output: PixelOutput
    let residual: UnsafePointer<Float>
    let residualStride: Int

    @inline(__always)
    func finish(_ sum: Vector, pixel: Int, block: Int) {
        let addend = load(residual + (block * residualStride + pixel * Vector.scalarCount))
        output.finishBiased(output.addBias(sum, block: block) + addend, pixel: pixel, block: block)
    }
}
