import CNNModels
import CNNTensors

extension Model {
    /// The model with a declaration of type and shape for every value between its nodes, as inferred.
    /// - Throws: `ModelError` with everything that is wrong with the model.
    public func declaringShapes() throws(ModelError) -> Model {
        try BoundModel(self).infer().modelDeclaringShapes()
    }
}

extension InferredModel {
    /// The model with a declaration of type and shape for every value between its nodes, and for the graph's outputs that have
    /// none, as inferred; other declarations stay. Calls of functions are inlined.
    package func modelDeclaringShapes() -> Model {
        var model = bound.model
        var declared = Dictionary(model.graph.valueInfos.enumerated().map { ($1.name, $0) }) { first, _ in first }
        let outputs = Set(model.graph.outputs.map(\.name))
        for name in model.graph.nodes.flatMap(\.outputs) where !name.isEmpty && !outputs.contains(name) {
            guard let info = facts[name]?.valueInfo(named: name) else { continue }
            if let position = declared[name] {
                model.graph.valueInfos[position].type = info.type
            } else {
                declared[name] = model.graph.valueInfos.count
                model.graph.valueInfos.append(info)
            }
        }
        for (index, output) in model.graph.outputs.enumerated() where output.type?.tensorShape == nil {
            if let info = facts[output.name]?.valueInfo(named: output.name) { model.graph.outputs[index].type = info.type }
        }
        return model
    }
}

extension ValueFact {
    /// The declaration that says what is known; nil where the element type is not known.
    package func valueInfo(named name: String) -> ValueInfo? {
        guard let dataType else { return nil }
        let declaredShape = shape.dimensions.map { dimensions in
            DeclaredShape(
                dimensions: dimensions.map { dimension in
                    guard let dimension else { return DeclaredDimension(.unknown) }
                    return DeclaredDimension(
                        dimension.value.map { .known(Int64($0)) } ?? .symbol(dimension.description))
                })
        }
        return ValueInfo(name: name, type: ValueType(.tensor(elementType: dataType.rawValue, shape: declaredShape)))
    }
}
