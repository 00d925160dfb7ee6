/// Which operators the compiled runtime has kernels for. Their nodes are computed by vector code where elements are float32
/// and the attributes are those that convolutional networks use; all other nodes are computed by their operator's formula.
public enum KernelCoverage {
    /// Names of operators, as ONNX spells them. `LayerRecognition` decides node by node.
    public static let operatorTypes: Set<String> = [
        "Abs", "Add", "AveragePool", "BatchNormalization", "Clip", "Concat", "Conv", "Div", "Dropout", "Elu", "Exp", "Flatten",
        "Gemm", "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid", "HardSwish", "Identity", "LRN", "LeakyRelu", "Log",
        "LogSoftmax", "MatMul", "Max", "MaxPool", "Min", "Mul", "Neg", "Reciprocal", "ReduceMean", "Relu", "Reshape", "Sigmoid",
        "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "Transpose", "Unsqueeze",
    ]
}
