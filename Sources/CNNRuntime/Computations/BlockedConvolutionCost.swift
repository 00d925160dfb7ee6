import CNNKernelTable

/// The time that a convolution on the blocked layout takes by each method, in the time of one multiplication and addition in the
/// inner loop. The constants are fitted to all forms on the layers of VGG, ResNet, DenseNet, GoogLeNet and AlexNet with weights
/// that are not in the cache, on a core with AVX2 (35 thousand million multiplications a second), one and eight images at a time; all that
/// matters is which method takes less.
struct BlockedConvolutionCost {
    let geometry: ConvolutionGeometry
    let images: Int
    let kernels: any KernelTable

    /// To read a weight from memory, or from the last level of the cache, which the other layers' weights have passed through since,
    /// where it is asked for before it is needed.
    private static let weight = 6.3
    /// To read a transformed weight from there.
    private static let transformedWeight = 12.5
    /// What part of that it takes in the next round, if all of them stay in the last level of the cache meanwhile,
    private static let nearWeight = 0.25
    /// as so many floats do.
    private static let nearWeights = 2.0 * 1024 * 1024
    /// To transform an element of a tile: the way through the second-level cache and back,
    private static let tileElement = 3.0
    /// and the additions, for each element along one axis of the tile.
    private static let tileTransform = 1.6
    /// To make an element of the transformed weights on the way, for each weight along one axis of the kernel.
    private static let weightTransform = 1.3
    /// To read the transformed inputs again for each output tile, as transforming weights on the way makes necessary, for each product.
    private static let repeatedInput = 0.1
    /// To hand on the sum over a part of the input channels.
    private static let partialSum = 2.2

    var direct: Double {
        let pixels = Double(geometry.window.output.count) * Double(images)
        return pairs * Double(geometry.window.kernel.count) * (pixels + Self.weight)
    }

    func winograd(_ method: WinogradMethod) -> Double {
        let form = method.form
        let (planes, weightPlanes) = (Double(form.planes), Double(form.weightPlanes))
        let tiles = Double(kernels.winogradTiles(geometry, form)) * Double(images)
        let channels = Double(geometry.inputChannels) + Double(geometry.outputChannels)
        let rounds = Double(kernels.winogradRounds(geometry, form, images: images))
        let products = planes * pairs * tiles
        // With stride 2 an axis is transformed in two halves.
        let additions = Self.tileTransform * Double(form.span) / Double(form.stride)
        let transforms = planes * tiles * channels * (Self.tileElement + additions)
        let weights: Double
        if method.transformsWeights {
            let transform = weightPlanes * Self.weightTransform * Double(form.kernelSize)
            let once = pairs * (Double(geometry.window.kernel.count) * Self.weight + transform)
            weights = once * rounds + products * Self.repeatedInput
        } else {
            let count = pairs * weightPlanes
            let again = count <= Self.nearWeights ? Self.nearWeight : 1
            weights = count * Self.transformedWeight * (1 + again * max(0, rounds - 1))
        }
        let parts = Double(kernels.winogradParts(geometry, method))
        let sums = planes * tiles * Double(geometry.outputChannels) * parts * Self.partialSum
        return products + sums + transforms + weights
    }

    private var pairs: Double {
        Double(geometry.inputChannels) / Double(geometry.groups) * Double(geometry.outputChannels)
    }
}
