import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("DepthToSpace and SpaceToDepth")
struct DepthToSpaceTests {
    private func run(_ type: String, _ input: Tensor, block: Int64, mode: String? = nil, opset: Int) throws -> Tensor {
        let attributes =
            [Attribute("blocksize", .int(block))] + (mode.map { [Attribute("mode", .string($0))] } ?? [])
        return try evaluate(type, opset: opset, [input], attributes: attributes)[0]
    }

    @Test("Four channels of one pixel, in both modes")
    func modes() throws {
        // Eight channels of one pixel make two planes of 2×2.
        let input = try Tensor.counting(1, 8, 1, 1)
        #expect(try run("DepthToSpace", input, block: 2, opset: 1).doubles() == [0, 2, 4, 6, 1, 3, 5, 7])
        #expect(try run("DepthToSpace", input, block: 2, mode: "DCR", opset: 11).doubles() == [0, 2, 4, 6, 1, 3, 5, 7])
        #expect(try run("DepthToSpace", input, block: 2, mode: "CRD", opset: 13).doubles() == [0, 1, 2, 3, 4, 5, 6, 7])
    }

    @Test("SpaceToDepth undoes DepthToSpace", arguments: ["DCR", "CRD"])
    func roundTrip(mode: String) throws {
        let depth = try Tensor.counting(2, 18, 2, 1)
        let space = try run("DepthToSpace", depth, block: 3, mode: mode, opset: 28)
        #expect(space.shape.dimensions == [2, 2, 6, 3])
        #expect(try run("SpaceToDepth", space, block: 3, mode: mode, opset: 28) == depth)
        if mode == "DCR" { #expect(try run("SpaceToDepth", space, block: 3, opset: 1) == depth) }
    }

    @Test("Sizes that do not divide, wrong ranks and block sizes are errors")
    func misfits() throws {
        #expect(throws: OperatorError.self) { try run("DepthToSpace", .counting(1, 6, 1, 1), block: 2, opset: 13) }
        #expect(throws: OperatorError.self) { try run("SpaceToDepth", .counting(1, 1, 3, 2), block: 2, opset: 13) }
        #expect(throws: OperatorError.self) { try run("SpaceToDepth", .counting(1, 2, 2), block: 2, opset: 13) }
        #expect(throws: OperatorError.self) { try run("SpaceToDepth", .counting(1, 1, 2, 2), block: 0, opset: 13) }
        #expect(throws: (any Error).self) { try run("SpaceToDepth", .counting(1, 1, 0, 0), block: .max, opset: 13) }
        #expect(throws: OperatorError.self) {
            try run("SpaceToDepth", .counting(1, 1, 2, 2), block: 2, mode: "DCR", opset: 13)
        }
    }

    @Test("Named planes grow and shrink")
    func named() throws {
        let block = [Attribute("blocksize", .int(2))]
        let input = ValueFact.float(.symbol("N"), 12, .symbol("H"), .symbol("W"))
        #expect(try inferredShapes("DepthToSpace", opset: 13, [input], attributes: block) == ["[N, 3, 2*H, 2*W]"])
        #expect(
            try inferredShapes("SpaceToDepth", opset: 13, [input], attributes: block)
                == ["[N, 48, floor(H/2), floor(W/2)]"])
    }
}
