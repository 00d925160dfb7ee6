import CNNTensors

/// The inputs and outputs of one version of an operator, and the element types they may have.
package struct Signature: Sendable {
    package let inputs: [Parameter]
    package let outputs: [Parameter]
    /// The types that each type variable may stand for.
    package let types: [String: TypeSet]

    /// A formal input or output.
    package struct Parameter: Sendable {
        package let name: String
        /// The type variable; equal variables stand for one type.
        package let typeVariable: String
        package let multiplicity: Multiplicity
    }

    /// How many values a formal parameter takes.
    package enum Multiplicity: Sendable {
        case one
        case optional
        /// The last parameter only: any number of values from this one up.
        case variadic(minimum: Int)
    }

    /// Inputs and outputs by formal name and type variable: `"X": "T"`, in order. A `?` behind the name makes it
    /// optional, a `*` any number including none, a `+` at least one.
    package init(
        inputs: KeyValuePairs<String, String>, outputs: KeyValuePairs<String, String>, types: [String: TypeSet]
    ) {
        self.inputs = inputs.map(Parameter.init)
        self.outputs = outputs.map(Parameter.init)
        self.types = types
        precondition(
            (self.inputs + self.outputs).allSatisfy { types[$0.typeVariable] != nil }, "a type variable lacks its types")
    }

    /// The formal parameter that the actual one at `index` belongs to; nil if there are not that many.
    package static func parameter(at index: Int, of parameters: [Parameter]) -> Parameter? {
        if index < parameters.count { return parameters[index] }
        if let last = parameters.last, case .variadic = last.multiplicity { return last }
        return nil
    }
}

extension Signature.Parameter {
    fileprivate init(notation: String, typeVariable: String) {
        switch notation.last {
        case "?": self.init(name: String(notation.dropLast()), typeVariable: typeVariable, multiplicity: .optional)
        case "*":
            self.init(name: String(notation.dropLast()), typeVariable: typeVariable, multiplicity: .variadic(minimum: 0))
        case "+":
            self.init(name: String(notation.dropLast()), typeVariable: typeVariable, multiplicity: .variadic(minimum: 1))
        default: self.init(name: notation, typeVariable: typeVariable, multiplicity: .one)
        }
    }
}

/// A set of element types.
package struct TypeSet: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package init(_ types: DataType...) {
        rawValue = types.reduce(0) { $0 | 1 << UInt32($1.rawValue) }
    }

    package func contains(_ type: DataType) -> Bool { rawValue & 1 << UInt32(type.rawValue) != 0 }

    /// The types in ONNX's order.
    package var members: [DataType] { DataType.allCases.filter(contains) }

    package static let ieeeFloats = TypeSet(.float16, .float32, .float64)
    package static let floats: TypeSet = [ieeeFloats, TypeSet(.bfloat16)]
    package static let signedIntegers = TypeSet(.int8, .int16, .int32, .int64)
    package static let unsignedIntegers = TypeSet(.uint8, .uint16, .uint32, .uint64)
    package static let integers: TypeSet = [signedIntegers, unsignedIntegers]
    /// The numbers of operator sets before bfloat16.
    package static let ieeeNumbers: TypeSet = [ieeeFloats, integers]
    package static let numbers: TypeSet = [floats, integers]
    /// What matrix products take: real numbers and whole numbers of 32 and 64 bits.
    package static let matrixNumbers: TypeSet = [matrixNumbersBeforeBfloat16, TypeSet(.bfloat16)]
    package static let matrixNumbersBeforeBfloat16: TypeSet = [ieeeFloats, TypeSet(.int32, .int64, .uint32, .uint64)]
    package static let bool = TypeSet(.bool)
    package static let string = TypeSet(.string)
    package static let complex = TypeSet(.complex64, .complex128)
    /// Every tensor type of the operator sets before bfloat16.
    package static let allBeforeBfloat16: TypeSet = [ieeeNumbers, bool, string, complex]
    package static let allBeforeFloat8: TypeSet = [numbers, bool, string, complex]
    package static let float8 = TypeSet(.float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz)
    package static let int4 = TypeSet(.uint4, .int4)
    /// Every tensor type there is.
    package static let all: TypeSet = DataType.allCases.reduce([]) { $0.union(TypeSet($1)) }

    /// Every tensor type that operators which only move data take in a definition of this version. ONNX added types at
    /// operator sets 13 (bfloat16), 19 (8-bit floats), 21 (4-bit integers), 23 (4-bit floats), 24 (8-bit exponents) and 25
    /// (2-bit integers).
    package static func movable(version: Int) -> TypeSet {
        var types = allBeforeBfloat16
        if version >= 13 { types.insert(TypeSet(.bfloat16)) }
        if version >= 19 { types.insert(float8) }
        if version >= 21 { types.insert(int4) }
        if version >= 23 { types.insert(TypeSet(.float4e2m1)) }
        if version >= 24 { types.insert(TypeSet(.float8e8m0)) }
        if version >= 25 { types.insert(TypeSet(.uint2, .int2)) }
        return types
    }
}

extension TypeSet: CustomStringConvertible {
    package var description: String { members.map(\.description).joined(separator: ", ") }
}
