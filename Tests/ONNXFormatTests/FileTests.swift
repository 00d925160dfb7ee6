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

    @Test func withoutUnnamedFilesItIsTheSame() throws {
        let folder = try TemporaryFolder()
        for content in [[1], [2, 3]] as [[UInt8]] {
            try AtomicFile.write(to: folder.path("f"), usingUnnamedFile: false) { try $0.write(content) }
            #expect(try folder.bytes("f") == content)
            #expect(folder.names == ["f"])
        }
    }

    @Test(arguments: [true, false]) func aFailureLeavesTheOldFileAndNothingElse(usingUnnamedFile: Bool) throws {
        struct Failure: Error {}
        let folder = try TemporaryFolder()
        try folder.write([1, 2, 3], to: "f")
        for name in ["f", "new"] {
            #expect(throws: Failure.self) {
                try AtomicFile.write(to: folder.path(name), usingUnnamedFile: usingUnnamedFile) { writer in
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
        // A file system that holds a megabyte; where none can be mounted there is nothing to test.
        let folder = try TemporaryFolder()
        try folder.folder("disk")
        let mount = Process()
        mount.executableURL = URL(fileURLWithPath: "/bin/mount")
        mount.arguments = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder.path("disk")]
        mount.standardError = FileHandle.nullDevice
        guard (try? mount.run()) != nil else { return }
        mount.waitUntilExit()
        guard mount.terminationStatus == 0 else { return }
        defer {
            let unmount = Process()
            unmount.executableURL = URL(fileURLWithPath: "/bin/umount")
            unmount.arguments = [folder.path("disk")]
            try? unmount.run()
            unmount.waitUntilExit()
        }
        try folder.write([1, 2, 3], to: "disk/f")
        let error = try #require(throws: FileError.self) {
            try AtomicFile.write([UInt8](repeating: 0, count: 2 << 20), to: folder.path("disk/f"))
        }
        #expect(error == FileError(path: folder.path("disk/f"), reason: .system(operation: "write", code: ENOSPC)))
        #expect(try folder.bytes("disk/f") == [1, 2, 3])
    }
}
