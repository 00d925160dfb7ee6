import CNNRuntime
import CNNTensors

/// Times of repeated runs, in milliseconds.
struct Measurement {
    /// The first run, which packs the weights.
    let first: Double
    /// The measured runs, ascending.
    let milliseconds: [Double]

    var minimum: Double { milliseconds[0] }
    var median: Double { milliseconds.sortedMedian }
    /// Nine in ten runs took no longer (the nearest rank).
    var percentile90: Double { milliseconds[(milliseconds.count * 9 + 9) / 10 - 1] }

    /// Runs once, then `warmup` times, then measures.
    /// - Parameter runs: how many runs are measured; nil for as many as fit in two seconds, ten at least.
    /// - Throws: as `Session.run`.
    init(_ session: Session, _ inputs: [String: Tensor], warmup: Int, runs: Int?) throws {
        func time() throws -> Double { try Self.timed { try session.run(inputs) }.milliseconds }
        first = try time()
        for _ in 0..<warmup { _ = try time() }
        var times: [Double] = []
        var total = 0.0
        while runs.map({ times.count < $0 }) ?? (times.count < 10 || total < 2000) {
            let milliseconds = try time()
            times.append(milliseconds)
            total += milliseconds
        }
        milliseconds = times.sorted()
    }

    /// The body's result and what it took, in milliseconds.
    static func timed<Result>(_ body: () throws -> Result) rethrows -> (result: Result, milliseconds: Double) {
        let clock = ContinuousClock()
        let start = clock.now
        let result = try body()
        let (seconds, attoseconds) = start.duration(to: clock.now).components
        return (result, Double(seconds) * 1e3 + Double(attoseconds) * 1e-15)
    }
}

extension [Double] {
    /// The median of ascending numbers, of which there is at least one.
    var sortedMedian: Double { (self[(count - 1) / 2] + self[count / 2]) / 2 }
}
