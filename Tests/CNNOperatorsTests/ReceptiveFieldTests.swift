import CNNModels
import Testing

@testable import CNNOperators

@Suite("Receptive field")
struct ReceptiveFieldTests {
    /// Windows of kernel, stride and padding along one axis, one after the other.
    private func field(_ layers: [(kernel: Int, stride: Int, pad: Int)]) throws -> ReceptiveField.Span {
        var field = ReceptiveField.input(spatialRank: 1)
        for layer in layers {
            let geometry = try WindowGeometry(
                kernelShape: [layer.kernel], strides: [layer.stride], dilations: nil,
                padding: .explicit(begins: [layer.pad], ends: [layer.pad]))
            field = try #require(field.sliding(geometry, over: [nil]))
        }
        guard case .window(let spans) = field else { throw OperatorError("not a window") }
        return spans[0]
    }

    @Test("AlexNet, VGG-16 and ResNet-50 have the sizes that Araujo, Norris and Sim list")
    func publishedSizes() throws {
        let alexNet = [(11, 4, 0), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2, 0)]
        #expect(try field(alexNet) == ReceptiveField.Span(size: 195, jump: 32, start: -64))
        let vgg = [2, 2, 3, 3, 3].flatMap { Array(repeating: (3, 1, 1), count: $0) + [(2, 2, 0)] }
        #expect(try field(vgg).size == 212)
        #expect(try field(vgg).jump == 32)
        // As listed, a stage's last 3×3 has the stride; the 1×1 convolutions see nothing more.
        var resNet = [(7, 2, 3), (3, 2, 1)]
        for (stage, blocks) in [3, 4, 6, 3].enumerated() {
            for block in 1...blocks { resNet.append((3, stage < 3 && block == blocks ? 2 : 1, 1)) }
        }
        #expect(try field(resNet) == ReceptiveField.Span(size: 483, jump: 32, start: -241))
    }

    @Test("Span, jump and start are those found by following every tap back to the input")
    func followedTaps() throws {
        let layers = [
            (3, 2, 2, 1), (2, 1, 1, 0), (3, 1, 2, 3), (1, 3, 1, 0), (4, 2, 1, 2),
        ]
        // By element: the lowest and highest position of the input that it depends on, padding counted on.
        var spans = (-400...400).map { $0...$0 }
        var origin = 400
        var field = ReceptiveField.input(spatialRank: 1)
        for (kernel, stride, dilation, pad) in layers {
            let geometry = try WindowGeometry(
                kernelShape: [kernel], strides: [stride], dilations: [dilation], padding: .explicit(begins: [pad], ends: [pad]))
            field = try #require(field.sliding(geometry, over: [nil]))
            // Output 0 starts `pad` before input 0; outputs as far back as taps exist are kept.
            let first = -((origin - pad) / stride)
            let last = (spans.count - 1 - origin + pad - dilation * (kernel - 1)) / stride
            spans = (first...last).map { output in
                let taps = (0..<kernel).map { spans[origin + output * stride - pad + $0 * dilation] }
                return (taps.map(\.lowerBound).min() ?? 0)...(taps.map(\.upperBound).max() ?? 0)
            }
            origin = -first
        }
        guard case .window(let found) = field else { return #expect(Bool(false)) }
        #expect(found[0].start == spans[origin].lowerBound)
        #expect(found[0].size == spans[origin].count)
        #expect(found[0].jump == spans[origin + 1].lowerBound - spans[origin].lowerBound)
    }

    @Test("Where paths join, what either sees counts; spans that move differently have no common one")
    func joins() throws {
        func span(_ size: Int, _ jump: Int, _ start: Int?) -> ReceptiveField {
            .window([ReceptiveField.Span(size: size, jump: jump, start: start)])
        }
        #expect(span(3, 2, -1).joined(with: span(5, 2, -2)) == span(5, 2, -2))
        #expect(span(3, 2, -3).joined(with: span(3, 2, 0)) == span(6, 2, -3))
        #expect(span(3, 2, nil).joined(with: span(5, 2, 0)) == span(5, 2, nil))
        #expect(span(3, 2, 0).joined(with: span(3, 4, 0)) == nil)
        #expect(span(3, 2, 0).joined(with: .whole) == .whole)
    }

    @Test("The padding of SAME is known only with the input's size")
    func samePadding() throws {
        let geometry = try WindowGeometry(kernelShape: [3], strides: [2], dilations: nil, padding: .sameUpper)
        let input = ReceptiveField.input(spatialRank: 1)
        #expect(input.sliding(geometry, over: [nil]) == .window([ReceptiveField.Span(size: 3, jump: 2, start: nil)]))
        #expect(input.sliding(geometry, over: [7]) == .window([ReceptiveField.Span(size: 3, jump: 2, start: -1)]))
        #expect(input.sliding(geometry, over: [8]) == .window([ReceptiveField.Span(size: 3, jump: 2, start: 0)]))
        #expect(input.sliding(geometry, over: [7, 7]) == nil)
    }
}
