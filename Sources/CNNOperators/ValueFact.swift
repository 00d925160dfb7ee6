import CNNModels
import CNNTensors

/// What is known of a value before anything runs.
package struct ValueFact: Sendable {
    /// Nil where not known.
    package var dataType: DataType?
    package var shape: SymbolicShape
    /// The value itself, where it follows from the model alone.
    package var constant: Tensor?
    /// The elements of a scalar or vector of whole numbers as expressions, where each is known: what `Shape` gives for
    /// an input with named sizes, and what arithmetic makes of it. Set for constants too (`knownElements` reads both).
    package var elements: [Dimension]?
    /// By axis: the arithmetic behind its size, with its numbers, to show where a file contradicts it.
    package var formulas: [Int: String]
    /// What a user should know though nothing is wrong, for example a window that does not fit exactly.
    package var remarks: [String]

    package init(
        dataType: DataType? = nil, shape: SymbolicShape, constant: Tensor? = nil, elements: [Dimension]? = nil,
        formulas: [Int: String] = [:], remarks: [String] = []
    ) {
        self.dataType = dataType
        self.shape = shape
        self.constant = constant
        self.elements = elements
        self.formulas = formulas
        self.remarks = remarks
    }

    /// A value that is known.
    package init(constant: Tensor) {
        self.init(dataType: constant.dataType, shape: SymbolicShape(constant.shape), constant: constant)
    }

    /// The whole numbers of a scalar or vector, as expressions, if each is known.
    package var knownElements: [Dimension]? {
        if let elements { return elements }
        guard let constant, constant.shape.rank <= 1, constant.dataType.isInteger || constant.dataType == .bool,
            constant.shape.elementCount <= Self.elementLimit, let values = try? constant.integers()
        else { return nil }
        return values.map { Dimension(Int($0)) }
    }

    /// The whole numbers of a constant, if it is one.
    package var constantIntegers: [Int]? {
        if let elements {
            let values = elements.compactMap(\.value)
            return values.count == elements.count ? values : nil
        }
        guard let constant, let values = try? constant.integers() else { return nil }
        return values.map { Int($0) }
    }

    /// The longest vector whose elements are followed as expressions: shapes are short, tables of indices are not.
    package static let elementLimit = 256
}
