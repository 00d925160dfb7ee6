#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// An open file that closes itself. Everything this package asks of the operating system about files is asked here, so that
/// the platforms differ in one place.
package struct FileDescriptor: ~Copyable {
    /// The system's number of the open file.
    package let number: Int32
    /// The path under which the caller knows the file; it goes into errors.
    package let path: String
    private let closes: Bool

    private init(number: Int32, path: String, closes: Bool = true) {
        self.number = number
        self.path = path
        self.closes = closes
    }

    deinit {
        if closes { close(number) }
    }

    /// What `fstat` tells of an open file, or `stat` of a path.
    package struct Status {
        /// Length in bytes.
        package let size: Int
        /// Type and permission bits.
        package let mode: mode_t
        /// How many names the file has.
        package let links: Int
        package let owner: uid_t
        package let group: gid_t
        package let identity: Identity

        /// What tells a file from every other, whatever path it was opened by.
        package struct Identity: Hashable {
            let device: dev_t
            let node: ino_t
        }

        fileprivate init(_ raw: stat) {
            identity = Identity(device: raw.st_dev, node: raw.st_ino)
            size = Int(raw.st_size)
            mode = raw.st_mode
            links = Int(raw.st_nlink)
            owner = raw.st_uid
            group = raw.st_gid
        }

        package var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
        package var permissions: mode_t { mode & 0o7777 }

        /// Why a file of this kind is no place for data, or nil for a regular file.
        package var refusal: FileError.Reason? {
            switch mode & S_IFMT {
            case S_IFREG: nil
            case S_IFDIR: .isDirectory
            case S_IFIFO: .notRegular(kind: "a FIFO")
            case S_IFSOCK: .notRegular(kind: "a socket")
            case S_IFCHR, S_IFBLK: .notRegular(kind: "a device")
            case S_IFLNK: .notRegular(kind: "a symbolic link")
            default: .notRegular(kind: "a special file")
            }
        }
    }

    // MARK: Opening

    /// The process's standard input, which is not closed.
    package static var standardInput: FileDescriptor { FileDescriptor(number: 0, path: "standard input", closes: false) }

    /// The process's standard output, which is not closed.
    package static var standardOutput: FileDescriptor { FileDescriptor(number: 1, path: "standard output", closes: false) }

    /// Opens the regular file at `path`; symbolic links on the way are followed, for the user named it.
    /// - Throws: `FileError` when it is missing, not a regular file, or refused by the system.
    package static func openForReading(_ path: String) throws -> FileDescriptor {
        // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever, before fstat could say that it is one.
        let file = try checked(path, opening: path) { Self.openFile(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0) }
        if let refusal = try file.status().refusal { throw FileError(path: path, reason: refusal) }
        return file
    }

    /// Opens the folder at `path`, following links.
    /// - Throws: `FileError` when it is missing, no folder, or refused by the system.
    package static func openFolder(_ path: String) throws -> FileDescriptor {
        do {
            return try checked(path, opening: path) { Self.openFile(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        } catch let error as FileError where error.reason == .system(operation: "open", code: ENOTDIR) {
            throw FileError(path: path, reason: .notFolder)
        }
    }

    /// Opens one entry of this folder without following a link.
    /// - Throws: `FileError` when the entry is missing or a link, or when `name` would lead elsewhere than to an entry.
    package func open(entry name: String, folder: Bool, path: String) throws -> FileDescriptor {
        guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(UInt8(ascii: "/")) else {
            throw FileError(path: path, reason: .leavesFolder(rule: "'\(name)' is no name of an entry of a folder"))
        }
        let kind = folder ? O_DIRECTORY : O_NONBLOCK
        do {
            return try Self.checked(path, opening: name) { openat(number, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | kind) }
        } catch let error as FileError {
            switch error.reason {
            case .system(_, ELOOP): throw FileError(path: path, reason: .notRegular(kind: "a symbolic link"))
            case .system(_, ENOTDIR): throw FileError(path: path, reason: .notFolder)
            default: throw error
            }
        }
    }

    /// Creates the file at `path`, which must not exist, for writing. A private one nobody else can read.
    package static func create(_ path: String, isPrivate: Bool) throws -> FileDescriptor {
        try checked(path, opening: path) {
            Self.openFile(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, isPrivate ? 0o600 : 0o666)
        }
    }

    /// A file in `folder` that has no name yet and vanishes unless `link(to:)` gives it one; nil where the file system has none.
    package static func createUnnamed(in folder: String, isPrivate: Bool) -> FileDescriptor? {
        #if os(Linux)
            // O_TMPFILE is a macro that Swift does not import: the flag of its own together with O_DIRECTORY.
            // Without /proc (a bare chroot) such a file could never be given a name.
            guard access("/proc/self/fd", F_OK) == 0 else { return nil }
            let number = Self.openFile(folder, O_RDWR | O_CLOEXEC | 0o20_000_000 | O_DIRECTORY, isPrivate ? 0o600 : 0o666)
            return number < 0 ? nil : FileDescriptor(number: number, path: folder)
        #else
            return nil
        #endif
    }

    /// Gives an unnamed file the name `path`. Returns the error number when the system cannot or the name is taken.
    package func link(to path: String) -> Int32? {
        linkat(AT_FDCWD, "/proc/self/fd/\(number)", AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 ? nil : errno
    }

    private static func openFile(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
        #if canImport(Glibc)
            Glibc.open(path, flags, mode)
        #elseif canImport(Musl)
            Musl.open(path, flags, mode)
        #else
            Darwin.open(path, flags, mode)
        #endif
    }

    private static func checked(_ path: String, opening name: String, _ open: () -> Int32) throws -> FileDescriptor {
        // C would cut the name short and open another file.
        if name.utf8.contains(0) { throw FileError(path: path, reason: .notFound) }
        while true {
            let number = open()
            if number >= 0 { return FileDescriptor(number: number, path: path) }
            let code = errno
            if code == EINTR { continue }
            throw FileError(path: path, reason: code == ENOENT ? .notFound : .system(operation: "open", code: code))
        }
    }

    // MARK: Asking

    /// Length, kind and permissions of the open file.
    package func status() throws -> Status {
        var raw = stat()
        guard fstat(number, &raw) == 0 else { throw systemError("examine") }
        return Status(raw)
    }

    /// What lies at `path`, or nil when nothing does. `followingLinks` decides whether a link or what it names is described.
    package static func status(of path: String, followingLinks: Bool) throws -> Status? {
        var raw = stat()
        let result = followingLinks ? stat(path, &raw) : lstat(path, &raw)
        if result == 0 { return Status(raw) }
        let code = errno
        if code == ENOENT || code == ENOTDIR { return nil }
        throw FileError(path: path, reason: .system(operation: "examine", code: code))
    }

    /// The text of the symbolic link at `path`, or nil when it is no link.
    package static func linkText(at path: String) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
            guard let start = buffer.baseAddress else { return nil }
            let count = readlink(path, start, buffer.count)
            // A link that fills the buffer may have been cut.
            guard count > 0, count < buffer.count else { return nil }
            return String(validating: buffer[..<count].lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    /// The absolute path of `path` with every link resolved, or nil when it does not exist.
    package static func resolvedPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(validatingCString: resolved)
    }

    /// Whether this user may write to the existing file at `path`.
    package static func isWritable(_ path: String) -> Bool { access(path, W_OK) == 0 }

    // MARK: Reading and writing

    /// Reads up to `buffer.count` bytes; fewer only at the end of the file. Returns how many.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var done = 0
        while done < buffer.count {
            let count = systemRead(number, buffer.baseAddress?.advanced(by: done), buffer.count - done)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw systemError("read")
            }
            done += count
        }
        return done
    }

    /// Writes all of `bytes`.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        var done = 0
        while done < bytes.count {
            // Linux transfers at most 2 GiB in one call; smaller steps also let a signal through.
            let step = min(bytes.count - done, 1 << 26)
            let count = systemWrite(number, bytes.baseAddress?.advanced(by: done), step)
            if count < 0 {
                if errno == EINTR { continue }
                throw systemError("write")
            }
            done += count
        }
    }

    /// Waits until the file's bytes are on the disk.
    package func synchronize() throws {
        #if canImport(Darwin)
            // macOS's fsync leaves the bytes in the drive's cache; F_FULLFSYNC does not, where the volume knows it.
            if fcntl(number, F_FULLFSYNC) == 0 { return }
        #endif
        guard fsync(number) == 0 else {
            // EINVAL: a folder or file system that has nothing to synchronise.
            if errno == EINVAL { return }
            throw systemError("synchronise")
        }
    }

    /// Gives the file an owner and a group, where this user may, and permission bits, which let nobody do more than the owner
    /// and group that they were made for.
    package func adopt(_ status: Status) throws {
        let own = try self.status()
        if own.owner != status.owner || own.group != status.group, fchown(number, status.owner, status.group) != 0 {
            // Only the superuser gives files away, but anybody may give one to a group that they are in.
            _ = fchown(number, uid_t.max, status.group)
        }
        let kept = try self.status()
        let permissions = Self.permissions(
            status.permissions, keepingOwner: kept.owner == status.owner, group: kept.group == status.group)
        guard fchmod(number, permissions) == 0 else { throw systemError("set the mode of") }
    }

    /// The permission bits that a file may have when its owner or its group had to become another.
    package static func permissions(_ bits: mode_t, keepingOwner: Bool, group keepsGroup: Bool) -> mode_t {
        var bits = bits
        // A program would run as somebody who never agreed to that.
        if !keepingOwner || !keepsGroup { bits &= 0o1777 }
        if !keepsGroup {
            // The new group were others before, and the old group are now: both get what either had.
            let shared = bits >> 3 & bits & 0o007
            bits = bits & ~0o077 | shared << 3 | shared
        }
        return bits
    }

    /// Maps `count` bytes of the file read-only.
    package func map(count: Int) throws -> UnsafeRawBufferPointer {
        guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, number, 0), start != MAP_FAILED else {
            throw systemError("map")
        }
        return UnsafeRawBufferPointer(start: start, count: count)
    }

    /// Lets the system take back the memory of the whole pages within `bytes`, a part of what `map` gave. Their content is the
    /// file's, so the next touch brings it back from the file's cache.
    package static func discardPages(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        let page = UInt(max(sysconf(Int32(_SC_PAGESIZE)), 1))
        let first = (UInt(bitPattern: start) + page - 1) / page * page
        let end = (UInt(bitPattern: start) + UInt(bytes.count)) / page * page
        guard first < end else { return }
        // Advice: where the system does not follow it, the pages merely stay.
        _ = madvise(UnsafeMutableRawPointer(bitPattern: first), Int(end - first), MADV_DONTNEED)
    }

    /// Undoes `map`.
    package static func unmap(_ bytes: UnsafeRawBufferPointer) {
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    }

    // MARK: Names

    /// Puts the file at `source` in the place of `target` in one step.
    package static func rename(_ source: String, to target: String) throws {
        guard systemRename(source, target) == 0 else {
            throw FileError(path: target, reason: .system(operation: "replace", code: errno))
        }
    }

    /// Makes the folder at `path`, and those on the way to it that are missing.
    /// - Throws: `FileError`, for example where one of them is a file.
    package static func createFolder(at path: String) throws {
        if path.utf8.contains(0) { throw FileError(path: path, reason: .notFound) }
        let slashes = path.utf8.indices.filter { path.utf8[$0] == UInt8(ascii: "/") && $0 > path.startIndex }
        for end in slashes + [path.endIndex] {
            let folder = String(path[..<end])
            if mkdir(folder, 0o777) == 0 { continue }
            // Some systems refuse for another reason before they see that the folder is there.
            let code = errno
            if try status(of: folder, followingLinks: true)?.isDirectory == true { continue }
            throw FileError(path: folder, reason: code == EEXIST ? .notFolder : .system(operation: "create", code: code))
        }
    }

    /// Removes the file at `path`, if it is there.
    package static func remove(_ path: String) { unlink(path) }

    /// The system's words for an error number.
    package static func message(of code: Int32) -> String { String(cString: strerror(code)) }

    private func systemError(_ operation: String) -> FileError {
        FileError(path: path, reason: .system(operation: operation, code: errno))
    }
}

// The methods above hide the C functions of the same names.
private func systemRead(_ number: Int32, _ start: UnsafeMutableRawPointer?, _ count: Int) -> Int { read(number, start, count) }
private func systemWrite(_ number: Int32, _ start: UnsafeRawPointer?, _ count: Int) -> Int { write(number, start, count) }
private func systemRename(_ source: String, _ target: String) -> Int32 { rename(source, target) }
