import CNNModels
import CNNTensors
import Foundation
import ONNXFormat
import Testing

/// Opening and replacing files on a disk where anything may lie.
@Suite struct FileTests {
    @Test func whatIsNoFileIsNamed() throws {
        let folder = try TemporaryFolder()
        try folder.folder("folder")
        try folder.write([], to: "empty")
        #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
        func reason(_ path: String) throws -> FileError.Reason {
            try #require(throws: FileError.self) { try ONNXReader.model(at: path) }.reason
        }
        #expect(try reason(folder.path("absent")) == .notFound)
        #expect(try reason(folder.path("folder")) == .isDirectory)
        #expect(try reason(folder.path("empty")) == .empty)
        #expect(try reason(folder.path("pipe")) == .notRegular(kind: "a FIFO"))
        #expect(try reason("/dev/null") == .notRegular(kind: "a device"))
        #expect(try reason(folder.path("absent\0/../empty")) == .notFound)
    }

    @Test func aFileIsReplacedWholeWithItsMode() throws {
        let folder = try TemporaryFolder()
        try folder.write([1], to: "f")
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: folder.path("f"))
        let old = try MappedFile(path: folder.path("f"))
        try AtomicFile.write([2, 3], to: folder.path("f"))
        #expect(try folder.bytes("f") == [2, 3])
        #expect(Array(old.bytes) == [1])
        let mode = try FileManager.default.attributesOfItem(atPath: folder.path("f"))[.posixPermissions] as? Int
        #expect(mode == 0o640)
        #expect(folder.names == ["f"])
    }

    @Test func manySmallAndLargeBlocksArriveInOrder() throws {
        let folder = try TemporaryFolder()
        var expected: [UInt8] = []
        try AtomicFile.write(to: folder.path("f")) { writer in
            for size in [1, 65_535, 65_536, 65_537, 0, 3, 200_000, 7] {
                let block = [UInt8](repeating: UInt8(size % 251), count: size)
                try writer.write(block)
                expected += block
            }
            #expect(writer.count == expected.count)
        }
        #expect(try folder.bytes("f") == expected)
    }

    @Test(arguments: [true, false]) func aPreparedFileTakesItsPlaceOrLeavesNothing(usingUnnamedFile: Bool) throws {
        let folder = try TemporaryFolder()
        for content in [[1], [2, 3]] as [[UInt8]] {
            let before = try? folder.bytes("f")
            for isWanted in [false, true] {
                let file = try PreparedFile(folder.path("f"), usingUnnamedFile: usingUnnamedFile)
                try file.write { try $0.write(content) }
                #expect((try? folder.bytes("f")) == before)
                if isWanted { try file.takePlace() }
            }
            #expect(try folder.bytes("f") == content)
            #expect(folder.names == ["f"])
        }
    }

    @Test func onlyItsOwnerSeesANewVersionOfAFileUntilItHasTheOldOnesMode() throws {
        let folder = try TemporaryFolder()
        try folder.write([1], to: "f")
        func mode(_ name: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: folder.path(name))[.posixPermissions] as? Int
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o604], ofItemAtPath: folder.path("f"))
        let file = try PreparedFile(folder.path("f"), usingUnnamedFile: false)
        let temporary = try #require(folder.names.first { $0 != "f" })
        #expect(try mode(temporary) == 0o600)
        try file.write { try $0.write([2]) }
        #expect(try mode(temporary) == 0o604)
    }

    /// Old bits, whether owner and group are the old ones, new bits: nobody may do more than before.
    @Test(
        arguments: [
            (0o6755, true, true, 0o6755), (0o6755, false, true, 0o755), (0o2775, true, false, 0o755),
            (0o640, true, false, 0o600), (0o664, false, false, 0o644), (0o604, true, false, 0o600),
            (0o660, false, true, 0o660), (0o1777, false, false, 0o1777),
        ] as [(UInt32, Bool, Bool, UInt32)])
    func aFileOfAnotherOwnerOrGroupIsOpenToNobodyElse(bits: UInt32, owner: Bool, group: Bool, expected: UInt32) {
        let result = FileDescriptor.permissions(mode_t(bits), keepingOwner: owner, group: group)
        #expect(UInt32(result) == expected)
    }

    @Test(.enabled("the superuser may read any folder") { geteuid() != 0 })
    func aFolderThatCannotBeReadIsAnErrorBeforeTheFileIsReplaced() throws {
        let folder = try TemporaryFolder()
        try folder.folder("sub")
        try folder.write([1], to: "sub/f")
        try FileManager.default.setAttributes([.posixPermissions: 0o300], ofItemAtPath: folder.path("sub"))
        defer { try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.path("sub")) }
        let error = FileError(path: folder.path("sub"), reason: .system(operation: "open", code: EACCES))
        #expect(throws: error) { try AtomicFile.write([2], to: folder.path("sub/f")) }
        #expect(try folder.bytes("sub/f") == [1])
    }

    @Test func aPathEndsItsFoldersWhereTheSystemSeesThemEnd() {
        // With the accent behind it, '/' is another character for Swift.
        let path = "a/\u{301}b/\u{301}c"
        #expect(FilePath.folder(of: path).utf8.elementsEqual("a/\u{301}b".utf8))
        #expect(FilePath.name(of: path).utf8.elementsEqual("\u{301}c".utf8))
        #expect(FilePath.neighbour(of: path, named: "d").utf8.elementsEqual("a/\u{301}b/d".utf8))
        #expect(FilePath.components(of: path).map { Array($0.utf8) } == ["a", "\u{301}b", "\u{301}c"].map { Array($0.utf8) })
        #expect(FilePath.isAbsolute("/\u{301}a"))
        #expect(FilePath.folder(of: "a") == ".")
        #expect(FilePath.folder(of: "/a") == "/")
    }

    @Test(arguments: ["", ".", "..", "sub/f", "../f", "..\u{2F}\u{301}f", "f\0"])
    func whatIsNoNameOfAnEntryIsNotOpened(name: String) throws {
        let folder = try TemporaryFolder()
        try folder.folder("inner/sub")
        for path in ["f", "\u{301}f", "inner/f", "inner/sub/f"] { try folder.write([1], to: path) }
        #expect(throws: FileError.self) {
            _ = try FileDescriptor.openFolder(folder.path("inner")).open(entry: name, folder: name.isEmpty, path: name)
        }
        #expect(throws: Never.self) {
            _ = try FileDescriptor.openFolder(folder.path("inner")).open(entry: "f", folder: false, path: "f")
        }
    }

    @Test(arguments: [true, false]) func aFailureLeavesTheOldFileAndNothingElse(usingUnnamedFile: Bool) throws {
        struct Failure: Error {}
        let folder = try TemporaryFolder()
        try folder.write([1, 2, 3], to: "f")
        for name in ["f", "new"] {
            #expect(throws: Failure.self) {
                try PreparedFile(folder.path(name), usingUnnamedFile: usingUnnamedFile).write { writer in
                    try writer.write([UInt8](repeating: 9, count: 100_000))
                    throw Failure()
                }
            }
        }
        #expect(try folder.bytes("f") == [1, 2, 3])
        #expect(folder.names == ["f"])
    }

    @Test func aLinkIsFollowedAndStays() throws {
        let folder = try TemporaryFolder()
        try folder.folder("sub")
        try folder.write([1], to: "sub/f")
        try folder.link("link", to: "sub/f")
        try folder.link("dangling", to: "sub/new")
        try AtomicFile.write([2], to: folder.path("link"))
        try AtomicFile.write([3], to: folder.path("dangling"))
        #expect(try folder.bytes("sub/f") == [2])
        #expect(try folder.bytes("sub/new") == [3])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.path("link")) == "sub/f")
        try folder.link("circle", to: "circle")
        #expect(throws: FileError(path: folder.path("circle"), reason: .tooManyLinks)) {
            try AtomicFile.write([2], to: folder.path("circle"))
        }
    }

    @Test func whatIsNoFileIsNotReplaced() throws {
        let folder = try TemporaryFolder()
        #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
        try folder.write([1], to: "f")
        func reason(_ path: String) throws -> FileError.Reason {
            try #require(throws: FileError.self) { try AtomicFile.write([1], to: path) }.reason
        }
        #expect(try reason(folder.path("pipe")) == .notRegular(kind: "a FIFO"))
        #expect(try reason("/dev/null") == .notRegular(kind: "a device"))
        #expect(try reason(folder.root) == .isDirectory)
        #expect(try reason(folder.path("absent/f")) == .notFound)
        #expect(try reason(folder.path("f/g")) == .notFolder)
        #expect(try reason("") == .notFound)
        #expect(folder.names == ["f", "pipe"])
    }

    @Test func aFullDiskLeavesTheOldFile() throws {
        // Where no file system can be mounted there is nothing to test.
        guard let disk = try SmallDisk() else { return }
        try disk.folder.write([1, 2, 3], to: "disk/f")
        let error = try #require(throws: FileError.self) {
            try AtomicFile.write([UInt8](repeating: 0, count: 2 << 20), to: disk.folder.path("disk/f"))
        }
        #expect(error == FileError(path: disk.folder.path("disk/f"), reason: .system(operation: "write", code: ENOSPC)))
        #expect(try disk.folder.bytes("disk/f") == [1, 2, 3])
    }

    /// The data leaves less room on the disk than the model takes: neither may be replaced without the other.
    @Test func aFullDiskLeavesTheOldModelWithItsOldData() throws {
        guard let disk = try SmallDisk() else { return }
        let path = disk.folder.path("disk/m.onnx")
        func write(_ documentation: Int, _ weights: Int) throws {
            let initializer = NamedTensor(name: "w", tensor: try Tensor([UInt8](repeating: 7, count: weights)))
            let graph = Graph(
                name: "g", initializers: [initializer], documentation: String(repeating: "d", count: documentation))
            try ONNXWriter.write(
                Model(irVersion: 8, opsetImports: [OperatorSetID(version: 17)], graph: graph), to: path,
                options: ONNXWriter.Options(externalDataThreshold: 1))
        }
        try write(0, 4_000)
        let (model, data) = (try disk.folder.bytes("disk/m.onnx"), try disk.folder.bytes("disk/m.onnx.data"))
        #expect(throws: FileError.self) { try write(60_000, 1_000_000) }
        #expect(try disk.folder.bytes("disk/m.onnx") == model)
        #expect(try disk.folder.bytes("disk/m.onnx.data") == data)
    }
}

/// A file system that holds a megabyte, mounted as `disk` in a folder of its own.
private final class SmallDisk {
    let folder: TemporaryFolder

    /// Nil where none can be mounted.
    init?() throws {
        folder = try TemporaryFolder()
        try folder.folder("disk")
        guard try Self.run("/bin/mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder.path("disk")) else { return nil }
    }

    deinit { _ = try? Self.run("/bin/umount", folder.path("disk")) }

    private static func run(_ program: String, _ arguments: String...) throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
