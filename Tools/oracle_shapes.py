#!/usr/bin/env python3
"""Inferred shapes against ONNX's own inference and against the shapes that runs really have.

    .venv/bin/python Tools/oracle_shapes.py [--onnxcnn PATH] [--torch]

What the file declares of computed values is taken away first, so that every shape is inferred.

1. The 1,021 public cases: for every value, onnxcnn knows at least what `onnx.shape_inference.infer_shapes(strict_mode=True,
   data_prop=True)` knows, contradicts it nowhere, and contradicts no output that the case ships.
2. The nine architectures in the onnx wheel, as they are and with a symbolic batch; those that end in global pooling with
   symbolic height and width too; with --torch torchvision's ResNet-18 and DenseNet-121 in the same way. The expressions are
   held against ONNX Runtime's shapes of every value at concrete sizes.
"""

from __future__ import annotations

import argparse
import ast
import math
import operator
import sys
import tempfile
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np
import onnx
from onnx import shape_inference
from oracles import conformance_cases
from oracles.checks import Checks
from oracles.command import Onnxcnn, add_binary_option, find_binary
from oracles.light_networks import light_networks
from oracles.reference_run import open_session, real_inputs, run, with_all_outputs

ROOT = Path(__file__).resolve().parent.parent

#: A dimension: a size, an expression over names, or nothing known.
Dimension = Union[int, str, None]
#: An element type with the dimensions, or None where not even their number is known.
Fact = "tuple[int, Optional[list[Dimension]]]"

#: Networks without a fully connected layer or reshape that fixes the image's size.
ANY_SIZE = {"densenet121", "squeezenet", "resnet18_any_size", "densenet121_any_size"}
#: Sizes for a run by ONNX Runtime; `batch` is what PyTorch calls the batch that we call N.
SIZES = {"N": 2, "batch": 2, "H": 97, "W": 131}


def without_declarations(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without any declared shape of a computed value."""
    stripped = onnx.ModelProto()
    stripped.CopyFrom(model)
    del stripped.graph.value_info[:]
    for output in stripped.graph.output:
        output.type.tensor_type.ClearField("shape")
    return stripped


def facts(model: onnx.ModelProto) -> "dict[str, Fact]":
    """What a model says of its computed values."""
    found: "dict[str, Fact]" = {}
    for value in list(model.graph.value_info) + list(model.graph.output):
        if not value.type.HasField("tensor_type"):
            continue
        tensor = value.type.tensor_type
        dimensions: "Optional[list[Dimension]]" = None
        if tensor.HasField("shape"):
            dimensions = [
                dim.dim_value if dim.HasField("dim_value") else (dim.dim_param or None) for dim in tensor.shape.dim
            ]
        found[value.name] = (tensor.elem_type, dimensions)
    return found


def inferred(onnxcnn: Onnxcnn, model: onnx.ModelProto) -> "dict[str, Fact]":
    """What onnxcnn infers, through the declarations that its export writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model.SerializeToString())
        done = onnxcnn("export", path, "--shapes", "-o", "-")
    if done.code != 0:
        raise RuntimeError(done.described())
    return facts(onnx.load_from_string(done.out))


def compare(ours: "dict[str, Fact]", theirs: "dict[str, Fact]", counts: "Counter[str]") -> "list[str]":
    """Where ours says less or something else; what it says more of is counted."""
    faults = []
    for name, (element_type, dimensions) in theirs.items():
        our_type, our_dimensions = ours.get(name, (0, None))
        if element_type not in (0, our_type):
            faults.append(f"{name}: type {our_type} instead of {element_type}")
        if our_dimensions is None:
            if dimensions is not None:
                faults.append(f"{name}: nothing known instead of {dimensions}")
            continue
        if dimensions is None:
            counts["ranks more"] += 1
            counts["dimensions more"] += sum(dimension is not None for dimension in our_dimensions)
            continue
        if len(dimensions) != len(our_dimensions):
            faults.append(f"{name}: {our_dimensions} instead of {dimensions}")
            continue
        for our, their in zip(our_dimensions, dimensions):
            if isinstance(their, int) and our != their or isinstance(their, str) and our is None:
                # ONNX makes up a name where it knows nothing ("unk__3"); that is no knowledge.
                if not (isinstance(their, str) and their.startswith("unk__")):
                    faults.append(f"{name}: {our_dimensions} instead of {dimensions}")
                    break
            counts["dimensions"] += 1
            if our is not None and (their is None or isinstance(their, str) and their.startswith("unk__")):
                counts["dimensions more"] += 1
    return faults


def onnx_facts(model: onnx.ModelProto, counts: "Counter[str]") -> "dict[str, Fact]":
    try:
        return facts(shape_inference.infer_shapes(model, strict_mode=True, data_prop=True))
    except shape_inference.InferenceError:
        counts["models that ONNX's strict inference refuses"] += 1
        return {}


#: The operators and functions of onnxcnn's dimension expressions.
ARITHMETIC = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: Fraction, ast.USub: operator.neg,
    "floor": math.floor, "max": max, "min": min,
}


def value_of(dimension: Dimension, sizes: "dict[str, int]") -> Optional[int]:
    """The size that an expression of onnxcnn's comes to, in exact arithmetic; its names are those of `sizes`."""

    def value(node: ast.expr) -> Fraction:
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return Fraction(node.value)
        if isinstance(node, ast.Name):
            return Fraction(sizes[node.id])
        if isinstance(node, ast.BinOp):
            return Fraction(ARITHMETIC[type(node.op)](value(node.left), value(node.right)))
        if isinstance(node, ast.UnaryOp):
            return Fraction(ARITHMETIC[type(node.op)](value(node.operand)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return Fraction(ARITHMETIC[node.func.id](*map(value, node.args)))
        raise ValueError(f"'{dimension}' is no dimension expression")

    if not isinstance(dimension, str):
        return dimension
    result = value(ast.parse(dimension, mode="eval").body)
    if result.denominator != 1:
        raise ValueError(f"'{dimension}' is {result} for {sizes}")
    return int(result)


def contradictions(ours: "dict[str, Fact]", shapes: "dict[str, tuple[int, ...]]", sizes: "dict[str, int]") -> "list[str]":
    """Where a real shape is not the inferred one."""
    faults = []
    for name, shape in shapes.items():
        dimensions = ours.get(name, (0, None))[1]
        if dimensions is None:
            continue
        values = [value_of(dimension, sizes) for dimension in dimensions]
        agrees = len(values) == len(shape) and all(value in (None, size) for value, size in zip(values, shape))
        if not agrees:
            faults.append(f"{name}: inferred {dimensions}, really {list(shape)}")
    return faults


def check_cases(checks: Checks, onnxcnn: Onnxcnn) -> None:
    operators = conformance_cases.operators_in_scope(ROOT / "Tools" / "conformance-operators.txt")
    counts: "Counter[str]" = Counter()
    faults = []
    cases = conformance_cases.cases_in_scope(operators)
    for case in cases:
        model = without_declarations(conformance_cases.model_of(case.source))
        try:
            ours = inferred(onnxcnn, model)
            found = compare(ours, onnx_facts(model, counts), counts)
            found += contradictions(ours, shipped_shapes(case, model), {})
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        faults += [f"{case.name}: {fault}" for fault in found]
    checks.check(f"shapes of {len(cases)} public cases", not faults, "\n".join(faults) or described(counts))


def shipped_shapes(case: conformance_cases.Case, model: onnx.ModelProto) -> "dict[str, tuple[int, ...]]":
    names = [output.name for output in model.graph.output]
    shapes: "dict[str, tuple[int, ...]]" = {}
    if case.source.data_sets is not None:
        for _, outputs in case.source.data_sets:
            for name, output in zip(names, outputs):
                is_proto = isinstance(output, onnx.TensorProto)
                shapes[name] = tuple(output.dims) if is_proto else np.asarray(output).shape
        return shapes
    for path in Path(case.source.model_dir or "").glob("test_data_set_*/output_*.pb"):
        tensor = onnx.TensorProto.FromString(path.read_bytes())
        shapes[names[int(path.stem.rsplit("_", 1)[1])]] = tuple(tensor.dims)
    return shapes


def with_symbols(model: onnx.ModelProto, symbols: "dict[int, str]") -> onnx.ModelProto:
    """The model with names for these axes of its real inputs."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for value in real_inputs(changed.graph):
        for axis, symbol in symbols.items():
            value.type.tensor_type.shape.dim[axis].dim_param = symbol
    return changed


def check_network(checks: Checks, onnxcnn: Onnxcnn, name: str, original: onnx.ModelProto) -> None:
    stripped = without_declarations(original)
    variants: "list[tuple[str, dict[int, str]]]" = [("as it is", {}), ("batch N", {0: "N"})]
    if name in ANY_SIZE:
        variants.append(("batch N, height H, width W", {0: "N", 2: "H", 3: "W"}))
    for label, symbols in variants:
        label = f"{name}, {label}"
        with checks.guarded(label):
            counts: "Counter[str]" = Counter()
            model = with_symbols(stripped, symbols)
            ours = inferred(onnxcnn, model)
            found = compare(ours, onnx_facts(model, counts), counts)
            if len(symbols) != 1:  # A Reshape in the old files fixes the batch; they run as they are only.
                found += contradictions(ours, real_shapes(model), SIZES)
            checks.check(label, not found, "\n".join(found[:20]) or described(counts))


def real_shapes(model: onnx.ModelProto) -> "dict[str, tuple[int, ...]]":
    """The shapes of all values in a run by ONNX Runtime at the sizes `SIZES`."""
    complete = with_all_outputs(model)
    names = [output.name for output in complete.graph.output]
    (value,) = real_inputs(model.graph)
    shape = [
        SIZES[dim.dim_param] if dim.dim_param else dim.dim_value for dim in value.type.tensor_type.shape.dim
    ]
    arrays = run(open_session(complete.SerializeToString()), names, {value.name: np.zeros(shape, np.float32)})
    return {name: array.shape for name, array in zip(names, arrays)}


def described(counts: "Counter[str]") -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_binary_option(parser)
    parser.add_argument("--torch", action="store_true", help="check what torch.onnx.export makes too")
    options = parser.parse_args()
    onnxcnn = find_binary(options.onnxcnn)
    checks = Checks("oracle_shapes")
    check_cases(checks, onnxcnn)
    for network in light_networks():
        check_network(checks, onnxcnn, network.name, onnx.load(str(network.path)))
    if options.torch:
        from oracles import torch_networks

        for name in ("resnet18", "densenet121"):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.onnx"
                torch_networks.export(torch_networks.network(name, 20), path, "torchscript")
                check_network(checks, onnxcnn, f"{name}_any_size", onnx.load(str(path)))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
