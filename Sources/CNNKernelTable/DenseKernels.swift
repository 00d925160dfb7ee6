/// A fully connected layer on weights that are used where they lie (they may be mapped from a file):
/// `output[b, o] = activation(scale · Σᵢ input[b, i]·W + bias[o])`.
package struct DenseArguments {
    /// Rows of `input` and of `output`.
    package var batch: Int
    package var inputs: Int
    package var outputs: Int
    package var input: UnsafePointer<Float>
    package var inputRowStride: Int
    /// At any address, whole number of floats or not: in a file, elements lie where they come to lie.
    package var weights: UnsafePointer<Float>
    /// Elements from one row of the weights to the next.
    package var weightRowStride: Int
    /// `[outputs]`, or nil.
    package var bias: UnsafePointer<Float>?
    package var output: UnsafeMutablePointer<Float>
    package var outputRowStride: Int
    /// Gemm's alpha.
    package var scale: Float
    package var activation: Activation
    /// Whether inputs of 0 may be left out, as is right where all weights are finite.
    package var skipsZeros: Bool

    package init(
        batch: Int, inputs: Int, outputs: Int, input: UnsafePointer<Float>, inputRowStride: Int,
        weights: UnsafePointer<Float>, weightRowStride: Int, bias: UnsafePointer<Float>? = nil,
        output: UnsafeMutablePointer<Float>, outputRowStride: Int, scale: Float = 1, activation: Activation = .none,
        skipsZeros: Bool = false
    ) {
        self.batch = batch
        self.inputs = inputs
        self.outputs = outputs
        self.input = input
        self.inputRowStride = inputRowStride
        self.weights = weights
        self.weightRowStride = weightRowStride
        self.bias = bias
        self.output = output
        self.outputRowStride = outputRowStride
        self.scale = scale
        self.activation = activation
        self.skipsZeros = skipsZeros
    }
}

/// Matrix times few vectors, bound by the memory that the weights come from: worth it up to a batch of about
/// `denseBatchLimit`; past that, pack and use `gemm`.
package protocol DenseKernels {
    /// Batch from which packing the weights for `gemm` is faster than these kernels.
    var denseBatchLimit: Int { get }

    /// Weights `[inputs, outputs]` (Gemm with transB = 0, MatMul). Computes columns `outputs` of the output; bounds that are
    /// multiples of 64 are best, and a thousand columns or more. Each element is summed as `gemm` does it, so that
    /// with a scale of 1 both give the same bits; rows of weights whose input is 0 in the whole batch are not read where that is allowed.
    func dense(_ arguments: DenseArguments, outputs: Range<Int>)

    /// Weights `[outputs, inputs]` (Gemm with transB = 1, PyTorch's Linear). Computes columns `outputs` of the output; bounds
    /// that are multiples of 4 are best. Each element is summed in a fixed number of interleaved partial sums, which depends on
    /// `inputs` alone.
    func denseTransposed(_ arguments: DenseArguments, outputs: Range<Int>)
}
