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

    /// Places the buffers one after the other, each where it fits best between those in use at the same time. No one order is best for
    /// all networks (the problem is NP-complete), so some that are known to be good are tried until one meets the lower bound: that of
    /// time, which is the quickest, and some others, each changed a little where it fails.
    /// - Throws: `SessionError.memoryLimitExceeded` if the plan takes more than `limit` bytes.
    init(_ buffers: [Buffer], limit: Int) throws(SessionError) {
        let sizes = try buffers.map { buffer throws(SessionError) in try Self.aligned(buffer.byteCount, limit: limit) }
        // No place lies behind the sum of all sizes: if that can be counted, so can every place.
        var total = 0
        for size in sizes {
            let (sum, overflow) = total.addingReportingOverflow(size)
            if overflow { throw .memoryLimitExceeded(needed: Int.max, limit: limit) }
            total = sum
        }
        let lowerBound = Self.loads(buffers, sizes).max() ?? 0
        self.lowerBound = lowerBound
        guard lowerBound <= limit else { throw .memoryLimitExceeded(needed: lowerBound, limit: limit) }
        var best = Self.sweep(.narrowest, buffers, sizes)
        func consider(_ plan: (offsets: [Int], byteCount: Int)) {
            if plan.byteCount < best.byteCount { best = plan }
        }
        let orders = Self.isQuick(buffers) ? Order.allCases : []
        for fit in Fit.allCases where best.byteCount > lowerBound {
            for order in orders where best.byteCount > lowerBound {
                var sequence = order.sequence(buffers, sizes)
                for _ in 0..<Self.trials where best.byteCount > lowerBound {
                    let plan = Self.place(sequence, fit, buffers, sizes)
                    consider(plan)
                    // The one that found no place but the last has the first choice next time.
                    let last = sequence.firstIndex { plan.offsets[$0] + sizes[$0] == plan.byteCount }
                    guard let last else { break }
                    sequence.insert(sequence.remove(at: last), at: 0)
                }
            }
            consider(Self.sweep(fit, buffers, sizes))
        }
        (offsets, byteCount) = best
        guard byteCount <= limit else { throw .memoryLimitExceeded(needed: byteCount, limit: limit) }
    }

    /// How often an order is tried, each time changed a little.
    private static let trials = 16

    /// Whether comparing each buffer with those beside it is quick. Where thousands live side by side it is not, and a sweep must do.
    private static func isQuick(_ buffers: [Buffer]) -> Bool {
        let counts = loads(buffers, buffers.map { _ in 1 })
        let pairs = counts.reduce(0.0) { $0 + Double($1) * Double($1) }
        return pairs < 1e7
    }

    /// In which order buffers are placed.
    private enum Order: CaseIterable {
        /// The largest first (greedy by size: Pisarchyk and Lee, *Efficient Memory Management for Deep Neural Net Inference*, 2020).
        case size
        /// Those of the step that needs most first (greedy by breadth, the same source).
        case breadth
        /// Those that need the most memory for the longest time first.
        case area
        /// From the step that needs most outwards in time, those that are needed for the longest time first: where values of the whole
        /// batch lie among those of groups of images, which come and go beside them.
        case peak

        func sequence(_ buffers: [Buffer], _ sizes: [Int]) -> [Int] {
            let indices = buffers.indices.filter { sizes[$0] > 0 }
            switch self {
            case .size: return indices.sorted { (sizes[$0], $1) > (sizes[$1], $0) }
            case .area:
                let areas = indices.map { Double(sizes[$0]) * Double(buffers[$0].steps.count) }
                return zip(indices, areas).sorted { ($0.1, $1.0) > ($1.1, $0.0) }.map(\.0)
            case .breadth:
                let loads = MemoryPlan.loads(buffers, sizes)
                let widest = indices.map { index in buffers[index].steps.reduce(0) { max($0, loads[$1]) } }
                return zip(indices, widest).sorted { left, right in
                    left.1 != right.1 ? left.1 > right.1 : (sizes[left.0], right.0) > (sizes[right.0], left.0)
                }.map(\.0)
            case .peak:
                let loads = MemoryPlan.loads(buffers, sizes)
                let peak = loads.indices.max { loads[$0] < loads[$1] } ?? 0
                let distances = indices.map { index in
                    let steps = buffers[index].steps
                    return max(steps.lowerBound - peak, peak - steps.upperBound, 0)
                }
                return zip(indices, distances).sorted { left, right in
                    let (first, second) = (buffers[left.0].steps.count, buffers[right.0].steps.count)
                    if left.1 != right.1 { return left.1 < right.1 }
                    return first != second ? first > second : (sizes[left.0], right.0) > (sizes[right.0], left.0)
                }.map(\.0)
            }
        }
    }

    /// Which of the gaps that are wide enough a buffer takes.
    private enum Fit: CaseIterable {
        case narrowest, lowest
    }

    private static func place(
        _ sequence: [Int], _ fit: Fit, _ buffers: [Buffer], _ sizes: [Int]
    ) -> (offsets: [Int], byteCount: Int) {
        let stepCount = stepCount(buffers)
        // By step: the buffers placed so far that are in use then, so that a long chain costs no more than its length.
        var placed = [[Int]](repeating: [], count: stepCount)
        var offsets = [Int](repeating: 0, count: buffers.count)
        var end = 0
        for index in sequence {
            var neighbours: Set<Int> = []
            for step in buffers[index].steps { neighbours.formUnion(placed[step]) }
            let taken = neighbours.map { offsets[$0]..<offsets[$0] + sizes[$0] }.sorted { $0.lowerBound < $1.lowerBound }
            offsets[index] = offset(for: sizes[index], between: taken, fit)
            end = max(end, offsets[index] + sizes[index])
            for step in buffers[index].steps { placed[step].append(index) }
        }
        return (offsets, end)
    }

    private static func offset(for size: Int, between taken: [Range<Int>], _ fit: Fit) -> Int {
        var end = 0
        var best: (offset: Int, gap: Int)?
        for range in taken {
            let gap = range.lowerBound - end
            if gap >= size, gap < best?.gap ?? Int.max {
                best = (end, gap)
                if fit == .lowest { break }
            }
            end = max(end, range.upperBound)
        }
        return best?.offset ?? end
    }

    /// Places buffers as the run needs them, and takes their places back as it ends with them.
    private static func sweep(_ fit: Fit, _ buffers: [Buffer], _ sizes: [Int]) -> (offsets: [Int], byteCount: Int) {
        let stepCount = stepCount(buffers)
        var starting = [[Int]](repeating: [], count: stepCount + 1)
        var ended = starting
        for index in buffers.indices where sizes[index] > 0 {
            starting[buffers[index].steps.lowerBound].append(index)
            ended[buffers[index].steps.upperBound + 1].append(index)
        }
        var offsets = [Int](repeating: 0, count: buffers.count)
        var space = FreeSpace()
        for step in starting.indices {
            for index in ended[step] { space.give(offsets[index]..<offsets[index] + sizes[index]) }
            for index in starting[step].sorted(by: { (sizes[$0], $1) > (sizes[$1], $0) }) {
                offsets[index] = space.take(sizes[index], fit)
            }
        }
        return (offsets, space.end)
    }

    /// The memory that no buffer takes at some step.
    private struct FreeSpace {
        /// Between buffers and below `end`, by address; no two touch.
        private var gaps: [Range<Int>] = []
        /// Behind the last byte that a buffer ever took.
        private(set) var end = 0

        mutating func take(_ size: Int, _ fit: Fit) -> Int {
            var best: Int?
            for (index, gap) in gaps.enumerated() where gap.count >= size && gap.count < best.map({ gaps[$0].count }) ?? Int.max
            {
                best = index
                if fit == .lowest { break }
            }
            if let best {
                let offset = gaps[best].lowerBound
                gaps[best] = offset + size..<gaps[best].upperBound
                if gaps[best].isEmpty { gaps.remove(at: best) }
                return offset
            }
            // The last gap may reach up to the end, which moves on.
            let offset = gaps.last.flatMap { $0.upperBound == end ? $0.lowerBound : nil } ?? end
            if offset < end { gaps.removeLast() }
            end = offset + size
            return offset
        }

        mutating func give(_ range: Range<Int>) {
            var (low, high) = (0, gaps.count)
            while low < high {
                let middle = (low + high) / 2
                if gaps[middle].lowerBound < range.lowerBound { low = middle + 1 } else { high = middle }
            }
            gaps.insert(range, at: low)
            if low + 1 < gaps.count, gaps[low].upperBound == gaps[low + 1].lowerBound {
                gaps[low] = gaps[low].lowerBound..<gaps.remove(at: low + 1).upperBound
            }
            if low > 0, gaps[low - 1].upperBound == gaps[low].lowerBound {
                gaps[low - 1] = gaps[low - 1].lowerBound..<gaps.remove(at: low).upperBound
            }
        }
    }

    private static func aligned(_ byteCount: Int, limit: Int) throws(SessionError) -> Int {
        guard byteCount <= limit, byteCount <= Int.max - alignment else {
            throw .memoryLimitExceeded(needed: byteCount, limit: limit)
        }
        return (byteCount + alignment - 1) / alignment * alignment
    }

    /// By step: the sum of the sizes of the buffers in use then.
    private static func loads(_ buffers: [Buffer], _ sizes: [Int]) -> [Int] {
        let stepCount = stepCount(buffers)
        var loads = [Int](repeating: 0, count: stepCount + 1)
        for (buffer, size) in zip(buffers, sizes) {
            loads[buffer.steps.lowerBound] += size
            loads[buffer.steps.upperBound + 1] -= size
        }
        for step in loads.indices.dropFirst() { loads[step] += loads[step - 1] }
        return Array(loads.prefix(stepCount))
    }

    private static func stepCount(_ buffers: [Buffer]) -> Int { (buffers.map(\.steps.upperBound).max() ?? -1) + 1 }
}
