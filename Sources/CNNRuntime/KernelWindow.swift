import CNNKernelTable
import CNNOperators
import CNNTensors

/// A window as the kernels know it: three axes, sizes settled.
typealias KernelWindow = CNNKernelTable.WindowGeometry

extension KernelWindow {
    /// The largest number in a window that the kernels get. Their arithmetic is not checked: with this bound, offsets stay far within
    /// 64 bits. No real network comes near.
    private static let limit = 1 << 24

    /// The window over an input `[N, C, sizes…]` that gives an output of this shape.
    /// - Returns: nil if the kernels do not take it: no spatial axis or more than three, or absurd numbers.
    init?(_ window: CNNOperators.WindowGeometry, input: Shape, output: Shape) throws {
        let rank = window.spatialRank
        guard 1...3 ~= rank, input.rank == rank + 2, output.rank == rank + 2 else { return nil }
        let pads = try (0..<rank).map { try window.pads(input[$0 + 2], axis: $0) }
        let numbers =
            window.strides + window.dilations + window.kernelShape + pads.map(\.begin) + pads.map(\.end)
            + input.dimensions + output.dimensions
        guard numbers.allSatisfy({ 0...Self.limit ~= $0 }),
            try (0..<rank).allSatisfy({ try window.extent($0) <= Self.limit })
        else { return nil }
        self.init(
            input: Extent(Array(input.dimensions.dropFirst(2)), missing: 1),
            output: Extent(Array(output.dimensions.dropFirst(2)), missing: 1),
            kernel: Extent(window.kernelShape, missing: 1), stride: Extent(window.strides, missing: 1),
            dilation: Extent(window.dilations, missing: 1), padBegin: Extent(pads.map(\.begin), missing: 0),
            padEnd: Extent(pads.map(\.end), missing: 0))
    }
}

extension KernelWindow {
    /// The same window over the input without so much padding of zeros around its spatial axes, which it adds itself.
    /// - Returns: nil if the kernels would not take it.
    func paddingInput(_ input: Shape, begins: [Int], ends: [Int]) -> KernelWindow? {
        let (begin, end) = (Extent(begins, missing: 0), Extent(ends, missing: 0))
        guard (begins + ends).allSatisfy({ 0...Self.limit ~= $0 }) else { return nil }
        var window = self
        window.input = Extent(Array(input.dimensions.dropFirst(2)), missing: 1)
        window.padBegin = padBegin + begin
        window.padEnd = padEnd + end
        let numbers = [window.padBegin, window.padEnd].flatMap { [$0.depth, $0.height, $0.width] }
        return numbers.allSatisfy { $0 <= Self.limit } ? window : nil
    }
}

extension Extent {
    fileprivate static func + (left: Extent, right: Extent) -> Extent {
        Extent(depth: left.depth + right.depth, height: left.height + right.height, width: left.width + right.width)
    }

    /// The last three numbers; those before the first are `missing`.
    fileprivate init(_ numbers: [Int], missing: Int) {
        let padded = Array(repeating: missing, count: max(3 - numbers.count, 0)) + numbers
        self.init(depth: padded[0], height: padded[1], width: padded[2])
    }
}
