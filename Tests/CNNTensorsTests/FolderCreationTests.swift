import Testing

@testable import CNNTensors

@Suite("Making folders")
struct FolderCreationTests {
    @Test(
        "all that is missing on the way is made, and what is there is no error",
        arguments: ["a", "a/b/c", "a//b/", "./a/../b"])
    func creation(_ name: String) throws {
        let folder = try TemporaryFolder()
        for _ in 0..<2 { try FileDescriptor.createFolder(at: folder.file(name)) }
        #expect(try FileDescriptor.status(of: folder.file(name), followingLinks: false)?.isDirectory == true)
    }

    @Test("a file on the way is an error that names it", arguments: ["f", "f/a", "f/a/b"])
    func fileInTheWay(_ name: String) throws {
        let folder = try TemporaryFolder()
        let file = try folder.file("f", [1])
        #expect(throws: FileError(path: file, reason: .notFolder)) { try FileDescriptor.createFolder(at: folder.file(name)) }
        #expect(try contents(file) == [1])
    }
}
