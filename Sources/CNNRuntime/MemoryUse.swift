/// The memory that running a model takes.
public struct MemoryUse: Sendable, Hashable {
    /// Bytes of the model's initializers, as its file holds them.
    public let weightBytes: Int
    /// Bytes that one run takes for the values between nodes and for scratch memory: one piece, in which values that are not needed at
    /// the same time share their place. Inputs and outputs, which are the caller's, come on top.
    public let activationBytes: Int
    /// Bytes of the largest set of those values that are in use at the same time: no plan for the same steps takes less.
    public let activationLowerBound: Int
    /// Bytes of weights that the session holds in another form than the model's. The session shares them among all input shapes.
    /// Of a mapped file, the memory of weights that were brought into another form is given back to the system.
    public let packedBytes: Int

    /// The most bytes of memory that this process has held so far, files that it maps included; nil where the system does not tell.
    public static var peakResidentBytes: Int? { ProcessMemory.peakResidentBytes }
}
