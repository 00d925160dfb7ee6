import CNNTensors
import Foundation
import Testing

@testable import OnnxcnnTool

@Suite("What is not overwritten unless '--force' asks for it")
struct OverwritingTests {
    /// A folder with `sub/model.onnx` and the archive made of it, in another folder.
    private func importedFolder() throws -> ModelFolder {
        let folder = try ModelFolder("sub/model.onnx")
        let archive = folder.path("model.safetensors")
        #expect(exitCode(of: ["import", folder.path("sub/model.onnx"), "-o", archive, "--quiet"]) == 0)
        return folder
    }

    private func export(_ model: String, in folder: ModelFolder, _ options: String...) -> Int32 {
        exitCode(of: ["export", folder.path(model), "--quiet"] + options)
    }

    @Test("the imported file is recognised in any folder and under another name")
    func importedFile() throws {
        let folder = try importedFolder()
        let original = try folder.bytes("sub/model.onnx")
        try folder.write(ModelFolder.model(adding: 2), to: "sub/other.onnx")
        for name in ["sub/model.onnx", "sub/moved.onnx"] {
            if name != "sub/model.onnx" { try folder.move("sub/model.onnx", to: name) }
            for change in [["--batch", "4"], ["--external-data", "0"]] {
                let arguments = ["export", folder.path("model.safetensors"), "--quiet", "-o", folder.path(name)]
                #expect(exitCode(of: arguments + change) == 2)
                #expect(try folder.bytes(name) == original)
            }
        }
        #expect(export("model.safetensors", in: folder, "--batch", "4", "-o", folder.path("sub/other.onnx")) == 0)
        let forced = export("model.safetensors", in: folder, "--batch", "4", "--force", "-o", folder.path("sub/moved.onnx"))
        #expect(forced == 0)
        #expect(try folder.bytes("sub/moved.onnx") == folder.bytes("sub/other.onnx"))
    }

    @Test("an export, though equal to the imported file, is written again")
    func formerExport() throws {
        let folder = try importedFolder()
        for _ in 0..<2 { #expect(export("model.safetensors", in: folder, "-o", folder.path("out.onnx")) == 0) }
        #expect(try folder.bytes("out.onnx") == folder.bytes("sub/model.onnx"))
    }

    @Test("a test case does not replace the model that it is made of")
    func testCase() throws {
        let folder = try ModelFolder()
        let original = try folder.bytes("model.onnx")
        let input = ["--input", folder.path("input.npy")]
        #expect(exitCode(of: ["export", folder.path("model.onnx"), "--batch", "3", "--cases", folder.root] + input) == 2)
        #expect(try folder.bytes("model.onnx") == original)
        #expect(!FilePath.exists(folder.path("test_data_set_0")))
        let elsewhere = ["--cases", folder.path("a/b"), "--quiet"]
        for _ in 0..<2 { #expect(exitCode(of: ["export", folder.path("model.onnx")] + elsewhere + input) == 0) }
        #expect(FilePath.exists(folder.path("a/b/test_data_set_0/output_0.pb")))
    }

    @Test("weights go into a file beside the output only if that is free, or the former output's own")
    func externalData() throws {
        let folder = try ModelFolder()
        try Data("mine".utf8).write(to: URL(fileURLWithPath: folder.path("z.onnx.data")))
        let options = ["-o", folder.path("z.onnx"), "--external-data", "0", "--quiet"]
        #expect(exitCode(of: ["export", folder.path("model.onnx")] + options) == 2)
        #expect(try folder.bytes("z.onnx.data") == Data("mine".utf8))
        #expect(!FilePath.exists(folder.path("z.onnx")))
        // A model without weights of its own beside it does not make them its own.
        #expect(export("model.onnx", in: folder, "-o", folder.path("z.onnx")) == 0)
        #expect(exitCode(of: ["export", folder.path("model.onnx")] + options) == 2)
        #expect(exitCode(of: ["export", folder.path("model.onnx"), "--force"] + options) == 0)
        #expect(exitCode(of: ["export", folder.path("model.onnx")] + options) == 0)
        #expect(try folder.bytes("z.onnx.data").count == 8)
    }

    @Test("a file where a test case's folder should be is named, and stays")
    func fileInPlaceOfFolder() throws {
        let folder = try ModelFolder()
        let file = folder.path("input.npy")
        let before = try folder.bytes("input.npy")
        let arguments = ["export", folder.path("model.onnx"), "--quiet", "--input", file, "--cases", file]
        #expect(exitCode(of: arguments) == 2)
        #expect(try folder.bytes("input.npy") == before)
    }
}
