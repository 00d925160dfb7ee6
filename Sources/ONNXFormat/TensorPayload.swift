/// Where the elements of one tensor lie in the file. The wire guard cuts them out of what protobuf-c parses and puts this
/// entry's number in their place.
struct TensorPayload: Sendable {
    /// The fields of `TensorProto` that hold elements; raw values are their numbers.
    enum Field: Int, CaseIterable, Sendable {
        case floatData = 4
        case int32Data = 5
        case stringData = 6
        case int64Data = 7
        case rawData = 9
        case doubleData = 10
        case uint64Data = 11

        /// The name in the schema.
        var name: String {
            switch self {
            case .floatData: "float_data"
            case .int32Data: "int32_data"
            case .stringData: "string_data"
            case .int64Data: "int64_data"
            case .rawData: "raw_data"
            case .doubleData: "double_data"
            case .uint64Data: "uint64_data"
            }
        }

        /// The wire type of one element outside a packed run.
        var elementWireType: WireType {
            switch self {
            case .floatData: .fixed32
            case .doubleData: .fixed64
            case .int32Data, .int64Data, .uint64Data: .varint
            case .stringData, .rawData: .lengthDelimited
            }
        }
    }

    let field: Field
    /// Runs of occurrences of the field, tags included, that stand one after the other in the file. Nearly always one run.
    private(set) var runs: [Range<Int>]

    init(field: Field, occurrence: Range<Int>) {
        self.field = field
        runs = [occurrence]
    }

    /// Adds an occurrence. Returns whether it began a new run.
    mutating func append(_ occurrence: Range<Int>) -> Bool {
        if let last = runs.last, last.upperBound == occurrence.lowerBound {
            runs[runs.count - 1] = last.lowerBound..<occurrence.upperBound
            return false
        }
        runs.append(occurrence)
        return true
    }
}
