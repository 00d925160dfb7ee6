"""Gives a network of constant weights seeded random ones under which its activations neither vanish nor explode.

The nine light networks of the onnx wheel have real graphs but every weight is 0.02 out of a ConstantOfShape, so all
outputs agree whatever a convolution does. Here the graph is walked once in execution order, each node evaluated by
ONNX Runtime, and weights are drawn as they are met: convolutions and matrix products from a normal distribution,
rescaled so that their output has root mean square 1 (layer-sequential unit variance; Mishkin and Matas, "All you need
is a good init", 2016); batch normalisation takes the statistics of the input it sees. The new weights are real
initializers, so the file has its true size.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from typing import Mapping, Optional

import numpy as np
import onnx
from onnx import TensorProto

from oracles.reference_run import open_session, run

#: Operators that only change how a weight is seen; the weight behind them is still the one to draw and to scale.
VIEWS = frozenset({"Unsqueeze", "Squeeze", "Reshape", "Transpose", "Identity", "Flatten"})
#: A class vector's spread before Softmax: with 1 all classes would be near 1/1000.
LOGIT_RMS = 2.0
#: With one image a channel of one pixel has no variance of its own.
SMALLEST_VARIANCE = 0.1


def constant_weights(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the float32 tensors that ConstantOfShape fills or that are float initializers."""
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    weights = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT}
    for node in graph.node:
        if node.op_type == "ConstantOfShape" and node.input[0] in initializers:
            shape = onnx.numpy_helper.to_array(initializers[node.input[0]])
            weights[node.output[0]] = tuple(int(size) for size in shape)
    used = {name for node in graph.node for name in node.input}
    return {name: shape for name, shape in weights.items() if name in used}


class Calibration:
    """One walk over the graph. Afterwards `weights` holds every drawn weight, `rms` every activation's root mean square."""

    def __init__(self, model: onnx.ModelProto, feeds: Mapping[str, np.ndarray], seed: int, threads: int) -> None:
        self.model = model
        self.seed = seed
        self.threads = threads
        self.shapes = constant_weights(model.graph)
        self.weights: dict[str, np.ndarray] = {}
        self.origin: dict[str, str] = {name: name for name in self.shapes}
        self.tensors: dict[str, np.ndarray] = dict(feeds)
        self.rms: dict[str, float] = {}
        self.readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for tensor in model.graph.initializer:
            if tensor.name not in self.shapes:
                self.tensors[tensor.name] = onnx.numpy_helper.to_array(tensor)
        for node in model.graph.node:
            for name in node.input:
                self.readers[name].append(node)
        self.unread = {name: len(nodes) for name, nodes in self.readers.items()}

    def walk(self) -> None:
        for node in self.model.graph.node:
            if node.output[0] in self.shapes:
                continue  # A ConstantOfShape whose value is drawn instead.
            self._draw_inputs(node)
            outputs = self._evaluate(node)
            if node.op_type in ("Conv", "Gemm", "MatMul") and node.input[1] in self.origin:
                outputs = [self._scale(node, outputs[0])]
            for name, array in zip([name for name in node.output if name], outputs):
                self.tensors[name] = array
                if node.op_type in VIEWS and node.input[0] in self.origin:
                    self.origin[name] = self.origin[node.input[0]]
                elif name == node.output[0] and array.dtype == np.float32:  # Not Dropout's mask.
                    self.rms[name] = float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))
            for name in node.input:
                self.unread[name] -= 1
                if self.unread[name] == 0:
                    self.tensors.pop(name, None)

    def _generator(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(name.encode("utf-8"))])

    def _draw_inputs(self, node: onnx.NodeProto) -> None:
        for position, name in enumerate(node.input):
            if name in self.shapes and name not in self.weights:
                self._set(name, self._drawn(name, node, position))

    def _set(self, name: str, array: np.ndarray) -> None:
        self.weights[name] = np.ascontiguousarray(array, dtype=np.float32).reshape(self.shapes[name])
        self.tensors[name] = self.weights[name]

    def _drawn(self, name: str, node: onnx.NodeProto, position: int) -> np.ndarray:
        generator, shape = self._generator(name), self.shapes[name]
        if node.op_type == "BatchNormalization":
            return self._normalization_parameter(node, position, generator, shape)
        reader: Optional[onnx.NodeProto] = node
        seen_as = name
        while reader is not None and reader.op_type in VIEWS:
            seen_as = reader.output[0]
            reader = self.readers[seen_as][0] if self.readers[seen_as] else None
        if reader is not None and reader.op_type == "Mul":
            return generator.uniform(0.8, 1.2, shape)
        if reader is not None and reader.op_type in ("Conv", "Gemm", "MatMul") and list(reader.input).index(seen_as) == 1:
            drawn = generator.standard_normal(shape, dtype=np.float32)
            drawn *= np.float32(np.sqrt(2.0 / max(1, int(np.prod(shape[1:])))))
            return drawn
        return generator.normal(0.0, 0.1, shape)

    def _normalization_parameter(
        self, node: onnx.NodeProto, position: int, generator: np.random.Generator, shape: "tuple[int, ...]"
    ) -> np.ndarray:
        data = self.tensors[node.input[0]].astype(np.float64)
        axes = tuple(axis for axis in range(data.ndim) if axis != 1)
        if position == 1:
            return generator.uniform(0.8, 1.2, shape)
        if position == 2:
            return generator.normal(0.0, 0.1, shape)
        if position == 3:
            return data.mean(axis=axes)
        return np.maximum(data.var(axis=axes), SMALLEST_VARIANCE)

    def _scale(self, node: onnx.NodeProto, output: np.ndarray) -> np.ndarray:
        """Scales the weight and the bias of a linear node, and its output with them. No weight here has a second reader."""
        feeds_softmax = any(reader.op_type == "Softmax" for reader in self.readers[node.output[0]])
        rms = float(np.sqrt(np.mean(np.square(output, dtype=np.float64))))
        factor = np.float32((LOGIT_RMS if feeds_softmax else 1.0) / max(rms, 1e-12))
        for name in node.input[1:]:
            if name in self.origin:
                if len(self.readers[name]) != 1:
                    raise ValueError(f"weight '{name}' has several readers; scaling it would change them all")
                self.weights[self.origin[name]] *= factor
        return output * factor

    def _evaluate(self, node: onnx.NodeProto) -> list[np.ndarray]:
        feeds = {name: self.tensors[name] for name in node.input if name}
        inputs = [
            onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in feeds.items()
        ]
        outputs = [name for name in node.output if name]
        graph = onnx.helper.make_graph([node], "node", inputs, [onnx.ValueInfoProto(name=name) for name in outputs])
        single = onnx.helper.make_model(graph, opset_imports=list(self.model.opset_import), ir_version=8)
        return run(open_session(single.SerializeToString(), self.threads), outputs, feeds)


def with_weights(model: onnx.ModelProto, weights: Mapping[str, np.ndarray]) -> onnx.ModelProto:
    """`model` with `weights` as initializers in place of the nodes and initializers that made the constant ones.

    As in every file of IR version 3, the new initializers are listed as graph inputs too.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    nodes = [node for node in graph.node if not (node.op_type == "ConstantOfShape" and node.output[0] in weights)]
    used = {name for node in nodes for name in node.input}
    removed = {tensor.name for tensor in graph.initializer if tensor.name not in used or tensor.name in weights}
    kept = [tensor for tensor in graph.initializer if tensor.name not in removed]
    inputs = [value for value in graph.input if value.name not in removed]
    del graph.node[:], graph.initializer[:], graph.input[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    graph.input.extend(inputs)
    for name, array in weights.items():
        graph.initializer.append(onnx.numpy_helper.from_array(array, name))
        graph.input.append(onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape))
    return result
