import CNNKernelTable

/// Which kernels can compute a convolution, and what each costs.
extension ConvolutionComputation {
    enum Method: Sendable, Hashable {
        case blocked
        case winograd(WinogradMethod)
        case winogradColumns(ColumnInput)
        case first
        case depthwise
        case planar
    }

    /// A method with the time it takes, counted in multiplications (0 where there is no choice).
    struct Alternative: Sendable, Hashable {
        let method: Method
        let cost: Double
    }

    /// The methods to choose from, the fastest first; never empty.
    /// - Parameter isInCache: whether weights and maps are still in the core's own cache from the run before.
    static func alternatives(
        _ geometry: ConvolutionGeometry, images: Int, isInCache: Bool = false, _ machine: Machine
    ) -> [Alternative] {
        let kernels = machine.kernels
        if kernels.supportsDepthwise(geometry) { return [Alternative(method: .depthwise, cost: 0)] }
        let isFast = machine.mode == .fast
        if isFast && kernels.supportsWinogradColumns(geometry, .planar) {
            return [Alternative(method: .winogradColumns(.planar), cost: 0)]
        }
        if kernels.supportsFirst(geometry) { return [Alternative(method: .first, cost: 0)] }
        guard kernels.supportsBlocked(geometry) else { return [Alternative(method: .planar, cost: 0)] }
        guard isFast else { return [Alternative(method: .blocked, cost: 0)] }
        let cost = BlockedConvolutionCost(geometry: geometry, images: images, machine: machine, isInCache: isInCache)
        // In the cache, direct convolution takes no more time than F(2×2, 5×5), and little more than the forms with eight points, whose
        // rounding errors are several times its own: LeNet-5's outputs were off by up to four of the deviations that verification expects.
        let forms = kernels.winogradForms(geometry).filter { !isInCache || $0.kernelSize == 3 && $0.points < 8 }
        let winograd = forms.flatMap { form in
            [WinogradMethod(form), WinogradMethod(form, transformsWeights: true)]
        }
        var alternatives =
            [Alternative(method: .blocked, cost: cost.direct)]
            + winograd.map { Alternative(method: .winograd($0), cost: cost.winograd($0)) }
        if isInCache && kernels.supportsWinogradColumns(geometry, .blocked) {
            alternatives.append(Alternative(method: .winogradColumns(.blocked), cost: cost.winogradColumns))
        }
        return alternatives.sorted { $0.cost < $1.cost }
    }
}

extension WinogradForm {
    /// Points at which the polynomials of an axis are evaluated, the one at infinity included: rounding errors grow with their number. With
    /// stride 2, those of the even half of the filter, which is the longer one.
    fileprivate var points: Int { outputSize + (kernelSize + stride - 1) / stride - 1 }
}
