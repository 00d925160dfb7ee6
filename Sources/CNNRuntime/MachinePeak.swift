import CNNKernelTable

/// What the processor can do at best, measured: the scale that a step's speed is judged by.
enum MachinePeak {
    /// Float32 operations a second, a multiplication and an addition being two, that the threads of a team do together while they
    /// touch no memory. Takes some ten milliseconds.
    static func operationsPerSecond(_ kernels: any KernelTable, on team: ThreadTeam) -> Double {
        var rounds = 1000
        var best = 0.0
        // Kept, and so the work is.
        let results = UnsafeMutablePointer<Float>.allocate(capacity: team.size)
        defer { results.deallocate() }
        // Rounds are doubled until a measurement takes some milliseconds: until then the clock of the processor rises, and handing
        // out the work weighs in.
        while true {
            let count = rounds
            let time = ContinuousClock().measure {
                team.run(parts: team.size) { _, part in results[part] = kernels.multiplyInRegisters(rounds: count) }
            }
            let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
            let operations = 2 * Double(kernels.multiplyAddsPerRound) * Double(rounds) * Double(team.size)
            best = max(best, operations / max(seconds, 1e-9))
            if seconds > 4e-3 { return best }
            rounds *= 2
        }
    }
}
