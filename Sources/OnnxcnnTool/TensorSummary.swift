import CNNTensors
import CNNTextTables
import Foundation

/// A tensor in a line or two: type, shape, range of its values, and the largest of a class vector.
struct TensorSummary {
    let name: String
    let tensor: Tensor
    private let values: [Double]?

    init(_ tensor: Tensor, name: String) {
        self.name = name
        self.tensor = tensor
        values = try? tensor.doubles()
    }

    var text: String {
        var text = "\(DisplayText.printable(name)): \(tensor)"
        guard let values, let least = values.min(), let greatest = values.max() else { return text }
        let mean = values.reduce(0, +) / Double(values.count)
        text += "  min \(Self.text(least))  max \(Self.text(greatest))  mean \(Self.text(mean))"
        if let classes {
            for (item, ranked) in classes.enumerated() {
                text +=
                    "\n  item \(item): " + ranked.map { "class \($0.index) (\(Self.text($0.value)))" }.joined(separator: ", ")
            }
        }
        return text
    }

    var json: JSON {
        var members = [
            JSON.Member("name", .string(name)), JSON.Member("type", .string("\(tensor.dataType)")),
            JSON.Member("shape", .array(tensor.shape.dimensions.map { .integer($0) })),
        ]
        if let values, let least = values.min(), let greatest = values.max() {
            members += [
                JSON.Member("min", .number(least)), JSON.Member("max", .number(greatest)),
                JSON.Member("mean", .number(values.reduce(0, +) / Double(values.count))),
            ]
        }
        return .object(members)
    }

    /// The five largest classes of each of the first items, if this is a batch of class vectors.
    private var classes: [[(index: Int, value: Double)]]? {
        guard let values, tensor.dataType.isFloatingPoint, tensor.shape.rank == 2, tensor.shape[1] > 1 else { return nil }
        let classCount = tensor.shape[1]
        return (0..<min(tensor.shape[0], 4)).map { item in
            values[item * classCount..<(item + 1) * classCount].enumerated()
                .sorted { $0.element > $1.element }.prefix(5).map { (index: $0.offset, value: $0.element) }
        }
    }

    /// Six significant digits.
    private static func text(_ value: Double) -> String { String(format: "%.6g", value) }
}
