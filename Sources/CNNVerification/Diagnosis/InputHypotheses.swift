import CNNModels
import CNNTensors

/// A mistake in how an image was prepared: the reference saw another array than the one given here.
private protocol ImageHypothesis: Hypothesis {
    /// - Parameter image: `[N, C, H, W]`, or a batch of vectors or sequences `[N, …]`.
    func preparations(of image: Tensor) throws -> [Preparation]
}

/// Another array than the image given, and what it is.
private struct Preparation {
    let name: String
    let tensor: Tensor
}

extension ImageHypothesis {
    func alternatives(in subject: DiagnosisCase) throws -> [Alternative] {
        try subject.model.graph.requiredInputs.flatMap { input -> [Alternative] in
            guard let image = subject.inputs[input.name], image.dataType.isFloatingPoint, image.shape.rank >= 2 else {
                return []
            }
            return try preparations(of: image).filter { $0.tensor != image }.map { preparation in
                Alternative(statement: preparation.name, place: .input(input.name), setting: preparation.name) { subject in
                    var variation = Variation(subject)
                    variation.setInput(input.name, to: preparation.tensor)
                    return variation
                }
            }
        }
    }
}

/// The bytes of an image with the channels last taken for one with the channels first, or the other way round; height and
/// width exchanged.
struct InputLayoutHypothesis: ImageHypothesis {
    let kind = Mistake.inputLayout

    fileprivate func preparations(of image: Tensor) throws -> [Preparation] {
        guard image.shape.rank == 4 else { return [] }
        let sizes = image.shape.dimensions
        let channelsLast = try image.transposed([0, 2, 3, 1])
        let misread = try image.reshaped(Shape([sizes[0], sizes[2], sizes[3], sizes[1]])).transposed([0, 3, 1, 2])
        var preparations = [
            Preparation(name: "the input's bytes in NHWC order", tensor: try channelsLast.reshaped(image.shape)),
            Preparation(name: "the input's bytes taken for NHWC", tensor: misread),
        ]
        if sizes[2] == sizes[3] {
            preparations.append(
                Preparation(name: "height and width of the input exchanged", tensor: try image.transposed([0, 1, 3, 2])))
        }
        return preparations
    }
}

/// Red and blue exchanged: OpenCV and Caffe read images in the order blue, green, red.
struct ChannelOrderHypothesis: ImageHypothesis {
    let kind = Mistake.channelOrder

    fileprivate func preparations(of image: Tensor) throws -> [Preparation] {
        guard image.shape.rank == 4, image.shape[1] == 3 else { return [] }
        return [Preparation(name: "the input's channels in the order BGR", tensor: try image.reversingChannels())]
    }
}

/// Pixels from 0 to 255 against 0 to 1 or -1 to 1.
struct InputScaleHypothesis: ImageHypothesis {
    let kind = Mistake.inputScale

    fileprivate func preparations(of image: Tensor) throws -> [Preparation] {
        let maps: [(name: String, factor: Double, offset: Double)] = [
            ("the input times 255", 255, 0),
            ("the input divided by 255", 1 / 255, 0),
            ("the input scaled from [0, 1] to [-1, 1]", 2, -1),
            ("the input scaled from [-1, 1] to [0, 1]", 0.5, 0.5),
            ("the input scaled from [0, 255] to [-1, 1]", 1 / 127.5, -1),
            ("the input scaled from [-1, 1] to [0, 255]", 127.5, 127.5),
        ]
        return try maps.map { map in
            Preparation(name: map.name, tensor: try image.mapChannels { _, value in value * map.factor + map.offset })
        }
    }
}

/// The mean and deviation of ImageNet's pixels subtracted and divided by once more, or not at all.
struct InputNormalizationHypothesis: ImageHypothesis {
    let kind = Mistake.inputNormalization

    /// Of the red, green and blue channels of pixels from 0 to 1: torchvision's models, from the ImageNet training set.
    private static let mean = [0.485, 0.456, 0.406]
    private static let deviation = [0.229, 0.224, 0.225]
    /// Of pixels from 0 to 255, without a deviation: the networks of Oxford's VGG group, in Caffe.
    private static let caffeMean = [123.68, 116.779, 103.939]

    fileprivate func preparations(of image: Tensor) throws -> [Preparation] {
        guard image.shape.rank == 4, image.shape[1] == 3 else { return [] }
        let (mean, deviation, caffe) = (Self.mean, Self.deviation, Self.caffeMean)
        let maps: [(name: String, map: (Int, Double) -> Double)] = [
            ("ImageNet's mean and deviation taken out of the input once more", { ($1 - mean[$0]) / deviation[$0] }),
            ("ImageNet's mean and deviation not taken out of the input", { $1 * deviation[$0] + mean[$0] }),
            ("ImageNet's mean taken out of the input once more", { $1 - mean[$0] }),
            ("ImageNet's mean not taken out of the input", { $1 + mean[$0] }),
            (
                "ImageNet's mean and deviation, for pixels from 0 to 255, taken out of the input once more",
                { ($1 - 255 * mean[$0]) / (255 * deviation[$0]) }
            ),
            (
                "pixels from 0 to 255 in place of those with ImageNet's mean and deviation taken out",
                { 255 * ($1 * deviation[$0] + mean[$0]) }
            ),
            ("Caffe's mean of ImageNet taken out of the input once more", { $1 - caffe[$0] }),
            ("Caffe's mean of ImageNet not taken out of the input", { $1 + caffe[$0] }),
        ]
        return try maps.map { Preparation(name: $0.name, tensor: try image.mapChannels($0.map)) }
    }
}

extension Tensor {
    /// Each element, with the channel that it belongs to, replaced; axis 1 holds the channels.
    func mapChannels(_ map: (_ channel: Int, Double) -> Double) throws -> Tensor {
        var values = try doubles()
        let channels = shape.rank > 1 ? shape[1] : 1
        let plane = shape.dimensions.dropFirst(2).reduce(1, *)
        for index in values.indices { values[index] = map(index / plane % channels, values[index]) }
        return try Tensor(rounding: values, to: dataType, shape: shape)
    }

    func reversingChannels() throws -> Tensor {
        let plane = shape.dimensions.dropFirst(2).reduce(1, *)
        let positions = (0..<shape.elementCount).map { index in
            let channel = index / plane % shape[1]
            return index + (shape[1] - 1 - 2 * channel) * plane
        }
        return try gathering(positions, shape: shape)
    }

    /// The axes in another order: axis `i` of the result is axis `order[i]`.
    func transposed(_ order: [Int]) throws -> Tensor {
        let result = try Shape(order.map { shape[$0] })
        let strides = order.map { shape.strides[$0] }
        var positions = [0]
        for (axis, size) in result.dimensions.enumerated() {
            positions = positions.flatMap { base in (0..<size).map { base + $0 * strides[axis] } }
        }
        return try gathering(positions, shape: result)
    }
}
