import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

/// One axis of a window, with everything that decides how many windows there are.
private struct AxisCase {
    var input: Int
    var kernel: Int
    var stride: Int
    var dilation: Int
    var padding: WindowGeometry.Padding
    var ceilMode = false

    func geometry() throws -> WindowGeometry {
        try WindowGeometry(
            kernelShape: [kernel], strides: [stride], dilations: [dilation], padding: padding, ceilMode: ceilMode)
    }

    /// Every combination of small numbers; for explicit padding also every combination of begin and end.
    static func all(_ body: (AxisCase) throws -> Void) rethrows {
        for input in 0...7 {
            for kernel in 1...4 {
                for stride in 1...4 {
                    for dilation in 1...3 {
                        func visit(_ padding: WindowGeometry.Padding, ceilMode: Bool = false) throws {
                            try body(
                                AxisCase(
                                    input: input, kernel: kernel, stride: stride, dilation: dilation, padding: padding,
                                    ceilMode: ceilMode))
                        }
                        for padding in [WindowGeometry.Padding.valid, .sameUpper, .sameLower] { try visit(padding) }
                        for (begin, end) in (0...3).flatMap({ begin in (0...4).map { (begin, $0) } }) {
                            try visit(.explicit(begins: [begin], ends: [end]))
                            try visit(.explicit(begins: [begin], ends: [end]), ceilMode: true)
                        }
                    }
                }
            }
        }
    }
}

@Suite("Window geometry")
struct WindowGeometryTests {
    @Test("The formula gives as many windows as are counted by sliding one along")
    func countedWindows() throws {
        var checked = 0
        try AxisCase.all { axis in
            let extent = axis.dilation * (axis.kernel - 1) + 1
            let counted: Int
            switch axis.padding {
            case .sameUpper, .sameLower:
                counted = (0..<axis.input).count { $0 % axis.stride == 0 }
            case .valid, .explicit:
                var (begin, end) = (0, 0)
                if case .explicit(let begins, let ends) = axis.padding { (begin, end) = (begins[0], ends[0]) }
                let padded = begin + axis.input + end
                var starts = stride(from: 0, through: padded, by: axis.stride).filter { $0 + extent <= padded }
                if axis.ceilMode {
                    // One more window, partly filled, unless the whole ones end exactly where the padded input does.
                    let next = starts.last.map { $0 + axis.stride } ?? 0
                    if (starts.last.map { $0 + extent } ?? 0) < padded, extent - padded < axis.stride || !starts.isEmpty {
                        starts.append(next)
                    }
                    if let last = starts.last, last >= begin + axis.input { starts.removeLast() }
                }
                counted = starts.count
            }
            let geometry = try axis.geometry()
            if counted == 0, axis.input > 0 {
                #expect(throws: OperatorError.self) { try geometry.outputSize(axis.input, axis: 0) }
            } else if axis.input > 0 {
                #expect(try geometry.outputSize(axis.input, axis: 0) == counted, "\(axis)")
            }
            checked += 1
        }
        #expect(checked == 8 * 4 * 4 * 3 * (3 + 2 * 4 * 5))
    }

    @Test("Substituting a number into the formula for a named size gives the number's own result")
    func namedSizes() throws {
        try AxisCase.all { axis in
            let geometry = try axis.geometry()
            guard let size = try? geometry.outputSize(axis.input, axis: 0) else { return }
            let symbolic = try geometry.outputSize(.symbol("n"), axis: 0)
            #expect(try symbolic.substituting(["n": Dimension(axis.input)]) == Dimension(size), "\(axis)")
        }
    }

    @Test("Padding of the SAME modes covers the last window, and the odd position lies where the name says")
    func samePadding() throws {
        try AxisCase.all { axis in
            guard axis.padding == .sameUpper || axis.padding == .sameLower, axis.input > 0 else { return }
            let geometry = try axis.geometry()
            let (begin, end) = try geometry.pads(axis.input, axis: 0)
            let reached =
                (try geometry.outputSize(axis.input, axis: 0) - 1) * axis.stride + axis.dilation * (axis.kernel - 1) + 1
            #expect(begin + axis.input + end == max(reached, axis.input), "\(axis)")
            #expect(axis.padding == .sameUpper ? end - begin == 0 || end - begin == 1 : begin - end == 0 || begin - end == 1)
        }
    }

    @Test("The taps of every window are those found by trying each kernel position")
    func tapsByTrial() throws {
        try AxisCase.all { axis in
            let geometry = try axis.geometry()
            guard let taps = try? WindowTaps(geometry, inputSizes: [axis.input]) else { return }
            let (begin, end) = try geometry.pads(axis.input, axis: 0)
            taps.forEachWindow { window, indices, found in
                let positions = (0..<axis.kernel).map { (tap: $0, input: window * axis.stride - begin + $0 * axis.dilation) }
                let expected = positions.filter { 0..<axis.input ~= $0.input }.map {
                    WindowTap(kernel: $0.tap, input: $0.input)
                }
                #expect(Array(found) == expected, "\(axis) window \(window)")
                #expect(indices == [window])
                let padded = positions.count { -begin..<axis.input + end ~= $0.input }
                #expect(taps.paddedTapCount(window, axis: 0) == padded, "\(axis) window \(window)")
            }
        }
    }

    @Test("Taps over two axes combine those of each, row-major")
    func tapsOverTwoAxes() throws {
        let geometry = try WindowGeometry(
            kernelShape: [3, 2], strides: [1, 2], dilations: [2, 1], padding: .explicit(begins: [1, 0], ends: [2, 1]))
        let taps = try WindowTaps(geometry, inputSizes: [4, 5])
        #expect(taps.outputSizes == [3, 3])
        var visited: [[Int]] = []
        taps.forEachWindow { _, indices, found in
            visited.append(indices)
            var expected: [WindowTap] = []
            for row in 0..<3 {
                for column in 0..<2 {
                    let (y, x) = (indices[0] - 1 + 2 * row, 2 * indices[1] + column)
                    guard 0..<4 ~= y, 0..<5 ~= x else { continue }
                    expected.append(WindowTap(kernel: row * 2 + column, input: y * 5 + x))
                }
            }
            #expect(Array(found) == expected)
        }
        #expect(visited == (0..<3).flatMap { row in (0..<3).map { [row, $0] } })
    }

    @Test("A window that leaves positions unread is remarked, with the arithmetic")
    func remark() throws {
        let geometry = try WindowGeometry(
            kernelShape: [3], strides: [3], dilations: nil, padding: .explicit(begins: [0], ends: [0]))
        let fact = try geometry.outputFact(input: SymbolicShape([1, 1, 7]), channels: 1)
        #expect(fact.shape == SymbolicShape([1, 1, 2]))
        #expect(fact.formulas[2] == "(7 + 2·0 − 1·(3−1) − 1)/3 + 1")
        #expect(fact.remarks.count == 1 && fact.remarks[0].contains("the last 1 of 7"))
    }

    @Test("Numbers that make no window are refused with the attribute's name")
    func refusals() throws {
        #expect { try WindowGeometry(kernelShape: [0], strides: nil, dilations: nil, padding: .valid) } throws: {
            ($0 as? OperatorError)?.subject == "kernel_shape"
        }
        #expect { try WindowGeometry(kernelShape: [3], strides: [0], dilations: nil, padding: .valid) } throws: {
            ($0 as? OperatorError)?.subject == "strides"
        }
        #expect { try WindowGeometry(kernelShape: [3], strides: [1, 1], dilations: nil, padding: .valid) } throws: {
            ($0 as? OperatorError)?.subject == "strides"
        }
        #expect {
            try WindowGeometry(
                kernelShape: [3], strides: nil, dilations: nil, padding: .explicit(begins: [-1], ends: [0]))
        } throws: {
            ($0 as? OperatorError)?.subject == "pads"
        }
        #expect(throws: DimensionError.overflow) {
            try WindowGeometry(kernelShape: [3], strides: nil, dilations: [Int.max / 2 + 1], padding: .valid)
        }
        let huge = try WindowGeometry(
            kernelShape: [1], strides: nil, dilations: nil, padding: .explicit(begins: [Int.max], ends: [Int.max]))
        #expect(throws: DimensionError.overflow) { try huge.outputSize(1, axis: 0) }
    }
}
