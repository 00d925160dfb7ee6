import CNNKernelTable

/// The time that a convolution on the blocked layout takes by each method, summed over all threads, in the time of one multiplication and
/// addition in the inner loop; all that matters is which method takes less.
struct BlockedConvolutionCost {
    let geometry: ConvolutionGeometry
    let images: Int
    let machine: Machine

    /// Whether weights and maps are still in the core's own cache from the run before.
    var isInCache = false

    var direct: Double {
        let pixels = Double(geometry.window.output.count) * Double(images)
        return pairs * Double(geometry.window.kernel.count) * (pixels + rates.weight)
    }

    func winograd(_ method: WinogradMethod) -> Double {
        let form = method.form
        let (planes, weightPlanes) = (Double(form.planes), Double(form.weightPlanes))
        let tiles = Double(kernels.winogradTiles(geometry, form)) * Double(images)
        let channels = Double(geometry.inputChannels) + Double(geometry.outputChannels)
        let rounds = Double(WinogradSchedule.rounds(geometry, method, images: images, machine))
        let products = planes * pairs * tiles
        // With stride 2 an axis is transformed in two halves.
        let additions = rates.tileTransform * Double(form.span) / Double(form.stride)
        let transforms = planes * tiles * channels * (rates.tileElement + additions)
        let weights: Double
        if method.transformsWeights {
            let transform = weightPlanes * rates.weightTransform * Double(form.kernelSize)
            let once = pairs * (Double(geometry.window.kernel.count) * rates.weight + transform)
            weights = once * rounds + products * rates.repeatedInput
        } else {
            let count = pairs * weightPlanes
            let again = count <= rates.nearWeights ? rates.nearWeight : 1
            weights = count * rates.transformedWeight * (1 + again * max(0, rounds - 1))
        }
        let parts = Double(kernels.winogradParts(geometry, method))
        let sums = planes * tiles * Double(geometry.outputChannels) * parts * rates.partialSum
        return products + sums + transforms + weights
    }

    /// Of a blocked input.
    var winogradColumns: Double {
        let products = Double(kernels.winogradColumnProducts(geometry) * kernels.winogradRowTiles(geometry))
        let columns = products * Double(geometry.window.output.width) * Double(images)
        let taps = Double(geometry.window.kernel.width * geometry.inputChannels)
        return columns * Double(geometry.outputChannels) * (taps + rates.columnSum)
    }

    private var kernels: any KernelTable { machine.kernels }

    private var rates: Rates { isInCache ? .inCache : .inMemory }

    private var pairs: Double {
        Double(geometry.inputChannels) / Double(geometry.groups) * Double(geometry.outputChannels)
    }
}

/// What the parts of a convolution take, measured on a core with AVX2 that does 35 thousand million multiplications a second.
private struct Rates {
    /// To read a weight, where it is asked for before it is needed.
    let weight: Double
    /// To read a transformed weight.
    let transformedWeight: Double
    /// To transform an element of a tile: the way through the second-level cache and back,
    let tileElement: Double
    /// and the additions, for each element along one axis of the tile.
    let tileTransform: Double
    /// To make an element of the transformed weights on the way, for each weight along one axis of the kernel.
    let weightTransform: Double
    /// To hand on the sum over a part of the input channels.
    let partialSum: Double
    /// To hand on the sum of a plane of columns and to transform it back, as LeNet-5's second convolution does.
    let columnSum = 12.0
    /// To read the transformed inputs again for each output tile, as transforming weights on the way makes necessary, for each product.
    let repeatedInput = 0.1
    /// What part of `transformedWeight` it takes in the next round, if all of them stay in the last level of the cache meanwhile,
    let nearWeight = 0.25
    /// as so many floats do.
    let nearWeights = 2.0 * 1024 * 1024

    /// Fitted to all forms on the layers of VGG, ResNet, DenseNet, GoogLeNet and AlexNet, one and eight images at a time: weights come
    /// from memory, or from the last level of the cache, which the other layers' weights have passed through since.
    static let inMemory = Rates(
        weight: 6.3, transformedWeight: 12.5, tileElement: 3, tileTransform: 1.6, weightTransform: 1.3, partialSum: 2.2)

    /// Fitted to all forms on 22 single convolutions, 3×3 and 5×5, of 6 to 64 channels on maps of 7 to 28 pixels, run again and
    /// again: the method that then seems fastest takes 1.01 times what the fastest does on average, and 1.4 times by the rates above.
    static let inCache = Rates(
        weight: 0, transformedWeight: 0.9, tileElement: 2.4, tileTransform: 0.45, weightTransform: 1, partialSum: 0)
}
