"""Random small nodes of every version of an operator, with what a public program computes for them.

`nodes(operator, version, count)` draws inputs and attributes with a seed of its own for each operator and version, so that
a case keeps its number when others are added. `expected` asks ONNX Runtime, or ONNX's reference evaluator where that is the
better or the only judge. Covered are the operators with windows, matrix products, normalization, and resizing.
"""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Optional

import numpy as np
import onnx
import onnxruntime
from onnx import helper
from onnx.reference import ReferenceEvaluator


@dataclass(frozen=True)
class NodeCase:
    """One node of a version of an operator. `inputs` has None where an optional input is left out."""

    operator: str
    version: int
    inputs: "tuple[Optional[np.ndarray], ...]"
    output_count: int
    attributes: "dict[str, Any]"

    @property
    def opset(self) -> int:
        """An operator set in which the version holds: its own, or for old ones as late a one as possible up to 7, before which
        ONNX Runtime takes few nodes."""
        later = [version for version in versions(self.operator) if version > self.version]
        return max(self.version, min(later[0] - 1 if later else 7, 7))

    def model(self) -> onnx.ModelProto:
        names = [f"in{number}" if array is not None else "" for number, array in enumerate(self.inputs)]
        outputs = [f"out{number}" for number in range(self.output_count)]
        node = helper.make_node(self.operator, names, outputs, **self.attributes)
        infos = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in zip(names, self.inputs)
            if array is not None
        ]
        untyped = [onnx.ValueInfoProto(name=name) for name in outputs]
        graph = helper.make_graph([node], "node", infos, untyped)
        opset = helper.make_opsetid("", self.opset)
        return helper.make_model(graph, opset_imports=[opset], ir_version=helper.find_min_ir_version_for([opset]))

    def feeds(self) -> "dict[str, np.ndarray]":
        return {f"in{number}": array for number, array in enumerate(self.inputs) if array is not None}

    def described(self) -> str:
        shapes = [None if array is None else list(array.shape) for array in self.inputs]
        return f"{self.attributes} {shapes}"


class Draw:
    """Seeded choices and arrays."""

    def __init__(self, operator: str, version: int) -> None:
        seed = zlib.crc32(f"{operator}-{version}".encode())
        self.choice = random.Random(seed)
        self.numbers = np.random.RandomState(seed)

    def normal(self, *shape: int) -> np.ndarray:
        return np.asarray(self.numbers.randn(*shape), dtype=np.float32)

    def positive(self, *shape: int) -> np.ndarray:
        return np.abs(self.normal(*shape)) + np.float32(0.1)

    def sizes(self, count: int, low: int, high: int) -> "list[int]":
        return [self.choice.randint(low, high) for _ in range(count)]

    def chance(self, probability: float) -> bool:
        return self.choice.random() < probability


Generator = Callable[[Draw, int], NodeCase]
GENERATORS: "dict[str, Generator]" = {}


def generates(*operators: str) -> "Callable[[Callable[[Draw, str, int], NodeCase]], Callable[[Draw, str, int], NodeCase]]":
    def register(function: "Callable[[Draw, str, int], NodeCase]") -> "Callable[[Draw, str, int], NodeCase]":
        for operator in operators:
            GENERATORS[operator] = lambda draw, version, operator=operator: function(draw, operator, version)
        return function

    return register


def versions(operator: str) -> "list[int]":
    """The operator sets at which ONNX changed the operator, but for those that only deprecate it."""
    schemas = onnx.defs.get_all_schemas_with_history()
    return sorted(s.since_version for s in schemas if s.name == operator and s.domain == "" and not s.deprecated)


def nodes(operator: str, version: int, count: int) -> "Iterator[NodeCase]":
    draw = Draw(operator, version)
    for _ in range(count):
        yield GENERATORS[operator](draw, version)


def expected(case: NodeCase) -> "Optional[list[np.ndarray]]":
    """What a public program computes; None if none takes the node."""
    # ONNX Runtime rounds lengths to whole elements where ONNX's own cases do not, and has no random mask to compare.
    judges = [run_reference] if case.operator in ("Resize", "Dropout") and case.version >= 11 else [run_runtime, run_reference]
    for judge in judges:
        try:
            outputs = judge(case)
        except Exception:  # Each has its own ways to say that it does not take a node.
            continue
        if len(outputs) == case.output_count and all(output is not None for output in outputs):
            return [np.asarray(output) for output in outputs]
    return None


def run_runtime(case: NodeCase) -> "list[np.ndarray]":
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(case.model().SerializeToString(), options, providers=["CPUExecutionProvider"])
    return list(session.run(None, case.feeds()))


def run_reference(case: NodeCase) -> "list[np.ndarray]":
    return list(ReferenceEvaluator(case.model()).run(None, case.feeds()))


# Windows


def window(draw: Draw, *, kernel_shape: bool, dilations: bool, ceil_mode: bool) -> "tuple[int, list[int], dict[str, Any]]":
    """The spatial rank, the kernel and the attributes of a window. Padding stays below the kernel, as ONNX Runtime asks."""
    rank = draw.choice.choice([1, 2, 2, 3])
    kernel = draw.sizes(rank, 1, 3)
    attributes: "dict[str, Any]" = {"kernel_shape": kernel} if kernel_shape else {}
    same = False
    if draw.chance(0.25):
        attributes["auto_pad"] = draw.choice.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])
        same = attributes["auto_pad"] != "VALID"
    elif draw.chance(0.7):
        attributes["pads"] = [draw.choice.randint(0, size - 1) for size in kernel + kernel]
    if draw.chance(0.8):
        # With a stride above the kernel, SAME needs no padding; ONNX Runtime asks for less than none.
        attributes["strides"] = [draw.choice.randint(1, size if same else 3) for size in kernel]
    # ONNX Runtime leaves dilations out of the padding of SAME and of the size of VALID.
    if dilations and "auto_pad" not in attributes and draw.chance(0.4):
        attributes["dilations"] = draw.sizes(rank, 1, 2)
    if ceil_mode and not same and draw.chance(0.5):
        attributes["ceil_mode"] = 1
    return rank, kernel, attributes


@generates("Conv")
def conv(draw: Draw, operator: str, version: int) -> NodeCase:
    rank, kernel, attributes = window(draw, kernel_shape=False, dilations=True, ceil_mode=False)
    group = attributes["group"] = draw.choice.choice([1, 1, 2])
    inputs = [draw.normal(2, 2 * group, *draw.sizes(rank, 5, 7)), draw.normal(2 * group, 2, *kernel)]
    if draw.chance(0.5):
        inputs.append(draw.normal(2 * group))
    return NodeCase(operator, version, tuple(inputs), 1, attributes)


@generates("ConvTranspose")
def conv_transpose(draw: Draw, operator: str, version: int) -> NodeCase:
    rank, kernel, attributes = window(draw, kernel_shape=True, dilations=True, ceil_mode=False)
    group = attributes["group"] = draw.choice.choice([1, 1, 2])
    strides = attributes.get("strides", [1] * rank)
    sizes = draw.sizes(rank, 3, 5)
    if draw.chance(0.4):
        attributes["output_padding"] = [draw.choice.randint(0, stride - 1) for stride in strides]
    if draw.chance(0.3):
        attributes["output_shape"] = [size * stride + draw.choice.randint(0, 2) for size, stride in zip(sizes, strides)]
    inputs = [draw.normal(2, 2 * group, *sizes), draw.normal(2 * group, 2, *kernel)]
    if draw.chance(0.5):
        inputs.append(draw.normal(2 * group))
    return NodeCase(operator, version, tuple(inputs), 1, attributes)


@generates("MaxPool")
def max_pool(draw: Draw, operator: str, version: int) -> NodeCase:
    rank, _, attributes = window(draw, kernel_shape=True, dilations=version >= 10, ceil_mode=version >= 10)
    shape = [2, 2, *draw.sizes(rank, 5, 7)]
    output_count = 2 if version >= 8 and draw.chance(0.6) else 1
    if output_count == 2 and draw.chance(0.4):
        attributes["storage_order"] = 1
    if version >= 12 and draw.chance(0.3):
        x = draw.numbers.randint(-100, 100, shape).astype(np.int8)
    else:
        x = draw.normal(*shape)
    return NodeCase(operator, version, (x,), output_count, attributes)


@generates("AveragePool")
def average_pool(draw: Draw, operator: str, version: int) -> NodeCase:
    rank, _, attributes = window(draw, kernel_shape=True, dilations=version >= 19, ceil_mode=version >= 10)
    if version == 1:
        # It does not say whether padding counts.
        attributes.pop("pads", None)
        attributes.pop("auto_pad", None)
    elif draw.chance(0.5):
        attributes["count_include_pad"] = 1
    return NodeCase(operator, version, (draw.normal(2, 2, *draw.sizes(rank, 5, 7)),), 1, attributes)


@generates("LpPool")
def lp_pool(draw: Draw, operator: str, version: int) -> NodeCase:
    rank, _, attributes = window(draw, kernel_shape=True, dilations=version >= 18, ceil_mode=version >= 18)
    p = draw.choice.randint(1, 3)
    attributes["p"] = float(p) if version == 1 else p
    return NodeCase(operator, version, (draw.normal(2, 2, *draw.sizes(rank, 5, 7)),), 1, attributes)


@generates("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(draw: Draw, operator: str, version: int) -> NodeCase:
    attributes: "dict[str, Any]" = {}
    if operator == "GlobalLpPool":
        p = draw.choice.randint(1, 3)
        attributes["p"] = float(p) if version == 1 else p
    return NodeCase(operator, version, (draw.normal(2, 3, *draw.sizes(draw.choice.randint(1, 3), 1, 4)),), 1, attributes)


@generates("MaxUnpool")
def max_unpool(draw: Draw, operator: str, version: int) -> NodeCase:
    rank = draw.choice.choice([1, 2])
    kernel, strides, sizes = draw.sizes(rank, 1, 3), draw.sizes(rank, 1, 3), draw.sizes(rank, 2, 4)
    unpooled = [(size - 1) * stride + k for size, stride, k in zip(sizes, strides, kernel)]
    shape = (1, 2, *sizes)
    room = max(2 * int(np.prod(unpooled)), 1)
    # Distinct indices: where two elements meet, the specification leaves the winner open.
    count = int(np.prod(shape))
    indices = draw.numbers.permutation(max(room, count))[:count] % room
    indices = indices.reshape(shape).astype(np.int64)
    return NodeCase(operator, version, (draw.normal(*shape), indices), 1, {"kernel_shape": kernel, "strides": strides})


# Matrix products


@generates("Gemm")
def gemm(draw: Draw, operator: str, version: int) -> NodeCase:
    m, k, n = draw.sizes(3, 1, 5)
    attributes = {"transA": draw.choice.randint(0, 1), "transB": draw.choice.randint(0, 1)}
    attributes.update(alpha=draw.choice.choice([1.0, 0.5]), beta=draw.choice.choice([1.0, 2.0, 0.0]))
    shapes = [(), (1,), (n,), (1, n), (m, 1), (m, n)]
    if version < 7:
        attributes["broadcast"] = 1
        attributes["beta"] = 1.0
    a = draw.normal(*((k, m) if attributes["transA"] else (m, k)))
    b = draw.normal(*((n, k) if attributes["transB"] else (k, n)))
    if version >= 11 and draw.chance(0.2):
        return NodeCase(operator, version, (a, b), 1, attributes)
    return NodeCase(operator, version, (a, b, draw.normal(*draw.choice.choice(shapes))), 1, attributes)


@generates("MatMul")
def mat_mul(draw: Draw, operator: str, version: int) -> NodeCase:
    m, k, n = draw.sizes(3, 1, 5)
    batch = draw.sizes(draw.choice.randint(0, 2), 1, 3)
    other = [draw.choice.choice([1, size]) for size in batch][draw.choice.randint(0, len(batch)) :]
    a, b = draw.normal(*batch, m, k), draw.normal(*other, k, n)
    if draw.chance(0.2):
        a = draw.normal(k)
    elif draw.chance(0.2):
        b = draw.normal(k)
    return NodeCase(operator, version, (a, b), 1, {})


# Normalization


@generates("Softmax", "LogSoftmax")
def softmax(draw: Draw, operator: str, version: int) -> NodeCase:
    shape = draw.sizes(draw.choice.randint(1, 4), 1, 4)
    lowest = 0 if version < 11 else -len(shape)
    attributes = {"axis": draw.choice.randint(lowest, len(shape) - 1)} if len(shape) < 2 or draw.chance(0.8) else {}
    return NodeCase(operator, version, (draw.normal(*shape),), 1, attributes)


@generates("BatchNormalization")
def batch_normalization(draw: Draw, operator: str, version: int) -> NodeCase:
    channels = draw.choice.randint(1, 4)
    spatial = draw.sizes(draw.choice.randint(1, 3), 1, 3)
    attributes: "dict[str, Any]" = {"epsilon": 0.01}
    parameter_shape, output_count = [channels], 1
    if version < 7:
        attributes["is_test"] = 1
        if version == 1:
            attributes["consumed_inputs"] = [0, 0, 0, 1, 1]
    elif version == 7 and draw.chance(0.4):
        attributes["spatial"] = 0
        parameter_shape = [channels, *spatial]
    elif version >= 14 and draw.chance(0.5):
        attributes.update(training_mode=1, momentum=0.75)
        output_count = 3
    parameters = [draw.normal(*parameter_shape) for _ in range(3)] + [draw.positive(*parameter_shape)]
    return NodeCase(operator, version, (draw.normal(3, channels, *spatial), *parameters), output_count, attributes)


@generates("InstanceNormalization")
def instance_normalization(draw: Draw, operator: str, version: int) -> NodeCase:
    channels = draw.choice.randint(1, 4)
    x = draw.normal(2, channels, *draw.sizes(draw.choice.randint(1, 3), 2, 4))
    return NodeCase(operator, version, (x, draw.normal(channels), draw.normal(channels)), 1, {"epsilon": 0.01})


@generates("GroupNormalization")
def group_normalization(draw: Draw, operator: str, version: int) -> NodeCase:
    groups, per_group = draw.sizes(2, 1, 3)
    count = groups if version < 21 else groups * per_group
    x = draw.normal(2, groups * per_group, *draw.sizes(draw.choice.randint(1, 2), 2, 4))
    return NodeCase(operator, version, (x, draw.normal(count), draw.normal(count)), 1, {"num_groups": groups})


@generates("LayerNormalization")
def layer_normalization(draw: Draw, operator: str, version: int) -> NodeCase:
    shape = draw.sizes(draw.choice.randint(1, 4), 2, 4)
    axis = draw.choice.randint(-len(shape), len(shape) - 1)
    parameters = [draw.normal(*shape[axis % len(shape) :]) for _ in range(draw.choice.randint(1, 2))]
    inputs = (draw.normal(*shape), *parameters)
    return NodeCase(operator, version, inputs, draw.choice.choice([1, 3]), {"axis": axis, "epsilon": 0.01})


@generates("LpNormalization")
def lp_normalization(draw: Draw, operator: str, version: int) -> NodeCase:
    shape = draw.sizes(draw.choice.randint(1, 4), 1, 4)
    attributes = {"axis": draw.choice.randint(-len(shape), len(shape) - 1), "p": draw.choice.randint(1, 2)}
    return NodeCase(operator, version, (draw.normal(*shape),), 1, attributes)


@generates("LRN")
def lrn(draw: Draw, operator: str, version: int) -> NodeCase:
    # ONNX Runtime takes odd sizes only.
    attributes = {"size": draw.choice.choice([1, 3, 5, 7]), "alpha": 0.1, "beta": 0.6, "bias": 1.5}
    return NodeCase(operator, version, (draw.normal(2, draw.choice.randint(1, 6), 3, 2),), 1, attributes)


@generates("Dropout")
def dropout(draw: Draw, operator: str, version: int) -> NodeCase:
    x = draw.normal(*draw.sizes(draw.choice.randint(1, 4), 1, 4))
    if version < 12:
        attributes: "dict[str, Any]" = {"ratio": 0.3}
        if version < 7:
            attributes["is_test"] = 1
        return NodeCase(operator, version, (x,), 1, attributes)
    inputs = (x, np.array(0.4, np.float32), np.array(draw.chance(0.7)))
    return NodeCase(operator, version, inputs, draw.choice.choice([1, 2]), {"seed": draw.choice.randint(0, 1000)})


# Resizing


@generates("Upsample")
def upsample(draw: Draw, operator: str, version: int) -> NodeCase:
    x = draw.normal(1, 2, *draw.sizes(2, 2, 5))
    # ONNX Runtime copies where the size does not change; 1.5 and more always change it.
    height, width = draw.choice.choice([1.0, 1.5, 2.0, 3.0]), draw.choice.choice([1.0, 1.5, 2.0, 2.5])
    mode = draw.choice.choice(["nearest", "bilinear" if version == 1 else "linear"])
    if version == 1:
        return NodeCase(operator, version, (x,), 1, {"mode": mode, "height_scale": height, "width_scale": width})
    if version == 7:
        return NodeCase(operator, version, (x,), 1, {"mode": mode, "scales": [1.0, 1.0, height, width]})
    return NodeCase(operator, version, (x, np.array([1, 1, height, width], np.float32)), 1, {"mode": mode})


@generates("Resize")
def resize(draw: Draw, operator: str, version: int) -> NodeCase:
    shape = [1, 2, *draw.sizes(2, 2, 6)]
    x = draw.normal(*shape)
    scales = np.array([1, 1, *(draw.choice.choice([0.5, 0.75, 1.5, 2, 2.5, 3]) for _ in range(2))], np.float32)
    if version == 10:
        return NodeCase(operator, version, (x, scales), 1, {"mode": draw.choice.choice(["nearest", "linear"])})
    mode = draw.choice.choice(["nearest", "linear", "cubic"])
    modes = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize"]
    coordinates = draw.choice.choice(modes + (["half_pixel_symmetric"] if version >= 19 else []))
    attributes: "dict[str, Any]" = {"mode": mode, "coordinate_transformation_mode": coordinates}
    if mode == "nearest":
        attributes["nearest_mode"] = draw.choice.choice(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    else:
        attributes["exclude_outside"] = draw.choice.randint(0, 1)
        if version >= 18 and draw.chance(0.3):
            attributes["antialias"] = 1
    if mode == "cubic":
        attributes["cubic_coeff_a"] = draw.choice.choice([-0.5, -0.75])
    region = np.zeros(0, np.float32)
    if coordinates == "tf_crop_and_resize":
        # Multiples of 1/8, so that no position falls beside a border by rounding alone.
        region = np.array([0, 0, 0.125, -0.25, 1, 1, 0.75, 1.25], np.float32)
        attributes["extrapolation_value"] = 7.0
    sizes = np.array([1, 2, *draw.sizes(2, 1, 9)], np.int64)
    if version >= 18 and draw.chance(0.5):
        attributes["axes"] = [2, 3]
        scales, sizes = scales[2:], sizes[2:]
        region = region[[2, 3, 6, 7]] if region.size else region
        if draw.chance(0.5):
            attributes["keep_aspect_ratio_policy"] = draw.choice.choice(["not_larger", "not_smaller"])
    if "keep_aspect_ratio_policy" not in attributes and draw.chance(0.5):
        return NodeCase(operator, version, (x, region, scales), 1, attributes)
    no_scales = np.zeros(0, np.float32) if version == 11 else None
    return NodeCase(operator, version, (x, region, no_scales, sizes), 1, attributes)
