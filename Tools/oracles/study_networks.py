"""Small networks of every canonical architecture, made on the spot from a seed, for the study of what verification finds.

They have the parts of their models (local response normalization, inception blocks, residual blocks, dense blocks, fire modules,
depth-wise convolution) at a size that runs in milliseconds. Weights are scaled as the graph is walked, so that every
activation has root mean square 1, and batch normalisation takes the statistics that it sees (`random_weights.Calibration`):
the outputs depend on every weight and on every pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from oracles import random_weights

CLASSES = 10
LENET = Path(__file__).resolve().parent.parent.parent / "Fixtures" / "lenet5"


@dataclass(frozen=True)
class Value:
    name: str
    #: C, H, W of feature maps; the length of a vector.
    sizes: "tuple[int, ...]"


class NetworkBuilder:
    """Nodes in order, named after what they are and counted; weights are zero until they are calibrated."""

    def __init__(self, name: str, sizes: "tuple[int, int, int]", *, activation: str = "Relu", same: bool = False) -> None:
        self.name = name
        self.activation = activation
        self.same = same
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, np.ndarray] = {}
        self.input = Value("input", sizes)

    def node(self, kind: str, inputs: Sequence[str], sizes: "tuple[int, ...]", **attributes: object) -> Value:
        number = 1 + sum(node.op_type == kind for node in self.nodes)
        name = f"{kind.lower()}{number}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name + ".out"], name=name, **attributes))
        return Value(name + ".out", sizes)

    def weight(self, name: str, *shape: int) -> str:
        self.weights[name] = np.zeros(shape, np.float32)
        return name

    def conv(self, x: Value, channels: int, kernel: int, stride: int = 1, group: int = 1, bias: bool = True) -> Value:
        number = 1 + sum(node.op_type == "Conv" for node in self.nodes)
        inputs = [x.name, self.weight(f"conv{number}.weight", channels, x.sizes[0] // group, kernel, kernel)]
        if bias:
            inputs.append(self.weight(f"conv{number}.bias", channels))
        pad = kernel // 2
        if self.same and stride > 1:
            padding: dict[str, object] = {"auto_pad": "SAME_UPPER"}
            size = -(-x.sizes[1] // stride)
        else:
            padding = {"pads": [pad] * 4}
            size = (x.sizes[1] + 2 * pad - kernel) // stride + 1
        return self.node(
            "Conv", inputs, (channels, size, size), kernel_shape=[kernel] * 2, strides=[stride] * 2, group=group, **padding
        )

    def act(self, x: Value) -> Value:
        if self.activation == "LeakyRelu":
            return self.node("LeakyRelu", [x.name], x.sizes, alpha=0.1)
        return self.node("Relu", [x.name], x.sizes)

    def bn(self, x: Value) -> Value:
        number = 1 + sum(node.op_type == "BatchNormalization" for node in self.nodes)
        parts = [self.weight(f"bn{number}.{part}", x.sizes[0]) for part in ("scale", "bias", "mean", "var")]
        return self.node("BatchNormalization", [x.name, *parts], x.sizes, epsilon=1e-5)

    def conv_bn(self, x: Value, channels: int, kernel: int, stride: int = 1, group: int = 1) -> Value:
        return self.act(self.bn(self.conv(x, channels, kernel, stride, group, bias=False)))

    def pool(self, x: Value, kind: str, kernel: int, stride: int, pad: int = 0) -> Value:
        size = (x.sizes[1] + 2 * pad - kernel) // stride + 1
        return self.node(
            kind, [x.name], (x.sizes[0], size, size), kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4
        )

    def lrn(self, x: Value) -> Value:
        # Activations of real networks are of the order 100; here they are 1, so alpha is larger to do as much.
        return self.node("LRN", [x.name], x.sizes, size=5, alpha=0.2, beta=0.75, bias=1.0)

    def concat(self, *parts: Value) -> Value:
        return self.node(
            "Concat", [part.name for part in parts], (sum(part.sizes[0] for part in parts), *parts[0].sizes[1:]), axis=1
        )

    def add(self, x: Value, y: Value) -> Value:
        return self.node("Add", [x.name, y.name], x.sizes)

    def flatten(self, x: Value) -> Value:
        return self.node("Flatten", [x.name], (int(np.prod(x.sizes)),))

    def pooled(self, x: Value) -> Value:
        return self.flatten(self.node("GlobalAveragePool", [x.name], (x.sizes[0], 1, 1)))

    def dense(self, x: Value, size: int) -> Value:
        number = 1 + sum(node.op_type == "Gemm" for node in self.nodes)
        inputs = [x.name, self.weight(f"gemm{number}.weight", size, x.sizes[0]), self.weight(f"gemm{number}.bias", size)]
        return self.node("Gemm", inputs, (size,), transB=1)

    def dropout(self, x: Value) -> Value:
        return self.node("Dropout", [x.name], x.sizes)

    def softmax(self, x: Value) -> Value:
        return self.node("Softmax", [x.name], x.sizes, axis=1)

    def model(self, output: Value) -> onnx.ModelProto:
        shape = ["N", *self.input.sizes]
        graph = helper.make_graph(
            self.nodes,
            self.name,
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(output.name, TensorProto.FLOAT, ["N", *output.sizes])],
            [numpy_helper.from_array(array, name) for name, array in self.weights.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="study")


def alexnet(b: NetworkBuilder) -> Value:
    x = b.pool(b.lrn(b.act(b.conv(b.input, 16, 5, 2))), "MaxPool", 3, 2)
    x = b.pool(b.lrn(b.act(b.conv(x, 32, 5, group=2))), "MaxPool", 3, 2)
    x = b.act(b.conv(b.act(b.conv(x, 32, 3)), 32, 3, group=2))
    x = b.dropout(b.flatten(b.pool(x, "MaxPool", 3, 2, 1)))
    x = b.dropout(b.act(b.dense(x, 64)))
    return b.softmax(b.dense(b.act(b.dense(x, 64)), CLASSES))


def zfnet(b: NetworkBuilder) -> Value:
    x = b.lrn(b.pool(b.act(b.conv(b.input, 16, 7, 2)), "MaxPool", 3, 2, 1))
    x = b.lrn(b.pool(b.act(b.conv(x, 24, 5, 2)), "MaxPool", 3, 2, 1))
    x = b.act(b.conv(x, 32, 3))
    x = b.dropout(b.act(b.dense(b.flatten(x), 64)))
    return b.softmax(b.dense(x, CLASSES))


def vgg(b: NetworkBuilder) -> Value:
    x = b.input
    for channels in (8, 16, 32):
        x = b.pool(b.act(b.conv(b.act(b.conv(x, channels, 3)), channels, 3)), "MaxPool", 2, 2)
    x = b.dropout(b.act(b.dense(b.flatten(x), 64)))
    return b.softmax(b.dense(b.act(b.dense(x, 64)), CLASSES))


def inception(b: NetworkBuilder, x: Value, width: int, pool: str) -> Value:
    return b.concat(
        b.act(b.conv(x, width, 1)),
        b.act(b.conv(b.act(b.conv(x, width, 1)), width, 3)),
        b.act(b.conv(b.act(b.conv(x, width // 2, 1)), width // 2, 5)),
        b.act(b.conv(b.pool(x, pool, 3, 1, 1), width // 2, 1)),
    )


def googlenet(b: NetworkBuilder) -> Value:
    x = b.lrn(b.pool(b.act(b.conv(b.input, 16, 7, 2)), "MaxPool", 3, 2))
    x = inception(b, x, 16, "AveragePool")
    x = inception(b, b.pool(x, "MaxPool", 3, 2), 24, "AveragePool")
    return b.softmax(b.dense(b.dropout(b.pooled(x)), CLASSES))


def residual(b: NetworkBuilder, x: Value, channels: int, stride: int) -> Value:
    inner = b.bn(b.conv(b.conv_bn(x, channels, 3, stride), channels, 3, bias=False))
    shortcut = x if stride == 1 else b.bn(b.conv(x, channels, 1, stride, bias=False))
    return b.act(b.add(inner, shortcut))


def resnet_features(b: NetworkBuilder) -> Value:
    x = b.pool(b.conv_bn(b.input, 16, 7, 2), "MaxPool", 3, 2, 1)
    for channels, stride in ((16, 1), (24, 2), (24, 1), (32, 2)):
        x = residual(b, x, channels, stride)
    return x


def resnet(b: NetworkBuilder) -> Value:
    return b.dense(b.pooled(resnet_features(b)), CLASSES)


def densenet(b: NetworkBuilder) -> Value:
    x = b.pool(b.conv_bn(b.input, 16, 3), "AveragePool", 3, 2, 1)
    for _ in range(2):
        for _ in range(3):
            x = b.concat(x, b.conv(b.conv_bn(b.act(b.bn(x)), 24, 1), 8, 3, bias=False))
        x = b.pool(b.conv(b.act(b.bn(x)), x.sizes[0] // 2, 1, bias=False), "AveragePool", 2, 2)
    return b.dense(b.pooled(b.act(b.bn(x))), CLASSES)


def mobilenet(b: NetworkBuilder) -> Value:
    x = b.conv_bn(b.input, 16, 3, 2)
    for channels, stride in ((24, 1), (32, 2), (32, 1), (48, 2)):
        x = b.conv_bn(b.conv_bn(x, x.sizes[0], 3, stride, group=x.sizes[0]), channels, 1)
    return b.softmax(b.dense(b.pooled(b.pool(x, "AveragePool", 3, 1, 1)), CLASSES))


def fire(b: NetworkBuilder, x: Value, width: int) -> Value:
    x = b.act(b.conv(x, width // 2, 1))
    return b.concat(b.act(b.conv(x, width, 1)), b.act(b.conv(x, width, 3)))


def squeezenet_features(b: NetworkBuilder) -> Value:
    x = b.pool(b.act(b.conv(b.input, 16, 3, 2)), "MaxPool", 3, 2)
    x = b.pool(fire(b, fire(b, x, 12), 12), "MaxPool", 3, 2)
    return b.conv(fire(b, x, 20), CLASSES, 1)


def squeezenet(b: NetworkBuilder) -> Value:
    return b.softmax(b.pooled(squeezenet_features(b)))


def darknet_features(b: NetworkBuilder) -> Value:
    x = b.input
    for channels in (12, 24, 32):
        x = b.pool(b.conv_bn(x, channels, 3), "MaxPool", 2, 2)
    return b.conv(b.conv_bn(b.conv_bn(x, 16, 1), 32, 3), CLASSES, 1)


def darknet(b: NetworkBuilder) -> Value:
    return b.softmax(b.pooled(darknet_features(b)))


@dataclass(frozen=True)
class Recipe:
    build: Callable[[NetworkBuilder], Value]
    size: int = 40
    activation: str = "Relu"
    #: Strided convolutions are padded by SAME_UPPER, as TensorFlow's are.
    same: bool = False


RECIPES = {
    "alexnet": Recipe(alexnet, 64),
    "zfnet": Recipe(zfnet, 64),
    "vgg": Recipe(vgg),
    "googlenet": Recipe(googlenet, 48),
    "resnet": Recipe(resnet, 48),
    "densenet": Recipe(densenet, 32),
    "mobilenet": Recipe(mobilenet, 48, same=True),
    "squeezenet": Recipe(squeezenet, 48),
    "darknet": Recipe(darknet, activation="LeakyRelu"),
    "vgg-leaky": Recipe(vgg, activation="LeakyRelu"),
    "resnet-leaky": Recipe(resnet, 48, activation="LeakyRelu"),
    "resnet-same": Recipe(resnet, 48, same=True),
    "squeezenet-same": Recipe(squeezenet, 48, same=True),
    "resnet-features": Recipe(resnet_features, 48),
    "squeezenet-features": Recipe(squeezenet_features, 48),
    "darknet-features": Recipe(darknet_features, activation="LeakyRelu"),
}


@dataclass
class Network:
    name: str
    model: onnx.ModelProto
    #: Images as a program prepares them; `None` for a network with images of its own.
    images: Optional[np.ndarray] = None

    @property
    def input_name(self) -> str:
        weights = {tensor.name for tensor in self.model.graph.initializer}
        return next(value.name for value in self.model.graph.input if value.name not in weights)

    def input(self, generator: np.random.Generator, batch: int) -> np.ndarray:
        if self.images is not None:
            return self.images[generator.choice(len(self.images), batch, replace=False)]
        recipe = RECIPES[self.name]
        return smooth_images(generator, batch, recipe.size)


def smooth_images(generator: np.random.Generator, batch: int, size: int) -> np.ndarray:
    """Normalised pixels with the correlation of neighbours that images have, and with channels of unequal mean."""
    coarse = generator.standard_normal((batch, 3, size // 4, size // 4))
    image = np.kron(coarse, np.ones((4, 4)))[:, :, :size, :size] + 0.3 * generator.standard_normal((batch, 3, size, size))
    return (image + np.array([0.3, 0.0, -0.2]).reshape(1, 3, 1, 1)).astype(np.float32)


def networks(seed: int, names: "Optional[Sequence[str]]" = None) -> "dict[str, Network]":
    """The networks with weights from `seed`, and LeNet-5 as it was trained on digits."""
    made: dict[str, Network] = {}
    if names is None or "lenet5" in names:
        made["lenet5"] = Network("lenet5", onnx.load(str(LENET / "model.onnx")), np.load(LENET / "input.npy"))
    for name, recipe in RECIPES.items():
        if names is not None and name not in names:
            continue
        builder = NetworkBuilder(name, (3, recipe.size, recipe.size), activation=recipe.activation, same=recipe.same)
        model = builder.model(recipe.build(builder))
        # Statistics over eight images: a channel of one pixel then has a variance of its own.
        feeds = {"input": smooth_images(np.random.default_rng([seed, 1]), 8, recipe.size)}
        calibration = random_weights.Calibration(model, feeds, seed, threads=1)
        calibration.walk()
        for tensor in model.graph.initializer:
            if tensor.name in calibration.weights:
                tensor.CopyFrom(numpy_helper.from_array(calibration.weights[tensor.name], tensor.name))
        made[name] = Network(name, model)
    return made
