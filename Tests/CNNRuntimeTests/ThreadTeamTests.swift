import Synchronization
import Testing

@testable import CNNRuntime

@Suite("A thread team")
struct ThreadTeamTests {
    @Test("does every part once, and none beside another of the same worker", arguments: [1, 2, 3, 8], [0, 1, 2, 7, 100])
    func parts(_ size: Int, _ parts: Int) throws {
        let team = try ThreadTeam(size: size)
        for _ in 0..<200 {
            let record = Mutex((count: [Int](repeating: 0, count: parts), busy: Set<Int>()))
            team.run(parts: parts) { worker, part in
                record.withLock {
                    $0.count[part] += 1
                    #expect(worker < size && $0.busy.insert(worker).inserted)
                }
                record.withLock { _ = $0.busy.remove(worker) }
            }
            record.withLock {
                #expect($0.count.allSatisfy { $0 == 1 })
                #expect($0.busy.isEmpty)
            }
        }
    }

    @Test("takes over the parts of a worker that is held up")
    func takingOver() throws {
        let team = try ThreadTeam(size: 2)
        let done = Atomic<Int>(0)
        // Whoever has part 0 waits for all the others, among them those that would have been its own.
        team.run(parts: 16) { _, part in
            if part == 0 { while done.load(ordering: .acquiring) < 15 {} }
            done.add(1, ordering: .acquiringAndReleasing)
        }
        #expect(done.load(ordering: .acquiring) == 16)
    }

    @Test("serves many callers at once")
    func callers() async throws {
        let team = try ThreadTeam(size: 3)
        let sum = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let sum = Atomic<Int>(0)
                    for _ in 0..<100 { team.run(parts: 10) { _, part in sum.add(part, ordering: .relaxed) } }
                    return sum.load(ordering: .relaxed)
                }
            }
            return await group.reduce(0, +)
        }
        #expect(sum == 8 * 100 * 45)
    }

    @Test("wakes threads that have gone to sleep")
    func sleeping() async throws {
        let team = try ThreadTeam(size: 2)
        for _ in 0..<5 {
            try await Task.sleep(for: .milliseconds(20))
            let workers = Mutex<Set<Int>>([])
            let arrived = Atomic<Int>(0)
            // Two parts that wait for each other can only be done by two workers.
            team.run(parts: 2) { worker, _ in
                workers.withLock { _ = $0.insert(worker) }
                arrived.add(1, ordering: .acquiringAndReleasing)
                while arrived.load(ordering: .acquiring) < 2 {}
            }
            #expect(workers.withLock { $0.count } == 2)
        }
    }
}
