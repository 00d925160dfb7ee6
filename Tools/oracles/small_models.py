"""Small models for the command-line checks, built with ONNX's own helper."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Sequence, Union

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Dimensions = Sequence[Union[int, str]]


def value(name: str, dimensions: Dimensions, element_type: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element_type, list(dimensions))


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    initializers: Sequence[onnx.TensorProto] = (),
    opset: int = 17,
) -> onnx.ModelProto:
    graph = helper.make_graph(list(nodes), "small", list(inputs), list(outputs), list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, producer_name="oracle")


def convolution(seed: int = 0) -> onnx.ModelProto:
    """`x` [N, 3, 8, 8] through a 3x3 convolution and Relu to `y` [N, 4, 6, 6]."""
    generator = np.random.default_rng(seed)
    weight = numpy_helper.from_array(generator.standard_normal((4, 3, 3, 3), dtype=np.float32), "weight")
    bias = numpy_helper.from_array(generator.standard_normal(4, dtype=np.float32), "bias")
    nodes = [
        helper.make_node("Conv", ["x", "weight", "bias"], ["sum"], name="conv"),
        helper.make_node("Relu", ["sum"], ["y"], name="relu"),
    ]
    return model(nodes, [value("x", ["N", 3, 8, 8])], [value("y", ["N", 4, 6, 6])], [weight, bias])


def addition() -> onnx.ModelProto:
    """`a` and `b`, both [N, 4], to their sum `y` [N, 4]: one symbol binds both first axes."""
    node = helper.make_node("Add", ["a", "b"], ["y"], name="add")
    return model([node], [value("a", ["N", 4]), value("b", ["N", 4])], [value("y", ["N", 4])])


def two_outputs() -> onnx.ModelProto:
    """`x` [2, 3] to `positive` = Relu(x) and `squashed` = Sigmoid(x)."""
    nodes = [
        helper.make_node("Relu", ["x"], ["positive"], name="relu"),
        helper.make_node("Sigmoid", ["x"], ["squashed"], name="sigmoid"),
    ]
    return model(nodes, [value("x", [2, 3])], [value("positive", [2, 3]), value("squashed", [2, 3])])


def quotient() -> onnx.ModelProto:
    """`a` / `b`, [4] each: a way to make infinities and NaN."""
    node = helper.make_node("Div", ["a", "b"], ["y"], name="quotient")
    return model([node], [value("a", [4]), value("b", [4])], [value("y", [4])])


def identity(element_type: int, dimensions: Dimensions) -> onnx.ModelProto:
    """`x` of any type and shape to an equal `y`."""
    node = helper.make_node("Identity", ["x"], ["y"], name="same")
    return model([node], [value("x", dimensions, element_type)], [value("y", dimensions, element_type)])


def unsupported() -> onnx.ModelProto:
    """Two nodes of operators that no convolutional network needs, and one that is known."""
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="known"),
        helper.make_node("Det", ["a"], ["b"], name="first_unknown"),
        helper.make_node("NonZero", ["b"], ["y"], name="second_unknown"),
    ]
    return model(nodes, [value("x", [2, 2])], [value("y", ["r", "n"], TensorProto.INT64)])


def with_external_weight(location: str, offset: Optional[int] = 0, length: Optional[int] = 16) -> onnx.ModelProto:
    """`x` [4] plus a weight [4] that lies in another file."""
    weight = TensorProto(name="weight", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value=location)
    if offset is not None:
        weight.external_data.add(key="offset", value=str(offset))
    if length is not None:
        weight.external_data.add(key="length", value=str(length))
    node = helper.make_node("Add", ["x", "weight"], ["y"], name="add")
    return model([node], [value("x", [4])], [value("y", [4])], [weight])


def save(model_to_save: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(model_to_save.SerializeToString())
    return path
