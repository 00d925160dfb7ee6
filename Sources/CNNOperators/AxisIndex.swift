/// Axes as ONNX counts them: from 0 at the front, or from −1 at the back.
package enum AxisIndex {
    /// The axis counted from the front.
    /// - Throws: `OperatorError` unless `axis` lies in `−rank ..< rank`.
    package static func resolve(_ axis: Int, rank: Int, subject: String = "axis") throws -> Int {
        guard axis >= -rank, axis < rank else {
            throw OperatorError("must lie between \(-rank) and \(rank - 1), but is \(axis)", subject: subject)
        }
        return axis < 0 ? axis + rank : axis
    }

    /// The axes counted from the front, in the order given.
    /// - Throws: `OperatorError` if one is out of range or named twice.
    package static func resolve(_ axes: [Int], rank: Int, subject: String = "axes") throws -> [Int] {
        var seen: Set<Int> = []
        return try axes.map { axis in
            let resolved = try resolve(axis, rank: rank, subject: subject)
            guard seen.insert(resolved).inserted else {
                throw OperatorError("names axis \(resolved) twice: \(axes)", subject: subject)
            }
            return resolved
        }
    }
}
