"""The canonical networks at their true size, as Tools/bench makes them, and what four programs compute from them.

The small networks of the study run in milliseconds, so that thousands of trials are possible; whether what holds for them holds
for fifty and a hundred layers of hundreds of channels, only these can tell.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Callable, Mapping, Optional

import numpy as np
import onnx

from benchmarks import networks as made
from benchmarks.ncnn_conversion import ConversionError, converted
from benchmarks.peers import PEERS, Job
from oracles.array_files import write_npz
from oracles.command import Finished, Onnxcnn
from oracles.reference_run import concrete_shape, evaluate, seeded_inputs, with_all_outputs

Arrays = Mapping[str, np.ndarray]
#: Computes a network's outputs from its inputs.
Program = Callable[[made.Network, Arrays], "dict[str, np.ndarray]"]


def networks() -> "tuple[list[made.Network], dict[str, str]]":
    """The networks, and for those that cannot be made here, why not."""
    failures = made.make_torchvision([name for name in made.KNOWN if name in made.TORCHVISION])
    return [made.network(name) for name in made.KNOWN if name not in failures], failures


def feeds_of(network: made.Network, seed: int) -> "dict[str, np.ndarray]":
    return seeded_inputs(network.signature, seed=seed, batch=1)


def plain(network: made.Network, feeds: Arrays) -> "dict[str, np.ndarray]":
    """ONNX Runtime node by node, without its optimisations."""
    return evaluate(network.path, feeds, threads=2)


def peer(name: str) -> Program:
    """A runtime as Tools/bench drives it, with all its optimisations, in float32."""

    def outputs(network: made.Network, feeds: Arrays) -> "dict[str, np.ndarray]":
        files = converted(network) if name == "ncnn" else None
        runtime = PEERS[name](
            Job(str(network.path), (str(files[0]), str(files[1])) if files else None, feeds, network.outputs, threads=2)
        )
        runtime.run()
        return runtime.results()

    return outputs


#: By name; a program that is not installed is left out.
PROGRAMS: "dict[str, Program]" = {
    "ONNX Runtime": plain,
    "ONNX Runtime optimised": peer("onnxruntime"),
    **{label: peer(name) for name, label in (("openvino", "OpenVINO"), ("ncnn", "ncnn")) if util.find_spec(name) is not None},
}


@dataclass
class CanonTrial:
    """A right reference of one program, judged."""

    network: str
    program: str
    seed: int
    #: Why there is nothing to judge: the program does not run the network.
    absent: str = ""
    accepted: bool = False
    #: The largest difference in deviations, what is allowed, and the root mean square.
    largest: float = 0.0
    allowed: float = 0.0
    rms: float = 0.0
    said: str = ""

    @property
    def cell(self) -> str:
        if self.absent:
            return "does not run it"
        return f"{self.largest:.1f} ({self.rms:.2f})" + ("" if self.accepted else " ALARM")


def judge(onnxcnn: Onnxcnn, network: made.Network, program: str, seed: int) -> CanonTrial:
    """Whether `verify` accepts what a program computes."""
    feeds = feeds_of(network, seed)
    try:
        outputs = PROGRAMS[program](network, feeds)
    except (ConversionError, ValueError, RuntimeError) as reason:
        return CanonTrial(network.name, program, seed, absent=f"{reason}".strip().splitlines()[0])
    # ncnn drops axes of size 1.
    outputs = {
        value.name: outputs[value.name].reshape(concrete_shape(value, 1, {})) for value in network.signature.graph.output
    }
    done = verify(onnxcnn, network, {**feeds, **outputs}, "--no-diagnose")
    trial = CanonTrial(network.name, program, seed, accepted=done.code == 0, said="" if done.code == 0 else done.described())
    if done.code in (0, 1):
        roundings = [output["rounding"]["difference"] for output in done.json["outputs"]]
        worst = max(roundings, key=lambda rounding: rounding["largest"] / rounding["threshold"])
        trial.largest, trial.allowed, trial.rms = worst["largest"], worst["threshold"], worst["rms"]
    return trial


@dataclass
class LayerTrial:
    """All layers of one network as ONNX Runtime computes them, judged one by one by their bounds."""

    network: str
    checked: int
    failing: int
    #: In the median layer, the median of the bound over the error.
    slack: Optional[float]
    seconds: float
    peak_bytes: int
    said: str = ""


def judge_layers(onnxcnn: Onnxcnn, network: made.Network, seed: int) -> LayerTrial:
    feeds = feeds_of(network, seed)
    values = evaluate(with_all_outputs(onnx.load(str(network.path))).SerializeToString(), feeds, threads=2)
    with tempfile.TemporaryDirectory() as name:
        reference = Path(name) / "ref.npz"
        write_npz(reference, {**feeds, **values})
        del values
        done, usage = onnxcnn.measured("verify", network.path, "--reference", reference, "--json", "--layers", "--no-diagnose")
    if done.code not in (0, 1):
        return LayerTrial(network.name, 0, 0, None, usage.seconds, usage.private_bytes, done.described())
    layers = done.json["layers"]
    failing = [node["node"] or node["value"] for node in layers["nodes"] if node["verdict"] == "mismatch"]
    return LayerTrial(
        network.name, layers["checked"], len(failing), layers["median_bound_over_error"], usage.seconds, usage.private_bytes,
        ", ".join(failing),
    )  # fmt: skip


def verify(onnxcnn: Onnxcnn, network: made.Network, arrays: Arrays, *options: str) -> Finished:
    with tempfile.TemporaryDirectory() as name:
        reference = Path(name) / "ref.npz"
        write_npz(reference, arrays)
        return onnxcnn("verify", network.path, "--reference", reference, "--json", *options)

