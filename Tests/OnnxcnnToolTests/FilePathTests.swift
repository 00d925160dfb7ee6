import CNNTensors
import Testing

@testable import OnnxcnnTool

@Suite("Paths")
struct FilePathTests {
    @Test(
        "a sibling lies in the same folder, however short the path is",
        arguments: zip(
            ["m", "é", "/m", "a/m", "./m", "a//m", "a/", "", "model.onnx", "a/\u{301}m"],
            ["x", "x", "/x", "a/x", "./x", "a//x", "a/x", "x", "x", "a/x"]))
    func sibling(of path: String, _ expected: String) {
        #expect(FilePath.sibling("x", of: path).map { Array($0.utf8) } == Array(expected.utf8))
    }

    @Test("nothing lies beside stdin")
    func standardInput() {
        #expect(FilePath.sibling("input.npy", of: "-") == nil)
    }

    @Test(
        "the stem is the name without folder and last extension",
        arguments: zip(
            ["m", "a/m.onnx", "m.tar.gz", ".onnx", "a.b/m", "m.", "a/"], ["m", "m", "m.tar", ".onnx", "m", "m", ""]))
    func stem(of path: String, _ expected: String) {
        #expect(FilePath.stem(of: path) == expected)
    }

    @Test("two paths of one file lead to the same file, an equal copy is another")
    func identity() throws {
        let folder = try ModelFolder()
        try folder.write(ModelFolder.model(), to: "copy.onnx")
        #expect(FilePath.areSameFile(folder.path("model.onnx"), folder.path("./model.onnx")))
        #expect(!FilePath.areSameFile(folder.path("model.onnx"), folder.path("copy.onnx")))
        #expect(!FilePath.areSameFile(folder.path("missing"), folder.path("missing")))
    }
}
