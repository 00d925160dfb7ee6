import CNNModels

/// The attributes that every window operator shares, as the node gives them.
package struct WindowAttributes: Sendable {
    package let kernelShape: [Int]?
    package let strides: [Int]?
    package let dilations: [Int]?
    package let autoPad: AutoPad
    package let pads: [Int]?
    package let ceilMode: Bool

    package enum AutoPad: String, CaseIterable, Sendable {
        case notSet = "NOTSET"
        case sameUpper = "SAME_UPPER"
        case sameLower = "SAME_LOWER"
        case valid = "VALID"
    }

    /// - Parameters:
    ///   - hasDilations: whether this version of the operator defines `dilations`.
    ///   - hasCeilMode: whether this version of the operator defines `ceil_mode`.
    package init(_ attributes: AttributeReader, hasDilations: Bool = true, hasCeilMode: Bool = false) throws {
        kernelShape = try attributes.ints("kernel_shape")
        strides = try attributes.ints("strides")
        dilations = hasDilations ? try attributes.ints("dilations") : nil
        autoPad = try attributes.choice("auto_pad", default: .notSet)
        pads = try attributes.ints("pads")
        ceilMode = hasCeilMode ? try attributes.flag("ceil_mode") : false
        if autoPad != .notSet, let pads, pads.contains(where: { $0 != 0 }) {
            throw OperatorError("cannot stand beside auto_pad '\(autoPad.rawValue)'", subject: "pads")
        }
    }

    /// The window for a kernel of this shape.
    package func geometry(kernelShape: [Int]) throws -> WindowGeometry {
        if let declared = self.kernelShape, declared != kernelShape {
            throw OperatorError("is \(declared), but the weights have \(kernelShape)", subject: "kernel_shape")
        }
        return try WindowGeometry(
            kernelShape: kernelShape, strides: strides, dilations: dilations,
            padding: try padding(rank: kernelShape.count), ceilMode: ceilMode)
    }

    private func padding(rank: Int) throws -> WindowGeometry.Padding {
        switch autoPad {
        case .valid: return .valid
        case .sameUpper: return .sameUpper
        case .sameLower: return .sameLower
        case .notSet:
            guard let pads else {
                let none = [Int](repeating: 0, count: rank)
                return .explicit(begins: none, ends: none)
            }
            guard pads.count == 2 * rank else {
                throw OperatorError("has \(pads.count) numbers, but \(2 * rank) are needed", subject: "pads")
            }
            return .explicit(begins: Array(pads[..<rank]), ends: Array(pads[rank...]))
        }
    }
}
