#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension MappedFile {
    /// For a program's start: when another process shortens a file that is mapped here, the hardware's trap (SIGBUS) ends the
    /// process with exit code 2 and a message, instead of looking like a crash. A library leaves signals to its program.
    package static func explainShortening() {
        signal(SIGBUS) { _ in
            // Nothing but these two calls is safe in a signal's handler.
            let message: StaticString = "error: a file was made shorter while it was in use\n"
            _ = write(2, message.utf8Start, message.utf8CodeUnitCount)
            _exit(2)
        }
    }
}
