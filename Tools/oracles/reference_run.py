"""One way to ask ONNX Runtime for a reference: every optimisation off, one thread, seeded inputs.

With optimisations off ONNX Runtime evaluates the graph node by node as it is written, so that an intermediate tensor
exists under its ONNX name and nothing is folded or fused.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Mapping, Optional, Sequence

import numpy as np
import onnx
import onnxruntime

#: The entry of a reference file that says how it was made: JSON as plain bytes, so that no reader ever needs pickles.
PROVENANCE = "onnxcnn.provenance"


class ReferenceError(Exception):
    """The reference can't be made; the message says why and what would help."""


def real_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """The inputs a caller must feed. Up to IR version 3 every initializer is listed as an input too; those have a value."""
    initialized = {tensor.name for tensor in graph.initializer}
    initialized |= {tensor.values.name for tensor in graph.sparse_initializer}
    return [value for value in graph.input if value.name not in initialized]


def concrete_shape(value: onnx.ValueInfoProto, batch: int, dimensions: Mapping[str, int]) -> list[int]:
    """The declared shape of `value` with its symbols bound: by `dimensions`, else `batch` for the first axis."""
    if not value.type.HasField("tensor_type"):
        raise ReferenceError(f"input '{value.name}' is not a tensor")
    if not value.type.tensor_type.HasField("shape"):
        raise ReferenceError(f"input '{value.name}' declares no shape; give an array for it with --input")
    shape: list[int] = []
    for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
        if dimension.HasField("dim_value"):
            shape.append(dimension.dim_value)
        elif dimension.dim_param in dimensions:
            shape.append(dimensions[dimension.dim_param])
        elif axis == 0:
            shape.append(batch)
        else:
            name = dimension.dim_param or "(unnamed)"
            raise ReferenceError(f"axis {axis} of input '{value.name}' is symbolic: bind it with --dim {name}=SIZE")
    return shape


def seeded_inputs(
    model: onnx.ModelProto,
    seed: int = 0,
    batch: int = 1,
    dimensions: Optional[Mapping[str, int]] = None,
    given: Optional[Mapping[str, np.ndarray]] = None,
) -> dict[str, np.ndarray]:
    """An array for every real input: the given one, else standard normal floats, small integers or coin flips by `seed`.

    Each input has its own stream (seed, position), so giving one array does not change the others.
    """
    feeds: dict[str, np.ndarray] = {}
    for position, value in enumerate(real_inputs(model.graph)):
        if given is not None and value.name in given:
            feeds[value.name] = given[value.name]
            continue
        shape = concrete_shape(value, batch, dimensions or {})
        dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        generator = np.random.default_rng([seed, position])
        if dtype.kind == "f":
            feeds[value.name] = generator.standard_normal(shape).astype(dtype)
        elif dtype.kind in "iu":
            feeds[value.name] = generator.integers(0, 10, shape).astype(dtype)
        elif dtype.kind == "b":
            feeds[value.name] = generator.integers(0, 2, shape).astype(bool)
        else:
            raise ReferenceError(f"input '{value.name}' has type {dtype}: give an array for it with --input")
    return feeds


def open_session(model: "str | Path | bytes", threads: int = 1) -> onnxruntime.InferenceSession:
    """A CPU session with graph optimisations off."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    source = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exception classes share no public base.
        raise ReferenceError(f"ONNX Runtime refuses the model: {error}") from error


def run(session: onnxruntime.InferenceSession, outputs: Sequence[str], feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The named outputs in that order."""
    try:
        return list(session.run(list(outputs), dict(feeds)))
    except Exception as error:
        raise ReferenceError(f"ONNX Runtime can't run the model: {error}") from error


def evaluate(
    model: "str | Path | bytes", feeds: Mapping[str, np.ndarray], outputs: Optional[Sequence[str]] = None, threads: int = 1
) -> dict[str, np.ndarray]:
    """The named outputs (all of them when left out) of one run."""
    session = open_session(model, threads)
    names = list(outputs) if outputs is not None else [output.name for output in session.get_outputs()]
    return dict(zip(names, run(session, names, feeds)))


def intermediate_names(model: onnx.ModelProto) -> list[str]:
    """Every tensor that a node of the top graph makes, in execution order. Omitted optional outputs have no name."""
    return [name for node in model.graph.node for name in node.output if name]


def with_all_outputs(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of `model` whose every tensor is a graph output. ONNX Runtime infers the types that are left open."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    declared = {output.name for output in copy.graph.output}
    for name in intermediate_names(model):
        if name not in declared:
            copy.graph.output.append(onnx.ValueInfoProto(name=name))
    return copy


def provenance(**facts: object) -> np.ndarray:
    """`facts` and the versions of everything that takes part, as a uint8 array of JSON text."""
    versions = {
        "onnxruntime": onnxruntime.__version__,
        "onnx": onnx.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    text = json.dumps({"schema": 1, "backend": "onnxruntime", **facts, "versions": versions}, sort_keys=True)
    return np.frombuffer(text.encode("utf-8"), dtype=np.uint8)
