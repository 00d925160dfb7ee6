import CNNModels
import CNNTensors

/// Arithmetic on the elements of values that shapes are computed with: scalars and vectors of whole numbers, followed as
/// expressions over named sizes (`ValueFact.elements`). Nil stands for a result that cannot be followed, which is never
/// wrong: the value is then known only when the graph runs.
package enum SizeArithmetic {
    /// The elements with a function applied to each; nil if one result is not known or has a name in a type
    /// that may be too narrow for it.
    /// - Parameter dataType: the type that the results must fit in; nil where every whole number does.
    /// - Throws: `DimensionError.overflow` if one does not fit: the real value wraps round and is not the expression's.
    package static func map(
        _ elements: [Dimension], as dataType: DataType?,
        _ function: (Dimension) throws(DimensionError) -> Dimension?
    ) throws(DimensionError) -> [Dimension]? {
        var result: [Dimension] = []
        result.reserveCapacity(elements.count)
        for element in elements {
            guard let value = try function(element), isFollowed(value, dataType) else { return nil }
            guard fits(value, dataType) else { throw .overflow }
            result.append(value)
        }
        return result
    }

    /// Two inputs' elements combined as NumPy broadcasts scalars and vectors; nil if either or one result is not known.
    /// - Throws: as `map`.
    package static func combine(
        _ left: [Dimension]?, _ right: [Dimension]?, as dataType: DataType?,
        _ function: (Dimension, Dimension) throws(DimensionError) -> Dimension?
    ) throws(DimensionError) -> [Dimension]? {
        guard let left, let right, left.count == right.count || left.count == 1 || right.count == 1 else { return nil }
        let count = left.count == 1 ? right.count : left.count
        var result: [Dimension] = []
        result.reserveCapacity(count)
        for index in 0..<count {
            let value = try function(left[left.count == 1 ? 0 : index], right[right.count == 1 ? 0 : index])
            guard let value, isFollowed(value, dataType) else { return nil }
            guard fits(value, dataType) else { throw .overflow }
            result.append(value)
        }
        return result
    }

    /// Whether the type has room for the expression: for named sizes, which no narrower one than of 32 bits is sure to hold.
    private static func isFollowed(_ value: Dimension, _ dataType: DataType?) -> Bool {
        value.value != nil || dataType?.bitWidth ?? 64 >= 32
    }

    private static func fits(_ value: Dimension, _ dataType: DataType?) -> Bool {
        guard let number = value.value, let dataType else { return true }
        if dataType == .uint64 { return number >= 0 }
        guard let range = dataType.wordRange else { return false }
        return range.lowest <= number && number <= range.highest
    }

    /// The quotient rounded towards zero, as ONNX divides integers; nil where the divisor is 0 or its sign is not known.
    package static func truncatedQuotient(_ dividend: Dimension, _ divisor: Dimension) throws(DimensionError) -> Dimension? {
        if divisor == 0 { return nil }
        if let number = divisor.value, number < 0 {
            return try truncatedQuotient(Dimension(0) - dividend, Dimension(0) - divisor)
        }
        guard divisor.isKnownNonNegative else { return nil }
        if dividend.isKnownNonNegative { return try dividend.floorDivided(by: divisor) }
        let negated = try Dimension(0) - dividend
        if negated.isKnownNonNegative { return try Dimension(0) - negated.floorDivided(by: divisor) }
        // Of the two quotients one is 0.
        let positivePart = try Dimension.maximum(dividend, 0).floorDivided(by: divisor)
        return try positivePart - Dimension.maximum(negated, 0).floorDivided(by: divisor)
    }

    /// Whether the first is larger; nil if that depends on the names' sizes.
    package static func isGreater(_ left: Dimension, _ right: Dimension) throws(DimensionError) -> Bool? {
        if try (left - right - 1).isKnownNonNegative { return true }
        if try (right - left).isKnownNonNegative { return false }
        return nil
    }

    /// Whether the two are equal; nil if that depends on the names' sizes.
    package static func isEqual(_ left: Dimension, _ right: Dimension) throws(DimensionError) -> Bool? {
        if left == right { return true }
        if try isGreater(left, right) == true { return false }
        return try isGreater(right, left) == true ? false : nil
    }
}

extension ValueFact {
    /// Sets `elements` to what `compute` gives. An expression that grows too large is not followed; one whose numbers overflow
    /// is reported as a remark, since the graph may well run with the value wrapped round.
    package mutating func follow(_ compute: () throws(DimensionError) -> [Dimension]?) {
        do {
            elements = try compute()
        } catch .overflow {
            remarks.append("the whole numbers of this value pass the range of \(dataType ?? .int64) and wrap round")
        } catch {
            elements = nil
        }
    }
}
