"""Small cases for every version of an operator's definition, with outputs by ONNX's reference evaluator.

A family of operators has one generator of inputs and attributes; what differs by version (element types, attributes that became
inputs) is asked of the schema. float16 and bfloat16 are left out: the evaluator rounds each step of a formula to them, so it
is no oracle for an evaluation that rounds once.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Callable, Iterator

import numpy as np
import onnx
import onnxruntime
from onnx import defs, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from oracles import movement_cases
from oracles.variants import Schema, Values, Variant

DTYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int8)": np.int8,
    "tensor(int16)": np.int16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(uint8)": np.uint8,
    "tensor(uint16)": np.uint16,
    "tensor(uint32)": np.uint32,
    "tensor(uint64)": np.uint64,
    "tensor(bool)": np.bool_,
}


def element_types(schema: Schema, variable: str = "T") -> "list[Any]":
    """The types that a type variable may stand for, of those that are judged here."""
    constraint = next(item for item in schema.type_constraints if item.type_param_str == variable)
    return [DTYPES[name] for name in sorted(constraint.allowed_type_strs) if name in DTYPES]


# Element-wise operators


def unary(schema: Schema, values: Values) -> Iterator[Variant]:
    # Where Gelu's terms cancel, float32 steps lose what a rounding at the end keeps.
    low, high = (-3, 3) if schema.name == "Gelu" else (-6, 6)
    for dtype in element_types(schema):
        for shape in ((4, 5), (0, 3), ()):
            yield Variant([values.array(dtype, shape, low, high)])
    for name in ("alpha", "beta", "gamma"):
        if name in schema.attributes:
            yield Variant([values.array(np.float32, (30,))], {name: 0.75})
    if schema.name == "Gelu":
        yield Variant([values.array(np.float32, (30,), low, high)], {"approximate": "tanh"})


#: Pairs of shapes that NumPy broadcasts, the first of which every version takes.
SHAPE_PAIRS = [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((2, 3), ()), ((0, 3), (1, 3)), ((2, 1, 3), (4, 1))]


def binary(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in element_types(schema):
        is_integer = np.issubdtype(dtype, np.integer)
        for left, right in SHAPE_PAIRS if schema.since_version >= 7 else SHAPE_PAIRS[:1]:
            if schema.name == "PRelu" and np.broadcast_shapes(left, right) != left:
                continue
            # The evaluator multiplies a zero by an infinite slope; the specification does not.
            second = values.array(dtype, right, special=schema.name != "PRelu")
            if schema.name in ("Div", "Mod") and is_integer:
                second[...] = np.where(second == 0, 5, second)
            if schema.name == "Pow" and is_integer:
                second = values.array(dtype, right, 0, 6)
            outputs = [np.bool_] if schema.outputs[0].type_str == "T1" else None
            variant = Variant([values.array(dtype, left), second], {}, outputs)
            if schema.name != "Mod":
                yield variant
                continue
            for fmod in (0, 1):
                if fmod or is_integer or schema.since_version >= 28:
                    yield Variant(variant.inputs, {"fmod": fmod})


def variadic(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in element_types(schema):
        for count in (1, 2, 3):
            yield Variant([values.array(dtype, (4, 3)) for _ in range(count)])
        if schema.since_version >= 8:
            yield Variant([values.array(dtype, shape) for shape in ((4, 3), (4, 1), ())])


def clip(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in element_types(schema):
        # What becomes of an infinity without a bound is not the same everywhere.
        data = values.array(dtype, (4, 5), special=False)
        if schema.since_version < 11:
            yield Variant([data], {"min": -1.5, "max": 2.5})
            continue
        low, high = np.array(1, dtype), np.array(3, dtype)
        yield from (Variant([data, low, high]), Variant([data, low]), Variant([data, None, high]), Variant([data]))


def where(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in element_types(schema):
        for shapes in (((3, 4), (3, 4), (3, 4)), ((3, 1), (4,), ()), ((), (2, 3), (3,))):
            condition = values.array(np.bool_, shapes[0])
            yield Variant([condition, values.array(dtype, shapes[1]), values.array(dtype, shapes[2])], {}, [dtype])


def cast(schema: Schema, values: Values) -> Iterator[Variant]:
    if schema.name == "Cast" and schema.since_version < 6:
        return  # Version 1 names the type in a string, which the evaluator does not read.
    types = element_types(schema, "T1")
    for index, source in enumerate(types):
        # Not every pair in each of the many versions: a float, an integer, bool, and each other type once.
        for target in dict.fromkeys((np.float32, np.int64, np.bool_, types[index - 1])):
            from_float = np.issubdtype(source, np.floating)
            # A float past an integer type's range has no result that all agree on.
            data = values.array(source, (4, 5), 0, 100, special=False) if from_float else values.array(source, (4, 5), -100, 100)
            if schema.name == "CastLike":
                yield Variant([data, np.zeros((1,), target)], {}, [target])
            else:
                yield Variant([data], {"to": helper.np_dtype_to_tensor_dtype(np.dtype(target))}, [target])


# Reductions


def reduction(schema: Schema, values: Values) -> Iterator[Variant]:
    takes_input = len(schema.inputs) > 1
    choices: "list[list[int] | None]" = [None, [1], [0, 2]] + ([[-1]] if schema.since_version >= 11 else [])
    for dtype in element_types(schema):
        for index, axes in enumerate(choices + ([[]] if takes_input else [])):
            keepdims = index % 2
            positive = schema.name in ("ReduceLogSum", "ReduceProd", "ReduceSumSquare")
            data = values.array(dtype, (3, 2, 4), 1 if positive else -6, 3 if positive else 6, special=False)
            if not takes_input:
                yield Variant([data], {"keepdims": keepdims} | ({} if axes is None else {"axes": axes}))
                continue
            for noop in (0, 1):
                inputs = [data] if axes is None else [data, np.array(axes, np.int64)]
                yield Variant(inputs, {"keepdims": keepdims, "noop_with_empty_axes": noop})


def arg_extremum(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in element_types(schema):
        # Few different values, so that many are equal; NaN among floats.
        data = np.round(values.array(dtype, (3, 4, 5), -2, 2)).astype(dtype)
        for axis in (0, 1, 2, -1) if schema.since_version >= 11 else (0, 1, 2):
            for keepdims in (0, 1):
                attributes = {"axis": axis, "keepdims": keepdims}
                yield Variant([data], attributes, [np.int64])
                if schema.since_version >= 12:
                    yield Variant([data], {**attributes, "select_last_index": 1}, [np.int64])


def top_k(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in element_types(schema):
        data = np.round(values.array(dtype, (3, 4, 5), -2, 2, special=False)).astype(dtype)
        for axis in (0, 1, -1):
            for count in (1, 3):
                outputs = [dtype, np.int64]
                if schema.since_version < 10:
                    yield Variant([data], {"axis": axis, "k": count}, outputs)
                    continue
                inputs = [data, np.array([count], np.int64)]
                yield Variant(inputs, {"axis": axis}, outputs)
                if schema.since_version >= 11:
                    yield Variant(inputs, {"axis": axis, "largest": 0}, outputs)


UNARY = (
    "Abs Ceil Celu Elu Erf Exp Floor Gelu HardSigmoid HardSwish LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Sigmoid "
    "Sign Softplus Softsign Sqrt Tanh ThresholdedRelu"
)
BINARY = "Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Mod Mul Or PRelu Pow Sub Xor"
REDUCTIONS = "L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare"

#: The generator of each operator's cases.
GENERATORS: "dict[str, Callable[[Schema, Values], Iterator[Variant]]]" = {
    **dict.fromkeys(UNARY.split(), unary),
    **dict.fromkeys(BINARY.split(), binary),
    **dict.fromkeys("Max Mean Min Sum".split(), variadic),
    **dict.fromkeys(("Reduce" + name for name in REDUCTIONS.split()), reduction),
    **dict.fromkeys(("ArgMax", "ArgMin"), arg_extremum),
    **dict.fromkeys(("Cast", "CastLike"), cast),
    "Clip": clip,
    "TopK": top_k,
    "Where": where,
    **movement_cases.GENERATORS,
}

#: Versions that the evaluator does not implement, but ONNX Runtime does.
BY_ONNX_RUNTIME = {("Reshape", 1)}

#: Versions that neither implements.
WITHOUT_ORACLE = {("Cast", 1), ("Clip", 1), ("Split", 1), ("Tile", 1)}


def schemas() -> "list[Schema]":
    """Every version of the definition of every operator that has a generator."""
    known = [item for item in defs.get_all_schemas_with_history() if item.domain == "" and item.name in GENERATORS]
    return sorted(known, key=lambda item: (item.name, item.since_version))


def model_of(schema: Schema, variant: Variant) -> onnx.ModelProto:
    names = [f"input{index}" if data is not None else "" for index, data in enumerate(variant.inputs)]
    outputs = variant.outputs or [next(data.dtype for data in variant.inputs if data is not None)]
    node = helper.make_node(schema.name, names, [f"output{index}" for index in range(len(outputs))], **variant.attributes)
    graph = helper.make_graph(
        [node],
        schema.name,
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(data.dtype), data.shape)
            for name, data in zip(names, variant.inputs)
            if data is not None
        ],
        [
            helper.make_tensor_value_info(f"output{index}", helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), None)
            for index, dtype in enumerate(outputs)
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", schema.since_version)], ir_version=10)


def judged(model: onnx.ModelProto, inputs: "dict[str, np.ndarray]") -> "list[np.ndarray]":
    """The outputs by ONNX's reference evaluator, or for a version that it does not implement by ONNX Runtime."""
    key = (model.graph.node[0].op_type, model.opset_import[0].version)
    if key in BY_ONNX_RUNTIME:
        return onnxruntime.InferenceSession(model.SerializeToString(), quiet()).run(None, inputs)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return [np.asarray(output) for output in ReferenceEvaluator(model).run(None, inputs)]


def quiet() -> onnxruntime.SessionOptions:
    """Options under which ONNX Runtime does not warn of old operator sets."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return options


def write_cases(folder: Path) -> "dict[tuple[str, int], int]":
    """Writes the cases as ONNX test-case trees.

    Returns how many each version of each operator has. A case whose output the evaluator cannot compute, or computes in another
    type than the specification says, is left out.
    """
    values = Values()
    counts: "dict[tuple[str, int], int]" = {}
    for schema in schemas():
        key = (schema.name, schema.since_version)
        counts[key] = 0
        for variant in GENERATORS[schema.name](schema, values):
            model = model_of(schema, variant)
            inputs = {f"input{index}": data for index, data in enumerate(variant.inputs) if data is not None}
            try:
                outputs = judged(model, inputs)
            except Exception:  # The evaluator raises whatever NumPy does; a version without any case is found below.
                continue
            declared = [output.type.tensor_type.elem_type for output in model.graph.output]
            if [helper.np_dtype_to_tensor_dtype(output.dtype) for output in outputs] != declared:
                continue
            data_set = folder / f"{schema.name}_{schema.since_version}_{counts[key]}" / "test_data_set_0"
            data_set.mkdir(parents=True)
            onnx.save(model, str(data_set.parent / "model.onnx"))
            for index, (name, data) in enumerate(inputs.items()):
                (data_set / f"input_{index}.pb").write_bytes(numpy_helper.from_array(data, name).SerializeToString())
            for index, data in enumerate(outputs):
                (data_set / f"output_{index}.pb").write_bytes(
                    numpy_helper.from_array(data, f"output{index}").SerializeToString()
                )
            counts[key] += 1
    return counts
