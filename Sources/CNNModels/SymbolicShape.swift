import CNNTensors

/// A shape as far as it is known before anything runs: nothing, the rank, or an expression for some or all axes.
public struct SymbolicShape: Sendable, Hashable {
    /// One entry an axis, nil where the size is unknown; nil where even the rank is unknown.
    public var dimensions: [Dimension?]?

    /// These axes; nil for an axis of unknown size, or for a shape of unknown rank.
    public init(_ dimensions: [Dimension?]?) {
        self.dimensions = dimensions
    }

    /// A shape of known numbers.
    public init(_ shape: Shape) {
        dimensions = shape.dimensions.map { Dimension($0) }
    }

    /// The shape that a file declares. An axis without a number or name is unknown, as is one with a negative number.
    public init(declared: DeclaredShape?) {
        dimensions = declared?.dimensions.map { dimension in
            switch dimension.size {
            case .known(let size): size < 0 ? nil : Int(exactly: size).map { Dimension($0) }
            case .symbol(let name): name.isEmpty ? nil : .symbol(name)
            case .unknown: nil
            }
        }
    }

    /// Nothing is known.
    public static let unknown = SymbolicShape(nil)
    /// No axes.
    public static let scalar = SymbolicShape([])

    /// The number of axes, if known.
    public var rank: Int? { dimensions?.count }

    /// The shape in numbers, if every axis is a number of 0 or more and they make a shape.
    public var concrete: Shape? {
        guard let dimensions else { return nil }
        var sizes: [Int] = []
        for dimension in dimensions {
            guard let size = dimension?.value else { return nil }
            sizes.append(size)
        }
        return try? Shape(sizes)
    }

    /// The product of all sizes, if every axis is known.
    /// - Throws: `DimensionError.overflow`.
    public func elementCount() throws(DimensionError) -> Dimension? {
        guard let dimensions else { return nil }
        var product = Dimension(1)
        for dimension in dimensions {
            guard let dimension else { return nil }
            product = try product * dimension
        }
        return product
    }

    /// The shape with each name that `sizes` knows replaced.
    public func substituting(_ sizes: [String: Dimension]) throws(DimensionError) -> SymbolicShape {
        guard let dimensions else { return self }
        var result: [Dimension?] = []
        for dimension in dimensions {
            if let dimension {
                result.append(try dimension.substituting(sizes))
            } else {
                result.append(nil)
            }
        }
        return SymbolicShape(result)
    }
}

extension SymbolicShape: CustomStringConvertible {
    /// For example `[batch, 3, floor((H - 1)/2) + 1, ?]`, or `[...]` for unknown rank.
    public var description: String {
        guard let dimensions else { return "[...]" }
        return "[" + dimensions.map { $0.map(\.description) ?? "?" }.joined(separator: ", ") + "]"
    }
}
