import CNNInspection
import CNNModels
import CNNOperators
import CNNTensors
import Testing

/// Conv 3×3 of 3 to 8 channels with bias on 7×7 images, twice the same weights' worth of Relu behind it, then Reshape.
private func network(batch: DeclaredDimension = "N", reshape: [Int64] = [0, -1]) throws -> Model {
    let weights = try Tensor([Float](repeating: 1, count: 8 * 3 * 9), shape: Shape([8, 3, 3, 3]))
    let bias = try Tensor([Float](repeating: 0, count: 8))
    return Model(
        irVersion: 8, opsetImports: [OperatorSetID(version: 17)],
        graph: Graph(
            name: "network",
            nodes: [
                Node(
                    "Conv", name: "first", inputs: ["x", "w", "b"], outputs: ["c"],
                    attributes: [Attribute("strides", .ints([2, 2])), Attribute("pads", .ints([1, 1, 1, 1]))]),
                Node(
                    "Conv", name: "again", inputs: ["x", "w", "b"], outputs: ["d"],
                    attributes: [Attribute("strides", .ints([3, 3]))]),
                Node("Reshape", name: "flatten", inputs: ["c", "s"], outputs: ["y"]),
            ],
            initializers: [
                NamedTensor(name: "w", tensor: weights), NamedTensor(name: "b", tensor: bias),
                NamedTensor(name: "s", tensor: try Tensor(reshape)),
            ],
            inputs: [ValueInfo(name: "x", dataType: .float32, dimensions: [batch, 3, 7, 8])],
            outputs: [ValueInfo(name: "y", type: nil), ValueInfo(name: "d", type: nil)]))
}

private func table(_ model: Model) throws -> LayerTable {
    try LayerTable(BoundModel(model).infer())
}

@Suite struct LayerTableTests {
    @Test func sharedWeightsAreCountedOnce() throws {
        let table = try table(network())
        #expect(table.parameters == 8 * 3 * 9 + 8)
        #expect(table.layers.map(\.parameters) == [224, 0, 0])
        #expect(table.layers.map(\.sharesParameters) == [false, true, false])
    }

    @Test func multiplyAddsAreThoseOfOneSample() throws {
        let table = try table(network())
        // 3·3·3 taps for each of 8 channels, at 4×4 and 2×2 positions.
        #expect(table.multiplyAdds == Dimension(27 * 8 * (16 + 4)))
        #expect(table.batchSymbols == ["N"])
    }

    @Test func peakMemoryIsTheLargestLiveSet() throws {
        // Input 3·7·8; "c" is 8·4·4, "d" 8·2·2 and stays as an output; "y" is as large as "c".
        #expect(try table(network()).peakActivationBytes == 4 * max(168 + 128 + 32, 128 + 32 + 128))
    }

    @Test func receptiveFieldsFollowTheWindows() throws {
        #expect(try table(network()).layers.map(\.receptiveField) == ["3×3", "3×3", "all"])
    }

    @Test func whatBreaksUsersLaterIsWarnedOf() throws {
        let free = try table(network()).warnings
        // Of 8 columns, the first layer's windows leave one of padding unread, the second's two columns; 7 rows fit both.
        #expect(free.count == 2)
        #expect(
            free[0].contains("'first'")
                && free[0].contains("along axis 3, (8 + 2·1 − 1·(3−1) − 1)/2 + 1 leaves 1 of the padding"))
        #expect(
            free[1].contains("'again'")
                && free[1].contains("along axis 3, (8 + 2·0 − 1·(3−1) − 1)/3 + 1 leaves the last 2 of 8"))
        let fixed = try table(network(batch: 1, reshape: [1, 128])).warnings
        #expect(fixed.contains { $0.contains("fixes the batch at 1") })
    }

    @Test func textFitsTheWidthAsked() throws {
        let lines = try table(network()).text(title: "network", width: 100).split(separator: "\n")
        let body = lines.dropFirst().prefix { !$0.hasPrefix("input") }
        #expect(body.allSatisfy { $0.count <= 100 })
        #expect(lines.contains { $0.contains("first") && $0.contains("3×3 /2 p1") && $0.contains("224") })
    }
}
