#!/usr/bin/env python3
"""How far float32 implementations of elementary functions are off: the origin of the bounds in ElementaryRounding.swift.

    .venv/bin/python Tools/oracle_rounding.py

Every function is evaluated by ONNX Runtime, and by OpenVINO where it is installed, on 10^6 arguments, and compared with
float64. A check fails where one is off by more than the bound that `onnxcnn verify` allows.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from oracles.checks import Checks
from oracles.command import add_binary_option

#: The unit roundoff of float32.
U = 2.0**-24
#: Below this, results may be flushed to 0.
SMALLEST = 2.0**-126

Array = np.ndarray
Bound = Callable[[Array, Array], Array]

erf = np.vectorize(math.erf, otypes=[np.float64])
erfc = np.vectorize(math.erfc, otypes=[np.float64])


def softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def relative(x: Array, y: Array) -> Array:
    return 8 * U * np.abs(y)


#: Name: exact function, attributes, bound in terms of x and y (plus SMALLEST).
FUNCTIONS: dict[str, tuple[str, Callable[[Array], Array], dict[str, str], Bound]] = {
    "Exp": ("Exp", np.exp, {}, lambda x, y: np.where(y >= 2.0**127, np.inf, relative(x, y))),
    "Log": ("Log", np.log, {}, lambda x, y: relative(x, y) + 2 * U),
    "Tanh": ("Tanh", np.tanh, {}, relative),
    "Erf": ("Erf", erf, {}, lambda x, y: relative(x, y) + 16 * U),
    "Sigmoid": ("Sigmoid", sigmoid, {}, lambda x, y: relative(x, y) + 4 * U),
    "Softplus": ("Softplus", softplus, {}, lambda x, y: 8 * U * (np.abs(x) + 1)),
    "Softsign": ("Softsign", lambda x: x / (1 + np.abs(x)), {}, lambda x, y: 4 * U * np.abs(y)),
    "Sqrt": ("Sqrt", np.sqrt, {}, lambda x, y: 2 * U * np.abs(y)),
    "Reciprocal": ("Reciprocal", lambda x: 1 / x, {}, lambda x, y: 4 * U * np.abs(y)),
    "Elu": ("Elu", lambda x: np.where(x > 0, x, np.expm1(x)), {}, lambda x, y: relative(x, y) + np.where(x > 0, 0, 8 * U)),
    "Gelu": ("Gelu", lambda x: 0.5 * x * erfc(-x * math.sqrt(0.5)), {}, lambda x, y: 16 * U * np.abs(x)),
    "Gelu by tanh": (
        "Gelu",
        lambda x: x * sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)),
        {"approximate": "tanh"},
        lambda x, y: 16 * U * np.abs(x),
    ),
    "Mish": ("Mish", lambda x: x * np.tanh(softplus(x)), {}, lambda x, y: 16 * U * np.abs(x)),
    "HardSwish": ("HardSwish", lambda x: x * np.clip(x / 6 + 0.5, 0, 1), {}, lambda x, y: 4 * U * np.abs(x)),
}


def arguments(positive: bool) -> Array:
    """10^6 float32 numbers: uniform in three ranges and by powers of ten, of both signs unless `positive`."""
    random = np.random.default_rng(1)
    x = np.concatenate(
        [
            random.uniform(-20, 20, 400_000),
            random.uniform(-1, 1, 200_000),
            random.uniform(-100, 88, 200_000),
            10 ** random.uniform(-8, 2, 100_000),
            -(10 ** random.uniform(-8, 1.9, 100_000)),
        ]
    ).astype(np.float32)
    return np.abs(x) + np.float32(1e-30) if positive else x


def backends() -> Iterator[tuple[str, Callable[[onnx.ModelProto, Array], Array]]]:
    def by_onnxruntime(model: onnx.ModelProto, x: Array) -> Array:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, {"x": x})[0]

    yield "ONNX Runtime", by_onnxruntime
    try:
        import openvino
    except ImportError:
        return

    def by_openvino(model: onnx.ModelProto, x: Array) -> Array:
        core = openvino.Core()
        options = {"INFERENCE_PRECISION_HINT": "f32"}
        return core.compile_model(core.read_model(model.SerializeToString()), "CPU", options)([x])[0]

    yield "OpenVINO", by_openvino


def model_of(operator: str, attributes: dict[str, str], count: int) -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y"], **attributes)],
        "function",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [count])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [count])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", action="store_true", help="accepted for Tools/test; nothing here needs PyTorch")
    add_binary_option(parser)
    parser.parse_args()
    checks = Checks("oracle_rounding")
    for label, (operator, exact, attributes, bound) in FUNCTIONS.items():
        x = arguments(positive=operator in ("Log", "Sqrt"))
        with np.errstate(all="ignore"):
            expected = exact(x.astype(np.float64))
        limit = bound(x.astype(np.float64), expected) + SMALLEST
        for name, run in backends():
            with checks.guarded(f"{label} by {name}"):
                error = np.abs(run(model_of(operator, attributes, len(x)), x).astype(np.float64) - expected)
                # Where the exact value is beyond float32, an infinity is right.
                with np.errstate(all="ignore"):
                    share = np.where(np.abs(expected) < 2.0**127, error / limit, 0)
                worst = int(np.argmax(share))
                checks.check(
                    f"{label} by {name}", bool(share[worst] <= 1), f"{share[worst]:.2f} of the bound, at {x[worst]:.7g}"
                )
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
