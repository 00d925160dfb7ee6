import CNNModels
import CNNTensors
import ONNXFormat

/// libFuzzer's own loop. SwiftPM gives each executable a main function of its own, so the fuzzer's cannot be used.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

@main
enum FuzzFormats {
    static func main() {
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        _ = runFuzzer(&count, &arguments) { start, count in
            tryReading(start, count)
            return 0
        }
    }
}

/// One input: the first byte says what the rest is taken for. Whatever is read has to be writable, and what is written
/// readable with the same bytes again; everything else has to be a thrown error.
private func tryReading(_ start: UnsafePointer<UInt8>, _ count: Int) {
    guard count > 1 else { return }
    let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    switch start[0] % 5 {
    case 0:
        guard let model = try? ONNXReader.model(bytes: bytes) else { return }
        requireStable(model, write: { try ONNXWriter.bytes(of: $0) }, read: { try ONNXReader.model(bytes: $0) })
    case 1:
        guard let tensor = try? ONNXReader.tensor(bytes: bytes) else { return }
        requireStable(tensor, write: { try ONNXWriter.bytes(of: $0) }, read: { try ONNXReader.tensor(bytes: $0) })
    case 2:
        guard let archive = try? ModelArchive(MappedFile(copying: bytes)) else { return }
        // An archive may say what an ONNX file cannot hold, such as a NUL in a name: an error is as good as bytes.
        _ = try? ONNXWriter.bytes(of: archive.model)
    case 3: _ = try? NPYFile.read(MappedFile(copying: bytes))
    default:
        guard let file = try? NPZFile(MappedFile(copying: bytes)) else { return }
        for name in file.names { _ = try? file.tensor(named: name) }
    }
}

private func requireStable<Value>(_ value: Value, write: (Value) throws -> [UInt8], read: ([UInt8]) throws -> Value) {
    do {
        let written = try write(value)
        let again = try write(read(written))
        precondition(again == written, "what was written reads as something else")
    } catch {
        preconditionFailure("what was read cannot be written and read again: \(error)")
    }
}
