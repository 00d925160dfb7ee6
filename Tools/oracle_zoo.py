#!/usr/bin/env python3
"""The networks that onnxcnn builds itself, against ONNX's checker and ONNX Runtime.

    .venv/bin/python Tools/oracle_zoo.py [--onnxcnn PATH] [--all | --only NAME …]

One network of each family, or all of them, is written by `onnxcnn new` with seeded weights, must pass
`onnx.checker.check_model(full_check=True)`, declares every value with the shape that ONNX infers, and gives the numbers of
ONNX Runtime (optimisations off) for a batch of two. LeNet-5 and GoogLeNet are also written for operator sets 7 and 25.

Tolerance: `onnxcnn verify --tolerance fixed`, rtol 1e-3 and atol 1e-5 times the reference's largest magnitude.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from oracles.checks import Checks
from oracles.command import Onnxcnn, add_binary_option, find_binary
from oracles.reference_run import evaluate

NAMES = (
    "lenet5 alexnet zfnet vgg11 vgg13 vgg16 vgg19 googlenet resnet18 resnet34 resnet50 resnet101 resnet152 "
    "densenet121 densenet169 densenet201"
).split()
#: One of each family, and both kinds of residual block: what a run takes unless asked for all.
SAMPLE = "lenet5 alexnet zfnet vgg11 googlenet resnet18 resnet50 densenet121".split()
SEED = 7
BATCH = 2
#: What a model built in Swift is exported as unless asked otherwise.
IR_VERSION, OPSET = 8, 17


def declared_dimensions(value: "onnx.ValueInfoProto") -> "list[int | None]":
    """Sizes of a declared shape, None for a name."""
    dimensions = value.type.tensor_type.shape.dim
    return [d.dim_value if d.HasField("dim_value") else None for d in dimensions]


def check_file(checks: Checks, label: str, path: Path, opset: int) -> onnx.ModelProto:
    onnx.checker.check_model(str(path), full_check=True)
    checks.check(f"{label}: full check", True)
    model = onnx.load(str(path))
    checks.check(f"{label}: operator set {opset}", [(o.domain, o.version) for o in model.opset_import] == [("", opset)])
    checks.check(f"{label}: producer", model.producer_name == "onnxcnn" and bool(model.producer_version))
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    checks.check(f"{label}: the batch is N", len(model.graph.input) == 1 and batch.dim_param == "N", str(batch))

    declared = {value.name: declared_dimensions(value) for value in [*model.graph.value_info, *model.graph.output]}
    computed = [name for node in model.graph.node for name in node.output if name]
    missing = [name for name in computed if name not in declared]
    checks.check(f"{label}: every value is declared", not missing, ", ".join(missing[:5]))
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(bare, strict_mode=True, data_prop=True)
    wrong = [
        f"{value.name}: {declared.get(value.name)} and {declared_dimensions(value)}"
        for value in inferred.graph.value_info
        if declared.get(value.name) != declared_dimensions(value)
    ]
    checks.check(f"{label}: as ONNX infers", not wrong, "\n".join(wrong[:5]))
    return model


def check_numbers(checks: Checks, label: str, onnxcnn: Onnxcnn, model: onnx.ModelProto, path: Path, folder: Path) -> None:
    sizes = declared_dimensions(model.graph.input[0])[1:]
    image = np.random.default_rng(SEED).standard_normal((BATCH, *[size or 1 for size in sizes])).astype(np.float32)
    (scores,) = evaluate(path, {"image": image}).values()
    checks.check(f"{label}: scores of a sound magnitude", bool(np.isfinite(scores).all() and 1e-3 < scores.std() < 1e3))
    np.save(folder / "input.npy", image)
    np.save(folder / "out.npy", scores)
    done = onnxcnn("verify", path, "--input", folder / "input.npy", "--reference", folder / "out.npy", "--tolerance", "fixed")
    checks.check(f"{label}: the numbers of ONNX Runtime", done.code == 0, done.described() if done.code else "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every network")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help="these networks")
    parser.add_argument("--torch", action="store_true", help="accepted for Tools/test; nothing here needs PyTorch")
    add_binary_option(parser)
    options = parser.parse_args()
    onnxcnn = find_binary(options.onnxcnn)
    checks = Checks("oracle_zoo")
    names = options.only or (NAMES if options.all else SAMPLE)
    runs = [(name, OPSET) for name in names]
    runs += [(name, opset) for name in ("lenet5", "googlenet") if name in names for opset in (7, 25)]
    for name, opset in runs:
        label = name if opset == OPSET else f"{name} (operator set {opset})"
        with checks.guarded(label), tempfile.TemporaryDirectory() as directory:
            folder = Path(directory)
            path = folder / f"{name}.onnx"
            done = onnxcnn("new", name, "--seed", str(SEED), "--opset", str(opset), "-o", path)
            if not checks.check(f"{label}: written", done.code == 0, done.described() if done.code else ""):
                continue
            model = check_file(checks, label, path, opset)
            if opset == OPSET:
                checks.check(f"{label}: IR version {IR_VERSION}", model.ir_version == IR_VERSION)
            check_numbers(checks, label, onnxcnn, model, path, folder)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
