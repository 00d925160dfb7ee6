"""Mistakes of the kinds that verification diagnoses, made on purpose: what a program that makes them would have computed.

A fault takes a network, an input and a random generator and gives the model, the input and what happens to the output on the
side of the reference, and where the mistake lies. None stands for "cannot be made here".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Optional, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from oracles.study_networks import Network


@dataclass
class Fault:
    """The reference's side of a faulty run."""

    model: onnx.ModelProto
    input: np.ndarray
    #: Names of the nodes at which the mistake lies; none for mistakes of inputs and outputs.
    nodes: "list[str]" = field(default_factory=list)
    output: Callable[[np.ndarray], np.ndarray] = lambda array: array
    detail: str = ""
    #: The model to verify, where the fault needs another than the network's.
    verified: Optional[onnx.ModelProto] = None


Maker = Callable[[Network, np.ndarray, np.random.Generator], Optional[Fault]]


def copied(network: Network) -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.CopyFrom(network.model)
    return model


def weights(model: onnx.ModelProto) -> "dict[str, onnx.TensorProto]":
    return {tensor.name: tensor for tensor in model.graph.initializer}


def set_weights(model: onnx.ModelProto, name: str, array: np.ndarray) -> None:
    tensor = weights(model)[name]
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array, dtype=np.float32), name))


def set_attribute(node: onnx.NodeProto, name: str, value: object) -> None:
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)] if value is not None else kept)


def attribute(node: onnx.NodeProto, name: str, default: object = None) -> object:
    for candidate in node.attribute:
        if candidate.name == name:
            return helper.get_attribute_value(candidate)
    return default


def chosen(model: onnx.ModelProto, kinds: Sequence[str], generator: np.random.Generator, whole: bool, ok: Callable = lambda node: True):
    """All nodes of these kinds, or one of them."""
    nodes = [node for node in model.graph.node if node.op_type in kinds and ok(node)]
    if nodes and not whole:
        nodes = [nodes[int(generator.integers(len(nodes)))]]
    return nodes


def at_nodes(kinds: Sequence[str], change: Callable, ok: Callable = lambda model, node: True) -> Maker:
    """`change(model, node, generator)` at all nodes of a kind that `ok` accepts, or at one of them, by a coin."""

    def make(network: Network, x: np.ndarray, generator: np.random.Generator) -> Optional[Fault]:
        model = copied(network)
        nodes = chosen(model, kinds, generator, bool(generator.integers(2)), lambda node: ok(model, node))
        if not nodes:
            return None
        seed = int(generator.integers(1 << 31))
        for node in nodes:
            change(model, node, np.random.default_rng(seed))
        return Fault(model, x, [node.name for node in nodes])

    return make


# Inputs and outputs


def prepared(*changes: "tuple[str, Callable[[np.ndarray], np.ndarray]]") -> Maker:
    def make(network: Network, x: np.ndarray, generator: np.random.Generator) -> Optional[Fault]:
        if x.shape[1] != 3:
            return None
        detail, change = changes[int(generator.integers(len(changes)))]
        return Fault(network.model, np.ascontiguousarray(change(x), dtype=np.float32), detail=detail)

    return make


MEAN = np.array([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
DEVIATION = np.array([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)


def output_layout(network: Network, x: np.ndarray, generator: np.random.Generator) -> Optional[Fault]:
    if len(network.model.graph.output[0].type.tensor_type.shape.dim) != 4:
        return None
    if generator.integers(2):
        return Fault(network.model, x, output=lambda y: np.ascontiguousarray(y.transpose(0, 2, 3, 1)), detail="shape NHWC")
    return Fault(network.model, x, output=lambda y: y.transpose(0, 2, 3, 1).reshape(y.shape), detail="bytes NHWC")


def softmax(network: Network, x: np.ndarray, generator: np.random.Generator) -> Optional[Fault]:
    model = copied(network)
    last = model.graph.node[-1]
    if last.op_type == "Softmax" and generator.integers(2):
        del last.attribute[:]
        last.op_type = "Identity"
        return Fault(model, x, detail="left out")
    if len(model.graph.output[0].type.tensor_type.shape.dim) == 4:
        return None

    def once_more(y: np.ndarray) -> np.ndarray:
        shares = np.exp(y.astype(np.float64) - y.max(axis=1, keepdims=True))
        return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)

    return Fault(model, x, output=once_more, detail="once more")


def permuted(axis: int) -> Maker:
    def make(network: Network, x: np.ndarray, generator: np.random.Generator) -> Optional[Fault]:
        size = len(x) if axis == 0 else network.model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
        if size < 2:
            return None
        order = generator.permutation(size)
        if (order == np.arange(size)).all():
            order = np.roll(order, 1)
        return Fault(network.model, x, output=lambda y: np.take(y, order, axis=axis))

    return make


# Weights


def kernel_size(model: onnx.ModelProto, node: onnx.NodeProto) -> int:
    return int(np.prod(weights(model)[node.input[1]].dims[2:]))


def flip(model: onnx.ModelProto, node: onnx.NodeProto, _: np.random.Generator) -> None:
    array = numpy_helper.to_array(weights(model)[node.input[1]])
    set_weights(model, node.input[1], array[:, :, ::-1, ::-1])


def transpose(model: onnx.ModelProto, node: onnx.NodeProto, _: np.random.Generator) -> None:
    array = numpy_helper.to_array(weights(model)[node.input[1]])
    set_weights(model, node.input[1], array.reshape(array.shape[::-1]).T)


def drop_bias(model: onnx.ModelProto, node: onnx.NodeProto, _: np.random.Generator) -> None:
    set_weights(model, node.input[2], np.zeros(weights(model)[node.input[2]].dims))


def halve(model: onnx.ModelProto, node: onnx.NodeProto, _: np.random.Generator) -> None:
    for name in node.input[1:]:
        array = numpy_helper.to_array(weights(model)[name])
        set_weights(model, name, array.astype(np.float16).astype(np.float32))


def flatten_order(network: Network, x: np.ndarray, generator: np.random.Generator) -> Optional[Fault]:
    model = copied(network)
    for position, node in enumerate(model.graph.node):
        if node.op_type not in ("Flatten", "Reshape"):
            continue
        before = model.graph.node[position - 1]
        if before.op_type == "GlobalAveragePool":
            return None
        moved = helper.make_node("Transpose", [node.input[0]], [node.input[0] + ".moved"], name="moved", perm=[0, 2, 3, 1])
        node.input[0] = moved.output[0]
        model.graph.node.insert(position, moved)
        return Fault(model, x, [node.name])
    return None


# Windows


def lower(model: onnx.ModelProto, node: onnx.NodeProto, _: np.random.Generator) -> None:
    set_attribute(node, "auto_pad", "SAME_LOWER")


def pads_on_one_side(model: onnx.ModelProto, node: onnx.NodeProto, generator: np.random.Generator) -> None:
    pads = list(attribute(node, "pads"))
    half = len(pads) // 2
    total = [pads[axis] + pads[axis + half] for axis in range(half)]
    set_attribute(node, "pads", [0] * half + total if generator.integers(2) else total + [0] * half)


def is_padded(model: onnx.ModelProto, node: onnx.NodeProto) -> bool:
    return any(attribute(node, "pads", []))


def is_same(model: onnx.ModelProto, node: onnx.NodeProto) -> bool:
    return attribute(node, "auto_pad") == b"SAME_UPPER"


# Parameters


def another(name: str, default: float, values: Sequence[float]) -> Callable:
    def change(model: onnx.ModelProto, node: onnx.NodeProto, generator: np.random.Generator) -> None:
        own = attribute(node, name, default)
        others = [value for value in values if abs(value - own) > 1e-3 * abs(own)]
        set_attribute(node, name, others[int(generator.integers(len(others)))])

    return change


def swap_statistics(network: Network, x: np.ndarray, generator: np.random.Generator) -> Optional[Fault]:
    """Mean and variance exchanged, in a network with positive means: no program agrees with another on what the root of a
    negative variance does behind a Relu."""
    plain = copied(network)
    nodes = [node for node in plain.graph.node if node.op_type == "BatchNormalization"]
    if not nodes:
        return None
    for node in nodes:
        set_weights(plain, node.input[3], 0.1 + np.abs(numpy_helper.to_array(weights(plain)[node.input[3]])))
    model = onnx.ModelProto()
    model.CopyFrom(plain)
    swapped = chosen(model, ["BatchNormalization"], generator, bool(generator.integers(2)))
    for node in swapped:
        node.input[3], node.input[4] = node.input[4], node.input[3]
    return Fault(model, x, [node.name for node in swapped], verified=plain)


def train(model: onnx.ModelProto, node: onnx.NodeProto, _: np.random.Generator) -> None:
    set_attribute(node, "training_mode", 1)
    output = node.output[0]
    node.output.extend([output + ".mean", output + ".var"])


def lrn_size(model: onnx.ModelProto, node: onnx.NodeProto, generator: np.random.Generator) -> None:
    size = attribute(node, "size")
    set_attribute(node, "size", [2 * size + 1, size - 2][int(generator.integers(2))])


def lrn_alpha(model: onnx.ModelProto, node: onnx.NodeProto, generator: np.random.Generator) -> None:
    factor = attribute(node, "size") if generator.integers(2) else 1 / attribute(node, "size")
    set_attribute(node, "alpha", attribute(node, "alpha") * factor)


def dropout(network: Network, x: np.ndarray, generator: np.random.Generator) -> Optional[Fault]:
    """A seeded mask instead of the Dropout node; needs the values between nodes to be found."""
    model = copied(network)
    nodes = chosen(model, ["Dropout"], generator, False)
    if not nodes:
        return None
    (node,) = nodes
    position = list(model.graph.node).index(node)
    size = next(
        dimension.dim_value
        for info in onnx.shape_inference.infer_shapes(model).graph.value_info
        if info.name == node.input[0]
        for dimension in info.type.tensor_type.shape.dim[1:]
    )
    mask = (generator.random((len(x), size)) < 0.5).astype(np.float32) * 2
    model.graph.initializer.append(numpy_helper.from_array(mask, "mask"))
    model.graph.node.insert(position, helper.make_node("Mul", [node.input[0], "mask"], [node.output[0]], name=node.name))
    model.graph.node.remove(node)
    return Fault(model, x, [node.name])


#: By kind of mistake, as `onnxcnn verify --json` names it.
KINDS: "dict[str, Maker]" = {
    "input-layout": prepared(("NHWC bytes", lambda x: x.transpose(0, 2, 3, 1).reshape(x.shape))),
    "channel-order": prepared(("BGR", lambda x: x[:, ::-1])),
    "input-scale": prepared(
        ("times 255", lambda x: x * 255), ("divided by 255", lambda x: x / 255), ("to [-1, 1]", lambda x: 2 * x - 1)
    ),
    "input-normalization": prepared(
        ("twice", lambda x: (x - MEAN) / DEVIATION), ("not at all", lambda x: x * DEVIATION + MEAN)
    ),
    "output-layout": output_layout,
    "softmax": softmax,
    "batch-order": permuted(0),
    "class-order": permuted(1),
    "flipped-kernels": at_nodes(["Conv"], flip, lambda model, node: kernel_size(model, node) > 1),
    "transposed-weights": at_nodes(["Gemm"], transpose),
    "flatten-order": flatten_order,
    "same-padding": at_nodes(["Conv"], lower, is_same),
    "pads-side": at_nodes(["Conv", "MaxPool"], pads_on_one_side, is_padded),
    "ceil-mode": at_nodes(["MaxPool"], lambda model, node, _: set_attribute(node, "ceil_mode", 1)),
    "count-include-pad": at_nodes(
        ["AveragePool"], lambda model, node, _: set_attribute(node, "count_include_pad", 1), is_padded
    ),
    "batch-normalization-epsilon": at_nodes(["BatchNormalization"], another("epsilon", 1e-5, [1e-3, 1e-4, 1e-2])),
    "batch-normalization-swap": swap_statistics,
    "batch-normalization-training": at_nodes(["BatchNormalization"], train),
    "dropped-bias": at_nodes(["Conv", "Gemm"], drop_bias, lambda model, node: len(node.input) == 3),
    "leaky-relu-slope": at_nodes(["LeakyRelu"], another("alpha", 0.01, [0.01, 0.2, 0.3])),
    "lrn-size": at_nodes(["LRN"], lrn_size),
    "lrn-alpha": at_nodes(["LRN"], lrn_alpha),
    "dropout": dropout,
    "half-precision-weights": at_nodes(["Conv", "Gemm", "BatchNormalization"], halve),
}

#: Kinds that only the values between nodes can show.
NEED_LAYERS = {"dropout"}


def unexplainable(network: Network, x: np.ndarray, generator: np.random.Generator) -> Optional[Fault]:
    """Noise on one weight tensor, on the input, or on the output: nothing that anybody does by mistake."""
    where = ["weights", "input", "output"][int(generator.integers(3))]
    if where == "weights":
        return perturbed(network, x, generator, 0.1)
    if where == "input":
        noise = (0.1 * generator.standard_normal(x.shape)).astype(np.float32)
        return Fault(network.model, x + noise, detail=where)
    seed = int(generator.integers(1 << 31))

    def disturb(y: np.ndarray) -> np.ndarray:
        return (y * (1 + 0.1 * np.random.default_rng(seed).standard_normal(y.shape))).astype(np.float32)

    return Fault(network.model, x, output=disturb, detail=where)


def perturbed(network: Network, x: np.ndarray, generator: np.random.Generator, relative: float) -> Optional[Fault]:
    """Every element of one random weight tensor changed by up to this share of itself."""
    model = copied(network)
    readers = [(node, name) for node in model.graph.node for name in node.input[1:] if is_weight(model, name)]
    node, name = readers[int(generator.integers(len(readers)))]
    array = numpy_helper.to_array(weights(model)[name])
    factors = 1 + relative * generator.choice([-1.0, 1.0], array.shape)
    set_weights(model, name, array * factors)
    return Fault(model, x, [node.name], detail=name)


def is_weight(model: onnx.ModelProto, name: str) -> bool:
    tensor = weights(model).get(name)
    return tensor is not None and tensor.data_type == onnx.TensorProto.FLOAT and any(tensor.dims)
