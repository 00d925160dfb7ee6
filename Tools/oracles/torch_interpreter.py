"""Runs an ONNX graph node by node on PyTorch's operators, and keeps every value under its ONNX name.

It covers what convolutional networks are made of; what it does not know it refuses by name. Each function states how ONNX's
operator is said in PyTorch's terms where the two differ: padding that is not the same on both sides, rounding up of window
counts, divisors of averages.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, Optional, Sequence

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

from oracles.reference_run import ReferenceError

Attributes = Mapping[str, Any]
Operator = Callable[["list[Optional[torch.Tensor]]", Attributes, int], "torch.Tensor | tuple[torch.Tensor, ...]"]

OPERATORS: "dict[str, Operator]" = {}


def operator(*names: str) -> "Callable[[Operator], Operator]":
    def register(function: Operator) -> Operator:
        for name in names:
            OPERATORS[name] = function
        return function

    return register


def evaluate(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray], threads: int) -> "dict[str, np.ndarray]":
    """Every value that a node of the top graph computes, in execution order."""
    unknown = sorted({node.op_type for node in model.graph.node if node.op_type not in OPERATORS or node.domain not in ("", "ai.onnx")})
    if unknown:
        raise ReferenceError(
            f"the torch backend does not know {', '.join(unknown)}; --backend onnxruntime or onnx runs every operator"
        )
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 1)
    torch.set_num_threads(threads)
    values: "dict[str, torch.Tensor]" = {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in model.graph.initializer
    }
    values.update({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in feeds.items()})
    computed: "dict[str, np.ndarray]" = {}
    with torch.no_grad():
        for node in model.graph.node:
            attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
            inputs = [values[name] if name else None for name in node.input]
            try:
                results = OPERATORS[node.op_type](inputs, attributes, opset)
            except (RuntimeError, TypeError, KeyError, IndexError) as error:
                raise ReferenceError(f"PyTorch can't compute node '{node.name}' ({node.op_type}): {error}") from error
            for name, result in zip(node.output, results if isinstance(results, tuple) else (results,)):
                if name:
                    values[name] = result
                    computed[name] = result.numpy()
    return computed


def optional(inputs: "Sequence[Optional[torch.Tensor]]", place: int) -> "Optional[torch.Tensor]":
    return inputs[place] if place < len(inputs) else None


# -- Windows


def window(x: torch.Tensor, attributes: Attributes, kernel: "Sequence[int]") -> "tuple[list[int], list[int], list[int], list[int]]":
    """Strides, dilations, padding before and padding after each spatial axis, with auto_pad resolved."""
    rank = len(kernel)
    strides = list(attributes.get("strides", [1] * rank))
    dilations = list(attributes.get("dilations", [1] * rank))
    pads = list(attributes.get("pads", [0] * (2 * rank)))
    before, after = pads[:rank], pads[rank:]
    automatic = attributes.get("auto_pad", b"NOTSET").decode()
    if automatic == "VALID":
        before, after = [0] * rank, [0] * rank
    elif automatic in ("SAME_UPPER", "SAME_LOWER"):
        for axis, size in enumerate(x.shape[2:]):
            extent = (kernel[axis] - 1) * dilations[axis] + 1
            total = max((-(-size // strides[axis]) - 1) * strides[axis] + extent - size, 0)
            small, large = total // 2, total - total // 2
            before[axis], after[axis] = (small, large) if automatic == "SAME_UPPER" else (large, small)
    return strides, dilations, before, after


def padded(x: torch.Tensor, before: "Sequence[int]", after: "Sequence[int]", value: float) -> torch.Tensor:
    """PyTorch counts axes from the last one."""
    amounts = [amount for pair in reversed(list(zip(before, after))) for amount in pair]
    return F.pad(x, amounts, value=value) if any(amounts) else x


def ceiling(
    x: torch.Tensor, attributes: Attributes, kernel: "Sequence[int]", strides: "Sequence[int]", dilations: "Sequence[int]",
    before: "Sequence[int]", after: "Sequence[int]",
) -> "list[int]":
    """With ceil_mode, by how much each axis must grow at its end so that the last, incomplete window fits."""
    growth = [0] * len(kernel)
    if attributes.get("ceil_mode", 0):
        for axis, size in enumerate(x.shape[2:]):
            extent = (kernel[axis] - 1) * dilations[axis] + 1
            length = size + before[axis] + after[axis]
            count = -(-(length - extent) // strides[axis]) + 1
            # A window that would begin in the padding at the end is left out.
            if (count - 1) * strides[axis] >= size + before[axis]:
                count -= 1
            growth[axis] = max((count - 1) * strides[axis] + extent - length, 0)
    return growth


@operator("Conv")
def conv(inputs, attributes, opset):
    x, w = inputs[0], inputs[1]
    strides, dilations, before, after = window(x, attributes, list(w.shape[2:]))
    function = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[w.dim() - 2]
    if before == after:
        return function(x, w, optional(inputs, 2), strides, before, dilations, attributes.get("group", 1))
    return function(padded(x, before, after, 0), w, optional(inputs, 2), strides, 0, dilations, attributes.get("group", 1))


@operator("MaxPool")
def max_pool(inputs, attributes, opset):
    x, kernel = inputs[0], list(attributes["kernel_shape"])
    strides, dilations, before, after = window(x, attributes, kernel)
    growth = ceiling(x, attributes, kernel, strides, dilations, before, after)
    function = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[len(kernel)]
    filled = padded(x, before, [a + g for a, g in zip(after, growth)], float("-inf"))
    return function(filled, kernel, strides, 0, dilations)


@operator("AveragePool")
def average_pool(inputs, attributes, opset):
    x, kernel = inputs[0], list(attributes["kernel_shape"])
    strides, dilations, before, after = window(x, attributes, kernel)
    if any(dilation != 1 for dilation in dilations):
        raise ReferenceError("the torch backend has no dilated AveragePool")
    growth = ceiling(x, attributes, kernel, strides, dilations, before, after)
    # What counts in the divisor is a matter of its own: the sum of a mask under the same windows.
    ones = torch.ones((1, 1, *x.shape[2:]), dtype=x.dtype)
    mask = padded(ones, before, after, 1 if attributes.get("count_include_pad", 0) else 0)
    mask = padded(mask, [0] * len(kernel), growth, 0)
    filled = padded(x, before, [a + g for a, g in zip(after, growth)], 0)
    function = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[len(kernel)]
    count = float(np.prod(kernel))
    return function(filled, kernel, strides) * count / (function(mask, kernel, strides) * count).round()


@operator("GlobalAveragePool")
def global_average_pool(inputs, attributes, opset):
    return inputs[0].mean(dim=tuple(range(2, inputs[0].dim())), keepdim=True)


@operator("GlobalMaxPool")
def global_max_pool(inputs, attributes, opset):
    return inputs[0].amax(dim=tuple(range(2, inputs[0].dim())), keepdim=True)


# -- Normalization and classification


@operator("BatchNormalization")
def batch_normalization(inputs, attributes, opset):
    if attributes.get("training_mode", 0):
        raise ReferenceError("the torch backend runs BatchNormalization for inference only")
    x, scale, bias, mean, variance = inputs
    return F.batch_norm(x, mean, variance, scale, bias, False, 0.0, attributes.get("epsilon", 1e-5))


@operator("LRN")
def lrn(inputs, attributes, opset):
    # Written out: for an even size ONNX's window reaches further to later channels, PyTorch's to earlier ones.
    x, size = inputs[0], attributes["size"]
    squares = F.pad(x.square(), (0, 0) * (x.dim() - 2) + ((size - 1) // 2, size // 2))
    total = sum(squares[:, shift : shift + x.shape[1]] for shift in range(size))
    base = attributes.get("bias", 1.0) + attributes.get("alpha", 1e-4) / size * total
    return x / base.pow(attributes.get("beta", 0.75))


def softmax_with(function, inputs, attributes, opset):
    x = inputs[0]
    if opset >= 13:
        return function(x, dim=attributes.get("axis", -1))
    axis = attributes.get("axis", 1) % max(x.dim(), 1)
    rows = int(np.prod(x.shape[:axis]))
    return function(x.reshape(rows, -1), dim=1).reshape(x.shape)


@operator("Softmax")
def softmax(inputs, attributes, opset):
    return softmax_with(F.softmax, inputs, attributes, opset)


@operator("LogSoftmax")
def log_softmax(inputs, attributes, opset):
    return softmax_with(F.log_softmax, inputs, attributes, opset)


@operator("Gemm")
def gemm(inputs, attributes, opset):
    a = inputs[0].T if attributes.get("transA", 0) else inputs[0]
    b = inputs[1].T if attributes.get("transB", 0) else inputs[1]
    alpha, beta, c = attributes.get("alpha", 1.0), attributes.get("beta", 1.0), optional(inputs, 2)
    return alpha * (a @ b) if c is None else torch.addmm(c, a, b, beta=beta, alpha=alpha)


@operator("MatMul")
def matmul(inputs, attributes, opset):
    return inputs[0] @ inputs[1]


# -- Element by element


def elementwise(name: str, function: "Callable[..., torch.Tensor]") -> None:
    OPERATORS[name] = lambda inputs, attributes, opset: function(*inputs)


for _name, _function in {
    "Relu": torch.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Exp": torch.exp, "Log": torch.log,
    "Sqrt": torch.sqrt, "Abs": torch.abs, "Neg": torch.neg, "Reciprocal": torch.reciprocal, "Identity": torch.clone,
    "Softplus": F.softplus, "HardSwish": F.hardswish, "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Pow": torch.pow,
    "Floor": torch.floor, "Ceil": torch.ceil, "Erf": torch.erf,
}.items():
    elementwise(_name, _function)


@operator("Div")
def div(inputs, attributes, opset):
    return torch.div(*inputs, rounding_mode=None if inputs[0].is_floating_point() else "trunc")


def folded(function: "Callable[[torch.Tensor, torch.Tensor], torch.Tensor]") -> Operator:
    def run(inputs, attributes, opset):
        total = inputs[0]
        for other in inputs[1:]:
            total = function(total, other)
        return total

    return run


OPERATORS["Sum"] = folded(torch.add)
OPERATORS["Max"] = folded(torch.maximum)
OPERATORS["Min"] = folded(torch.minimum)


@operator("LeakyRelu")
def leaky_relu(inputs, attributes, opset):
    return F.leaky_relu(inputs[0], attributes.get("alpha", 0.01))


@operator("Elu")
def elu(inputs, attributes, opset):
    return F.elu(inputs[0], attributes.get("alpha", 1.0))


@operator("PRelu")
def prelu(inputs, attributes, opset):
    return torch.where(inputs[0] < 0, inputs[0] * inputs[1], inputs[0])


@operator("HardSigmoid")
def hard_sigmoid(inputs, attributes, opset):
    return (inputs[0] * attributes.get("alpha", 0.2) + attributes.get("beta", 0.5)).clamp(0, 1)


@operator("Clip")
def clip(inputs, attributes, opset):
    low = optional(inputs, 1) if opset >= 11 else attributes.get("min")
    high = optional(inputs, 2) if opset >= 11 else attributes.get("max")
    x = inputs[0]
    x = x if low is None else torch.maximum(x, torch.as_tensor(low, dtype=x.dtype))
    return x if high is None else torch.minimum(x, torch.as_tensor(high, dtype=x.dtype))


@operator("Dropout")
def dropout(inputs, attributes, opset):
    training = optional(inputs, 2)
    if training is not None and bool(training):
        raise ReferenceError("the torch backend runs Dropout for inference only")
    # The mask of an inference is nobody's input and every program's own choice: it is left out.
    return inputs[0].clone()


@operator("Cast")
def cast(inputs, attributes, opset):
    dtype = onnx.helper.tensor_dtype_to_np_dtype(attributes["to"])
    return inputs[0].to(torch.from_numpy(np.zeros(1, dtype)).dtype)


# -- Data movement


def numbers(inputs: "Sequence[Optional[torch.Tensor]]", place: int, attributes: Attributes, name: str) -> "Optional[list[int]]":
    """A list that newer versions of an operator take as an input and older ones as an attribute."""
    given = optional(inputs, place)
    if given is not None:
        return [int(value) for value in given.reshape(-1)]
    return list(attributes[name]) if name in attributes else None


@operator("Constant")
def constant(inputs, attributes, opset):
    if "value" in attributes:
        return torch.from_numpy(numpy_helper.to_array(attributes["value"]).copy())
    for name, dtype in (("value_float", torch.float32), ("value_floats", torch.float32), ("value_int", torch.int64), ("value_ints", torch.int64)):
        if name in attributes:
            return torch.tensor(attributes[name], dtype=dtype)
    raise ReferenceError("the torch backend knows no such Constant")


@operator("Concat")
def concat(inputs, attributes, opset):
    return torch.cat(inputs, dim=attributes.get("axis", 1))


@operator("Flatten")
def flatten(inputs, attributes, opset):
    x, axis = inputs[0], attributes.get("axis", 1)
    axis = axis + x.dim() if axis < 0 else axis
    return x.reshape(int(np.prod(x.shape[:axis])), -1)


@operator("Reshape")
def reshape(inputs, attributes, opset):
    shape = numbers(inputs, 1, attributes, "shape") or []
    if not attributes.get("allowzero", 0):
        shape = [inputs[0].shape[axis] if size == 0 else size for axis, size in enumerate(shape)]
    return inputs[0].reshape(shape)


@operator("Transpose")
def transpose(inputs, attributes, opset):
    return inputs[0].permute(attributes.get("perm", list(reversed(range(inputs[0].dim()))))).contiguous()


@operator("Squeeze")
def squeeze(inputs, attributes, opset):
    axes = numbers(inputs, 1, attributes, "axes")
    return inputs[0].squeeze() if axes is None else inputs[0].squeeze(tuple(axes))


@operator("Unsqueeze")
def unsqueeze(inputs, attributes, opset):
    axes = numbers(inputs, 1, attributes, "axes") or []
    rank = inputs[0].dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        inputs[0] = inputs[0].unsqueeze(axis)
    return inputs[0]


@operator("Shape")
def shape_of(inputs, attributes, opset):
    return torch.tensor(list(inputs[0].shape), dtype=torch.int64)[attributes.get("start", 0) : attributes.get("end")]


@operator("Gather")
def gather(inputs, attributes, opset):
    axis = attributes.get("axis", 0) % inputs[0].dim()
    positions = inputs[1] % inputs[0].shape[axis]
    taken = inputs[0].index_select(axis, positions.reshape(-1))
    return taken.reshape(*inputs[0].shape[:axis], *positions.shape, *inputs[0].shape[axis + 1 :])


@operator("ConstantOfShape")
def constant_of_shape(inputs, attributes, opset):
    value = torch.from_numpy(numpy_helper.to_array(attributes["value"]).copy()) if "value" in attributes else torch.zeros(1)
    return value.expand([int(size) for size in inputs[0]]).clone()


@operator("Slice")
def slice_(inputs, attributes, opset):
    starts, ends = numbers(inputs, 1, attributes, "starts"), numbers(inputs, 2, attributes, "ends")
    axes = numbers(inputs, 3, attributes, "axes") or list(range(len(starts)))
    steps = numbers(inputs, 4, attributes, "steps") or [1] * len(starts)
    array, index = inputs[0].numpy(), [slice(None)] * inputs[0].dim()
    for axis, start, end, step in zip(axes, starts, ends, steps):
        # Stepping down past the first element has no number of its own in Python.
        stop = None if step < 0 and end < -array.shape[axis] else end
        index[axis] = slice(start, stop, step)
    return torch.from_numpy(np.ascontiguousarray(array[tuple(index)]))


@operator("Pad")
def pad(inputs, attributes, opset):
    if attributes.get("mode", b"constant") != b"constant":
        raise ReferenceError("the torch backend knows no Pad but the constant one")
    amounts = numbers(inputs, 1, attributes, "pads")
    value = optional(inputs, 2) if opset >= 11 else attributes.get("value", 0.0)
    rank = len(amounts) // 2
    return padded(inputs[0], amounts[:rank], amounts[rank:], float(value) if value is not None else 0.0)


@operator("ReduceMean")
def reduce_mean(inputs, attributes, opset):
    axes = numbers(inputs, 1, attributes, "axes")
    if axes is None and attributes.get("noop_with_empty_axes", 0):
        return inputs[0]
    return inputs[0].mean(dim=tuple(axes) if axes else tuple(range(inputs[0].dim())), keepdim=bool(attributes.get("keepdims", 1)))
