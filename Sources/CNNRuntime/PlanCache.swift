import CNNTensors
import Synchronization

/// The plans that a session has met, the most recently used kept.
final class PlanCache: Sendable {
    private struct Entry {
        let plan: Plan
        var lastUse: Int
    }

    /// The plan of the latest run: most runs are like the one before them, and small networks take less time than it takes to check
    /// their inputs and to look the plan up.
    private final class Latest: Sendable {
        let plan: Plan
        private let inputs: [(name: String, dataType: DataType, shape: Shape)]
        private let keepsAll: Bool

        init(_ plan: Plan, _ tensors: [String: Tensor], keepsAll: Bool) {
            self.plan = plan
            inputs = tensors.map { ($0, $1.dataType, $1.shape) }
            self.keepsAll = keepsAll
        }

        func suits(_ tensors: [String: Tensor], keepsAll: Bool) -> Bool {
            keepsAll == self.keepsAll && tensors.count == inputs.count
                && inputs.allSatisfy { input in
                    guard let tensor = tensors[input.name] else { return false }
                    return tensor.dataType == input.dataType && tensor.shape == input.shape
                }
        }
    }

    private struct State {
        /// Nil if the plan depends on the values of inputs.
        var latest: Latest?
        var plans: [PlanKey: Entry] = [:]
        /// The inputs whose values decide shapes, by the key without values.
        var valueInputs: [PlanKey: Set<String>] = [:]
        var clock = 0
    }

    private let state = Mutex(State())
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// The plan of the latest run if this one's inputs have the same names, types and shapes, so that they need no check either.
    func latest(for inputs: [String: Tensor], keepsAll: Bool) -> Plan? {
        let latest = state.withLock { $0.latest }
        return latest.flatMap { $0.suits(inputs, keepsAll: keepsAll) ? $0.plan : nil }
    }

    /// The plan for these inputs, made by `compile` if there is none yet. Two callers that miss at once may both compile;
    /// the later one's plan is kept.
    /// - Parameter valueInputs: names the inputs whose values decide shapes, given the key without values.
    func plan(
        for inputs: [String: Tensor], keepsAll: Bool, valueInputs: (PlanKey) throws -> Set<String>,
        compile: (PlanKey) throws -> Plan
    ) throws -> Plan {
        let shapesKey = PlanKey(inputs, keepsAll: keepsAll)
        let names: Set<String>
        if let known = state.withLock({ $0.valueInputs[shapesKey] }) {
            names = known
        } else {
            names = try valueInputs(shapesKey)
            state.withLock { state in
                // The names are cheap to find again, so the table is simply emptied when callers come with ever new shapes.
                if state.valueInputs.count >= 64 * capacity { state.valueInputs.removeAll() }
                state.valueInputs[shapesKey] = names
            }
        }
        let key = shapesKey.including(names, of: inputs)
        func latest(_ plan: Plan) -> Latest? {
            names.isEmpty ? Latest(plan, inputs, keepsAll: keepsAll) : nil
        }
        let known = state.withLock { state -> Plan? in
            state.clock += 1
            state.plans[key]?.lastUse = state.clock
            return state.plans[key]?.plan
        }
        if let known {
            state.withLock { $0.latest = latest(known) }
            return known
        }
        let plan = try compile(key)
        state.withLock { state in
            if state.plans.count >= capacity, let oldest = state.plans.min(by: { $0.value.lastUse < $1.value.lastUse }) {
                state.plans[oldest.key] = nil
            }
            state.clock += 1
            state.plans[key] = Entry(plan: plan, lastUse: state.clock)
            state.latest = latest(plan)
        }
        return plan
    }
}
