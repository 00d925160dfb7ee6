"""Cases for the operators that move data or make shapes, by version; see version_cases.py."""

from __future__ import annotations

from typing import Any, Iterator

import numpy as np
from onnx import numpy_helper

from oracles.variants import Schema, Values, Variant


def ints(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def data_types(schema: Schema, name: str = "T") -> "list[Any]":
    """float32, and an integer type and bool where this version has them."""
    allowed = next((c.allowed_type_strs for c in schema.type_constraints if c.type_param_str == name), [])
    named = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(uint8)": np.uint8, "tensor(bool)": np.bool_}
    return [dtype for text, dtype in named.items() if text in allowed]


def flatten(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in data_types(schema):
        for axis in (0, 1, 3, *((-1,) if schema.since_version >= 11 else ())):
            yield Variant([values.array(dtype, (2, 3, 4))], {"axis": axis})


def transpose(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in data_types(schema):
        yield Variant([values.array(dtype, (2, 3, 4))])
        yield Variant([values.array(dtype, (2, 3, 4))], {"perm": [1, 2, 0]})


def squeeze(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in data_types(schema):
        yield from with_axes(schema, values.array(dtype, (1, 3, 1, 4)), [0, 2])
        if schema.since_version >= 11:
            yield from with_axes(schema, values.array(dtype, (1, 3, 1, 4)), [-2])


def unsqueeze(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in data_types(schema):
        yield from with_axes(schema, values.array(dtype, (3, 4)), [0, 2])
        if schema.since_version >= 11:
            yield from with_axes(schema, values.array(dtype, (3, 4)), [-1])


def with_axes(schema: Schema, data: np.ndarray, axes: "list[int]") -> Iterator[Variant]:
    """Axes became an input with version 13."""
    yield Variant([data], {"axes": axes}) if schema.since_version < 13 else Variant([data, ints(*axes)])


def concat(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in data_types(schema):
        arrays = [values.array(dtype, (2, length, 3)) for length in (1, 4, 2)]
        yield Variant(list(arrays), {"axis": 1})
        if schema.since_version >= 11:
            yield Variant(list(arrays), {"axis": -2})


def constant(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in (np.float32, np.float64):
        tensor = numpy_helper.from_array(values.array(dtype, (2, 3)))
        yield Variant([], {"value": tensor}, [dtype])
    if schema.since_version >= 12:
        yield Variant([], {"value_float": 1.5}, [np.float32])
        yield Variant([], {"value_floats": [1.5, -2.0]}, [np.float32])
        yield Variant([], {"value_int": 7}, [np.int64])
        yield Variant([], {"value_ints": [7, -8]}, [np.int64])


def constant_of_shape(schema: Schema, values: Values) -> Iterator[Variant]:
    yield Variant([ints(2, 0, 3)], {}, [np.float32])
    yield Variant([ints(2, 3)], {}, [np.float32])
    for value in (np.array([2.5], np.float32), np.array([-7], np.int64), np.array([True])):
        yield Variant([ints(2, 3)], {"value": numpy_helper.from_array(value)}, [value.dtype])


def identity(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in data_types(schema, "T") or data_types(schema, "V"):
        yield Variant([values.array(dtype, (2, 3))])


def pad(schema: Schema, values: Values) -> Iterator[Variant]:
    amounts = [0, 1, 2, 0, 3, 1]
    for mode in ("constant", "reflect", "edge", *(("wrap",) if schema.since_version >= 19 else ())):
        for dtype in data_types(schema)[: 1 if schema.since_version < 11 else 2]:
            data = values.array(dtype, (3, 4, 5))
            if schema.since_version == 1:
                yield Variant([data], {"mode": mode, "paddings": amounts})
            elif schema.since_version == 2:
                yield Variant([data], {"mode": mode, "pads": amounts, "value": 1.5})
            else:
                constants = [np.array(3, dtype)] if mode == "constant" else []
                yield Variant([data, ints(*amounts), *constants], {"mode": mode})


def reshape(schema: Schema, values: Values) -> Iterator[Variant]:
    for sizes in ([4, 6], [0, -1], [2, -1, 2]):
        for dtype in data_types(schema):
            data = values.array(dtype, (2, 3, 4))
            yield Variant([data], {"shape": sizes}) if schema.since_version == 1 else Variant([data, ints(*sizes)])
    if schema.since_version >= 14:
        yield Variant([values.array(np.float32, (0, 3)), ints(3, 0)], {"allowzero": 1})


def shape(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in data_types(schema):
        yield Variant([values.array(dtype, (2, 0, 4))], {}, [np.int64])
        if schema.since_version >= 15:
            yield Variant([values.array(dtype, (2, 3, 4))], {"start": -2, "end": 9}, [np.int64])


def size(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in data_types(schema):
        yield Variant([values.array(dtype, (2, 3, 4))], {}, [np.int64])


def gather(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in data_types(schema):
        for axis in (0, 1):
            yield Variant([values.array(dtype, (3, 4, 2)), np.array([[0, 2], [1, 1]], np.int64)], {"axis": axis})
        if schema.since_version >= 11:
            yield Variant([values.array(dtype, (3, 4, 2)), np.array([-1, 0], np.int32)], {"axis": -2})


def slice_(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in data_types(schema):
        data = values.array(dtype, (4, 5, 6))
        if schema.since_version == 1:
            yield Variant([data], {"starts": [1, -3], "ends": [1000, -1], "axes": [0, 2]})
        else:
            yield Variant([data, ints(1, -3), ints(1000, -1), ints(0, 2)])
            yield Variant([data, ints(-1, 4), ints(-1000, 0), ints(0, 1), ints(-2, -1)])


def split(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in data_types(schema):
        data = values.array(dtype, (2, 6))
        if schema.since_version == 1:
            yield Variant([data], {"axis": 1, "split": [1, 5]}, [dtype] * 2)
        elif schema.since_version < 13:
            yield Variant([data], {"axis": 1, "split": [1, 2, 3]}, [dtype] * 3)
            yield Variant([data], {"axis": 1}, [dtype] * 2)
        else:
            yield Variant([data, ints(1, 2, 3)], {"axis": 1}, [dtype] * 3)
            parts = {"num_outputs": 4} if schema.since_version >= 18 else {}
            yield Variant([data], {"axis": 1, **parts}, [dtype] * (4 if parts else 2))


def expand(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in data_types(schema):
        yield Variant([values.array(dtype, (3, 1)), ints(2, 1, 4)])


def tile(schema: Schema, values: Values) -> Iterator[Variant]:
    for dtype in data_types(schema):
        data = values.array(dtype, (2, 3))
        if schema.since_version == 1:
            yield Variant([data, np.array(2, dtype), np.array(1, dtype)])
        else:
            yield Variant([data, ints(2, 3)])


def range_(schema: Schema, values: Values) -> Iterator[Variant]:
    for start, limit, delta in ((0, 10, 3), (10, 0, -4), (5, 5, 1)):
        for dtype in (np.float32, np.int64, np.int32):
            yield Variant([np.array(number, dtype) for number in (start, limit, delta)])


def depth_to_space(schema: Schema, values: Values) -> Iterator[Variant]:
    data = values.array(np.float32, (2, 8, 3, 2))
    yield Variant([data], {"blocksize": 2})
    if schema.since_version >= 11:
        yield Variant([data], {"blocksize": 2, "mode": "CRD"})


def space_to_depth(schema: Schema, values: Values) -> Iterator[Variant]:
    yield Variant([values.array(np.float32, (2, 3, 4, 6))], {"blocksize": 2})


GENERATORS = {
    "Concat": concat,
    "Constant": constant,
    "ConstantOfShape": constant_of_shape,
    "DepthToSpace": depth_to_space,
    "Expand": expand,
    "Flatten": flatten,
    "Gather": gather,
    "Identity": identity,
    "Pad": pad,
    "Range": range_,
    "Reshape": reshape,
    "Shape": shape,
    "Size": size,
    "Slice": slice_,
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
