import Testing

@testable import CNNRuntime

@Suite("The memory plan")
struct MemoryPlanTests {
    @Test("never lets buffers that are in use together overlap", arguments: 1...20)
    func disjoint(_ seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        let buffers = (0..<60).map { _ in
            let first = Int.random(in: 0..<40, using: &numbers)
            return MemoryPlan.Buffer(
                byteCount: Int.random(in: 0...5000, using: &numbers),
                steps: first...first + Int.random(in: 0...6, using: &numbers))
        }
        let plan = try MemoryPlan(buffers, limit: 1 << 30)
        for (index, buffer) in buffers.enumerated() {
            #expect(plan.offsets[index] % MemoryPlan.alignment == 0)
            #expect(buffer.byteCount == 0 || plan.offsets[index] + buffer.byteCount <= plan.byteCount)
            for (other, neighbour) in buffers.enumerated()
            where other < index && neighbour.steps.overlaps(buffer.steps) && neighbour.byteCount > 0 && buffer.byteCount > 0 {
                let apart =
                    plan.offsets[other] + neighbour.byteCount <= plan.offsets[index]
                    || plan.offsets[index] + buffer.byteCount <= plan.offsets[other]
                #expect(apart)
            }
        }
        #expect(plan.lowerBound <= plan.byteCount)
    }

    @Test("needs no more than two buffers for a chain")
    func chain() throws {
        let buffers = (0..<10_000).map { MemoryPlan.Buffer(byteCount: 640, steps: $0...$0 + 1) }
        let plan = try MemoryPlan(buffers, limit: 1 << 20)
        #expect(plan.byteCount == 1280)
        #expect(plan.lowerBound == 1280)
    }

    @Test("tries other orders where placing the largest first wastes memory")
    func orders() throws {
        // By size: 5 at 0, the first 4 beside it at 5, the second 4 at 0, and 3, beside both, only behind them at 9: 12 in all. By
        // time: 4 at 0, 3 at 4, 4 at 7, then 5 where 4 and 3 were: the 11 that are in use in step 1.
        let units = [(4, 1...3), (5, 3...5), (3, 0...2), (4, 0...1)]
        let plan = try MemoryPlan(
            units.map { MemoryPlan.Buffer(byteCount: MemoryPlan.alignment * $0.0, steps: $0.1) }, limit: 1 << 20)
        #expect(plan.lowerBound == MemoryPlan.alignment * 11)
        #expect(plan.byteCount == plan.lowerBound)
    }

    @Test("meets the bound where some buffers outlive many others beside them")
    func longLived() throws {
        // Two values of a whole batch (2 and 3, in use together in steps 4 to 6), and what a group hands on: every other order puts a long
        // one where a gap beside it is too narrow later.
        let units = [
            (6, 0...1), (2, 1...2), (5, 2...3), (2, 0...6), (3, 4...9), (4, 4...5), (4, 5...6), (6, 7...8), (1, 8...9),
        ]
        let plan = try MemoryPlan(
            units.map { MemoryPlan.Buffer(byteCount: MemoryPlan.alignment * $0.0, steps: $0.1) }, limit: 1 << 20)
        #expect(plan.byteCount == plan.lowerBound)
    }

    @Test("changes an order a little where none meets the bound as it is")
    func changedOrders() throws {
        // Found by trying: every order alone takes 14, 15 and 20.
        let found: [(bound: Int, units: [(Int, ClosedRange<Int>)])] = [
            (13, [(2, 0...2), (6, 2...4), (3, 3...6), (3, 4...5), (2, 5...6), (5, 5...7)]),
            (13, [(3, 1...2), (4, 1...4), (6, 2...2), (2, 4...4), (5, 4...5), (6, 5...5), (3, 6...7)]),
            (
                19,
                [
                    (6, 1...2), (6, 1...3), (5, 3...4), (5, 3...4), (2, 3...6), (2, 4...5), (5, 4...7), (1, 5...6),
                    (2, 5...8),
                ]
            ),
        ]
        for (bound, units) in found {
            let plan = try MemoryPlan(
                units.map { MemoryPlan.Buffer(byteCount: MemoryPlan.alignment * $0.0, steps: $0.1) }, limit: 1 << 20)
            #expect(plan.lowerBound == MemoryPlan.alignment * bound)
            #expect(plan.byteCount == plan.lowerBound)
        }
    }

    @Test("refuses sizes past the limit, and past what can be counted", arguments: [1 << 20, Int.max])
    func limit(_ byteCount: Int) {
        let buffers = Array(repeating: MemoryPlan.Buffer(byteCount: byteCount, steps: 0...1), count: 3)
        #expect(throws: SessionError.self) { try MemoryPlan(buffers, limit: 2 << 20) }
    }
}
