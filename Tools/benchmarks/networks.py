"""The networks that are measured: the classic convolutional networks with seeded weights, made once, and a user's own files."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata, util
from pathlib import Path

import numpy as np
import onnx

from benchmarks.machine import ROOT
from oracles.light_networks import light_networks, random_network
from oracles.reference_run import ReferenceError, concrete_shape, real_inputs, seeded_inputs

FOLDER = ROOT / ".build-bench"
SEED = 20
#: Made by torchvision and exported by PyTorch.
TORCHVISION = (
    "alexnet", "vgg16", "vgg19", "googlenet", "resnet18", "resnet50", "densenet121", "squeezenet1_1", "mobilenet_v2",
)  # fmt: skip
#: Shipped with the onnx package without weights.
LIGHT = ("zfnet512", "shufflenet")
FIXTURE = {"lenet5": ROOT / "Fixtures" / "lenet5" / "model.onnx"}
#: What is measured when nothing is named, smallest to largest in kind.
CANON = (
    "lenet5", "alexnet", "zfnet512", "vgg16", "vgg19", "googlenet", "resnet18", "resnet50", "densenet121", "squeezenet1_1",
    "mobilenet_v2",
)  # fmt: skip
#: One of each kind: tiny, weight-bound, branching, residual, 1x1, depth-wise.
QUICK = ("lenet5", "alexnet", "googlenet", "resnet50", "squeezenet1_1", "mobilenet_v2")
KNOWN = (*CANON, "shufflenet")


class NetworkError(Exception):
    """A network that cannot be measured; the message says why and what would help."""


@dataclass(frozen=True)
class Network:
    """A model file that every runtime can read."""

    name: str
    path: Path
    source: str

    @cached_property
    def signature(self) -> onnx.ModelProto:
        """The graph's inputs and outputs alone: the measuring process must not hold weights."""
        model = onnx.load(str(self.path), load_external_data=False)
        signature = onnx.ModelProto()
        signature.graph.input.extend(real_inputs(model.graph))
        signature.graph.output.extend(model.graph.output)
        return signature

    @cached_property
    def outputs(self) -> list[str]:
        return [output.name for output in self.signature.graph.output]

    @cached_property
    def has_free_batch(self) -> bool:
        """Whether the first axis of every input is open."""
        return all(
            value.type.tensor_type.shape.dim and not value.type.tensor_type.shape.dim[0].HasField("dim_value")
            for value in real_inputs(self.signature.graph)
        )

    def feeds(self, batch: int) -> dict[str, np.ndarray]:
        """Seeded arrays for every input. The first image of a larger batch is not that of a smaller one."""
        try:
            return seeded_inputs(self.signature, seed=SEED, batch=batch)
        except ReferenceError as error:
            raise NetworkError(str(error)) from error

    def shapes(self, batch: int) -> dict[str, list[int]]:
        try:
            return {value.name: concrete_shape(value, batch, {}) for value in real_inputs(self.signature.graph)}
        except ReferenceError as error:
            raise NetworkError(str(error)) from error


def own_network(path: Path, name: str) -> Network:
    """A user's model file, to be called `name`."""
    if not path.is_file():
        raise NetworkError(f"{path} is not a file")
    network = Network(name, path.resolve(), "given")
    try:
        network.shapes(1)
    except NetworkError:
        raise
    except Exception as error:  # protobuf's decoding error has no public base class.
        raise NetworkError(f"{path} is not an ONNX model: {error}") from error
    return network


def make_torchvision(names: list[str]) -> dict[str, str]:
    """Exports the named networks that are missing or out of date; for each that cannot be, why not."""
    folder = FOLDER / "networks"
    missing = [name for name in names if not _is_current(folder / f"{name}.onnx", _torchvision_digest())]
    if missing and util.find_spec("torchvision") is None:
        reason = "torchvision is not installed, which makes it: 'Tools/python-environment --torch'"
        return {name: reason for name in missing}
    failures: dict[str, str] = {}
    for name in missing:
        # A process of its own gives PyTorch's memory back before anything is measured.
        folder.mkdir(parents=True, exist_ok=True)
        print(f"making {name} …", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "benchmarks.torch_export", name, str(SEED), str(folder / f"{name}.partial")]
        done = subprocess.run(command, cwd=ROOT / "Tools", capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            failures[name] = f"its export failed: {lines[-1]}"
            continue
        _finish(folder / f"{name}.partial", folder / f"{name}.onnx", _torchvision_digest())
    return failures


def network(name: str) -> Network:
    """The named one of `KNOWN`, made if it is missing. Those of torchvision have been made by `make_torchvision`."""
    if name in FIXTURE:
        return Network(name, FIXTURE[name], "Fixtures, trained")
    if name in LIGHT:
        return Network(name, _light(name), f"onnx {onnx.__version__}, random weights, seed {SEED}")
    version = metadata.version("torchvision")
    return Network(name, FOLDER / "networks" / f"{name}.onnx", f"torchvision {version}, random weights, seed {SEED}")


def _light(name: str) -> Path:
    """A light network with random weights and an open batch."""
    path = FOLDER / "networks" / f"{name}.onnx"
    digest = hashlib.sha256(Path(__file__).read_bytes() + f"{onnx.__version__} {SEED}".encode()).hexdigest()
    if not _is_current(path, digest):
        print(f"making {name} …", file=sys.stderr, flush=True)
        light = next(candidate for candidate in light_networks() if candidate.name == name)
        made = random_network(light, FOLDER / "light", SEED, threads=os.cpu_count() or 1)
        model = with_open_batch(onnx.load(str(made.model)))
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(model.SerializeToString())
        _finish(partial, path, digest)
        made.model.unlink()
    return path


def with_open_batch(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the first axis of its inputs and outputs named, and reshapes that follow it.

    A Reshape to [1, …] that names every other size is rewritten to [-1, …]: the same for one image, right for several.
    """
    for value in [*real_inputs(model.graph), *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    del model.graph.value_info[:]
    targets = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    for tensor in model.graph.initializer:
        if tensor.name in targets:
            sizes = onnx.numpy_helper.to_array(tensor).copy()
            if sizes.size and sizes[0] == 1 and (sizes > 0).all():
                sizes[0] = -1
                tensor.CopyFrom(onnx.numpy_helper.from_array(sizes, tensor.name))
    return model


def _torchvision_digest() -> str:
    folder = ROOT / "Tools"
    sources = [folder / "oracles" / "torch_networks.py", folder / "benchmarks" / "torch_export.py"]
    versions = [metadata.version(package) for package in ("torch", "torchvision") if util.find_spec(package)]
    content = b"\0".join([*(source.read_bytes() for source in sources), " ".join([*versions, str(SEED)]).encode()])
    return hashlib.sha256(content).hexdigest()


def _is_current(path: Path, digest: str) -> bool:
    stamp = path.with_suffix(".json")
    try:
        return path.exists() and json.loads(stamp.read_text(encoding="utf-8"))["digest"] == digest
    except (OSError, ValueError, KeyError):
        return False


def _finish(partial: Path, path: Path, digest: str) -> None:
    """The stamp is written last: a network without one is made again."""
    stamp = path.with_suffix(".json")
    stamp.unlink(missing_ok=True)
    os.replace(partial, path)
    stamp.write_text(json.dumps({"digest": digest}) + "\n", encoding="utf-8")
