/// Where buffers lie in one piece of memory, such that those that are in use at the same time do not overlap.
struct MemoryPlan {
    /// A piece of memory that is needed from one step to another, both included.
    struct Buffer {
        var byteCount: Int
        var steps: ClosedRange<Int>
    }

    /// By buffer: the first byte.
    let offsets: [Int]
    let byteCount: Int
    /// The most bytes that are in use during one step: no plan can do with less.
    let lowerBound: Int

    static let alignment = 64

    /// Places the largest buffers first, each into the smallest gap between those in use at the same time (best fit).
    /// - Throws: `SessionError.memoryLimitExceeded` if more than `limit` bytes are in use at once.
    init(_ buffers: [Buffer], limit: Int) throws(SessionError) {
        let sizes = try buffers.map { buffer throws(SessionError) in try Self.aligned(buffer.byteCount, limit: limit) }
        lowerBound = try Self.largestLiveSet(buffers, sizes, limit: limit)
        let stepCount = (buffers.map(\.steps.upperBound).max() ?? -1) + 1
        // By step: the buffers placed so far that are in use then, so that a long chain costs no more than its length.
        var placed = [[Int]](repeating: [], count: stepCount)
        var offsets = [Int](repeating: 0, count: buffers.count)
        var end = 0
        let order = buffers.indices.sorted { (sizes[$0], $1) > (sizes[$1], $0) }
        for index in order where sizes[index] > 0 {
            var neighbours: Set<Int> = []
            for step in buffers[index].steps { neighbours.formUnion(placed[step]) }
            let taken = neighbours.map { offsets[$0]..<offsets[$0] + sizes[$0] }.sorted { $0.lowerBound < $1.lowerBound }
            let offset = Self.bestFit(sizes[index], between: taken)
            let (top, topOverflow) = offset.addingReportingOverflow(sizes[index])
            guard !topOverflow, top <= limit else {
                throw .memoryLimitExceeded(needed: topOverflow ? Int.max : top, limit: limit)
            }
            offsets[index] = offset
            end = max(end, top)
            for step in buffers[index].steps { placed[step].append(index) }
        }
        self.offsets = offsets
        byteCount = end
    }

    private static func bestFit(_ size: Int, between taken: [Range<Int>]) -> Int {
        var end = 0
        var best: (offset: Int, gap: Int)?
        for range in taken {
            let gap = range.lowerBound - end
            if gap >= size, gap < best?.gap ?? Int.max { best = (end, gap) }
            end = max(end, range.upperBound)
        }
        return best?.offset ?? end
    }

    private static func aligned(_ byteCount: Int, limit: Int) throws(SessionError) -> Int {
        guard byteCount <= limit, byteCount <= Int.max - alignment else {
            throw .memoryLimitExceeded(needed: byteCount, limit: limit)
        }
        return (byteCount + alignment - 1) / alignment * alignment
    }

    private static func largestLiveSet(_ buffers: [Buffer], _ sizes: [Int], limit: Int) throws(SessionError) -> Int {
        var starts: [Int: [Int]] = [:]
        var ends: [Int: [Int]] = [:]
        for (index, buffer) in buffers.enumerated() {
            starts[buffer.steps.lowerBound, default: []].append(index)
            ends[buffer.steps.upperBound + 1, default: []].append(index)
        }
        var (live, largest) = (0, 0)
        for step in Set(starts.keys).union(ends.keys).sorted() {
            for index in ends[step] ?? [] { live -= sizes[index] }
            for index in starts[step] ?? [] {
                let (sum, overflow) = live.addingReportingOverflow(sizes[index])
                guard !overflow, sum <= limit else {
                    throw .memoryLimitExceeded(needed: overflow ? Int.max : sum, limit: limit)
                }
                live = sum
            }
            largest = max(largest, live)
        }
        return largest
    }
}
