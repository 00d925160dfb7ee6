import CNNKernelTable

/// The time that a convolution on the blocked layout takes by each method, in the time of one multiplication and addition in the
/// inner loop. The constants were measured on the layers of VGG, ResNet, DenseNet and GoogLeNet, on a core with AVX2 (45 thousand
/// million multiplications a second, 26 GB/s of memory); all that matters is which method takes less.
struct BlockedConvolutionCost {
    let geometry: ConvolutionGeometry
    let images: Int
    let kernels: any KernelTable

    /// To read a weight from memory, or from the last level of the cache, which the other layers' weights have passed through since.
    private static let weight = 7.0
    /// To transform an element of a tile, for each element along one axis of the tile: the additions, and the way through the
    /// second-level cache and back.
    private static let tileTransform = 2.5
    /// To make an element of the transformed weights on the way.
    private static let weightTransform = 28.0

    var direct: Double {
        let pixels = Double(geometry.window.output.count) * Double(images)
        return pairs * Double(geometry.window.kernel.count) * (pixels + Self.weight)
    }

    func winograd(_ method: WinogradMethod) -> Double {
        let form = method.form
        let planes = Double(form.planes)
        let tiles = Double(kernels.winogradTiles(geometry, form)) * Double(images)
        let channels = Double(geometry.inputChannels) + Double(geometry.outputChannels)
        let rounds = Double(kernels.winogradRounds(geometry, form, images: images))
        let weights =
            method.transformsWeights
            ? pairs * (Double(geometry.window.kernel.count) * Self.weight + planes * Self.weightTransform)
            : pairs * planes * Self.weight
        return planes * pairs * tiles + planes * tiles * channels * Self.tileTransform * Double(form.span) + weights * rounds
    }

    private var pairs: Double {
        Double(geometry.inputChannels) / Double(geometry.groups) * Double(geometry.outputChannels)
    }
}
