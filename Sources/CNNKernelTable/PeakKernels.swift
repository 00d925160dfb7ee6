/// The measure of what the processor could do at best: arithmetic that touches no memory.
package protocol PeakKernels {
    /// Multiplications, with an addition each, of one round of `multiplyInRegisters`.
    var multiplyAddsPerRound: Int { get }
    /// Multiplies and adds in registers, in chains that are independent of each other and enough of them to keep every
    /// multiplier busy. Returns what came out, so that the work cannot be left away.
    func multiplyInRegisters(rounds: Int) -> Float
}
