import CNNTensors

extension SelfCheck {
    var json: JSON {
        [
            "schema": 1, "seed": .integer(Int(truncatingIfNeeded: seed)),
            "inputs": .array(
                inputs.map { input in
                    [
                        "name": .string(input.name), "data_type": .string("\(input.dataType)"),
                        "shape": .array(input.shape.dimensions.map(JSON.integer)),
                    ]
                }),
            "outputs": .array(
                outputs.map { output in
                    [
                        "name": .string(output.name), "data_type": .string("\(output.dataType)"),
                        "shape": .array(output.shape.dimensions.map(JSON.integer)), "sha256": .string(output.digest),
                        "projections": .array(output.projections.map(\.json)), "min": output.minimum.json,
                        "max": output.maximum.json, "mean": output.mean.json,
                        "top": .array(output.topClasses.map { .array($0.map(JSON.integer)) }),
                    ]
                }),
        ]
    }

    init(_ json: JSON) throws {
        guard json["schema"] == .integer(1) else { throw SelfCheckError("its schema is not 1") }
        guard case .integer(let seed) = json["seed"], case .array(let inputs) = json["inputs"],
            case .array(let outputs) = json["outputs"], !outputs.isEmpty
        else { throw SelfCheckError("'seed', 'inputs' or 'outputs' is missing") }
        self.seed = UInt64(bitPattern: Int64(seed))
        self.inputs = try inputs.map { json in
            let (name, dataType, shape) = try Self.value(json)
            return Input(name: name, dataType: dataType, shape: shape)
        }
        self.outputs = try outputs.map(Output.init)
    }

    /// The members that inputs and outputs share.
    fileprivate static func value(_ json: JSON) throws -> (String, DataType, Shape) {
        guard case .string(let name) = json["name"], case .string(let type) = json["data_type"],
            case .array(let dimensions) = json["shape"],
            let dataType = DataType.allCases.first(where: { $0.description == type })
        else { throw SelfCheckError("a value has no valid 'name', 'data_type' or 'shape'") }
        return (name, dataType, try Shape(dimensions.map(integer)))
    }

    fileprivate static func integer(_ json: JSON) throws -> Int {
        guard case .integer(let value) = json else { throw SelfCheckError("a number is no whole number") }
        return value
    }
}

extension SelfCheck.Output {
    fileprivate init(_ json: JSON) throws {
        (name, dataType, shape) = try SelfCheck.value(json)
        let name = self.name
        func statistic(_ json: JSON?) throws -> SelfCheck.Statistic {
            func number(_ json: JSON?) -> Double? {
                switch json {
                case .number(let value): value
                case .integer(let value): Double(value)
                case .string("Infinity"): .infinity
                case .string("-Infinity"): -.infinity
                case .string("NaN"): .nan
                default: nil
                }
            }
            guard let value = number(json?["value"]), let sigma = number(json?["sigma"]) else {
                throw SelfCheckError("output '\(name)' has a statistic without 'value' or 'sigma'")
            }
            return SelfCheck.Statistic(value: value, sigma: sigma)
        }
        guard case .string(let digest) = json["sha256"], case .array(let projections) = json["projections"],
            projections.count == SelfCheck.projectionCount, case .array(let top) = json["top"]
        else { throw SelfCheckError("output '\(name)' has no valid 'sha256', 'projections' or 'top'") }
        self.digest = digest
        self.projections = try projections.map(statistic)
        minimum = try statistic(json["min"])
        maximum = try statistic(json["max"])
        mean = try statistic(json["mean"])
        topClasses = try top.map { item in
            guard case .array(let classes) = item else { throw SelfCheckError("'top' of output '\(name)' is no list of lists") }
            return try classes.map(SelfCheck.integer)
        }
    }
}

extension SelfCheck.Statistic {
    fileprivate var json: JSON { ["value": .number(value), "sigma": .number(sigma)] }
}
