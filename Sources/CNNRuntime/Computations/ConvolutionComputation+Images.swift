/// How many images a convolution takes at a time.
extension ConvolutionComputation {
    func forImages(_ count: Int, of total: Int) -> (any Computation)? {
        var convolution = self
        convolution.images = count
        return convolution
    }

    /// The same with the method that is fastest for its images and for where its weights are.
    func choosingMethod(_ machine: Machine) -> ConvolutionComputation {
        // Padded groups have one method only, of one that was planar.
        guard groupPadding == nil else { return self }
        var convolution = self
        convolution.alternatives = Self.alternatives(geometry, images: images, isInCache: isInCache, machine)
        convolution.method = convolution.alternatives[0].method
        return convolution
    }
}
