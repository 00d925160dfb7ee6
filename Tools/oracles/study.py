"""The trials of the verification study: each makes one fault (or none), lets `onnxcnn verify` look at it, and notes what it said."""

from __future__ import annotations

import json
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable, Mapping, Optional, Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from oracles import study_backends, study_faults
from oracles.array_files import write_npz
from oracles.command import Finished, Onnxcnn
from oracles.reference_run import evaluate, intermediate_names, with_all_outputs
from oracles.study_faults import Fault
from oracles.study_networks import Network

MATCH, MISMATCH = 0, 1


@dataclass
class Trial:
    network: str
    seed: "tuple[int, ...]"
    what: str
    #: None where the fault changes nothing, so that there is nothing to find.
    right: Optional[bool]
    said: str = ""
    #: How large the fault's effect is, in units of what rounding does; 0 where that is not asked.
    effect: float = 0.0


@dataclass
class Study:
    onnxcnn: Onnxcnn
    networks: Mapping[str, Network]
    seed: int
    workers: int = 2

    def generator(self, *parts: "str | int") -> "tuple[tuple[int, ...], np.random.Generator]":
        """A seed for every trial, so that each can be made again alone."""
        key = tuple(zlib.crc32(part.encode()) if isinstance(part, str) else part for part in parts)
        return (self.seed, *key), np.random.default_rng([self.seed, *key])

    def map(self, function: Callable[..., Optional[Trial]], jobs: Iterable["tuple[object, ...]"]) -> "list[Trial]":
        with ThreadPoolExecutor(self.workers) as pool:
            trials = pool.map(lambda job: function(*job), list(jobs))
            return [trial for trial in trials if trial is not None]

    def verify(self, model: onnx.ModelProto, arrays: Mapping[str, np.ndarray], *options: str) -> Finished:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            onnx.save(model, str(folder / "model.onnx"))
            write_npz(folder / "ref.npz", dict(arrays))
            return self.onnxcnn(
                "verify", "model.onnx", "--reference", "ref.npz", "--json", "--threads", "1", *options, cwd=folder
            )

    # False alarms

    def false_alarm(self, network: Network, backend: str, number: int) -> Optional[Trial]:
        seed, generator = self.generator("alarm", network.name, number)
        x = network.input(generator, 1)
        outputs = study_backends.BACKENDS[backend](network.model, {network.input_name: x})
        if outputs is None:
            return None
        done = self.verify(network.model, {network.input_name: x, **outputs}, "--no-diagnose")
        return Trial(network.name, seed, backend, done.code == MATCH, "" if done.code == MATCH else done.described())

    # Detection

    def detection(self, network: Network, number: int, relative: float) -> Optional[Trial]:
        """A relative change of one weight tensor: by one factor, or element by element up and down."""
        seed, generator = self.generator("detect", network.name, number)
        x = network.input(generator, 1)
        feeds = {network.input_name: x}
        fault = study_faults.perturbed(network, x, generator, relative)
        (name,) = [output.name for output in network.model.graph.output]
        plain = [evaluate(network.model.SerializeToString(), feeds)[name], optimised(network.model, feeds)[name]]
        other = study_backends.openvino(network.model, feeds)
        if other is not None:
            plain.append(other[name])
        faulty = evaluate(fault.model.SerializeToString(), feeds)[name]
        # What rounding does: the largest difference of an element between programs that compute the model as it is.
        rounding = np.max([np.abs(first - second).max() for first in plain for second in plain])
        change = np.abs(faulty.astype(np.float64) - plain[0]).max()
        done = self.verify(network.model, {**feeds, name: faulty}, "--no-diagnose")
        ratio = change / max(rounding, np.finfo(np.float32).tiny)
        right = None if ratio <= 1 else done.code == MISMATCH
        return Trial(network.name, seed, "perturbed", right, f"{fault.detail}: change/rounding {ratio:.1f}", ratio)

    # Localisation

    def localisation(self, network: Network, number: int) -> Optional[Trial]:
        """A fault at one node, with a reference that has every value between the nodes."""
        seed, generator = self.generator("locate", network.name, number)
        x = network.input(generator, 1)
        kinds = [kind for kind in study_faults.KINDS if kind not in SHAPE_CHANGING] + ["perturbed"] * 6
        fault: Optional[Fault] = None
        kind = ""
        while fault is None or len(fault.nodes) != 1:
            kind = kinds[int(generator.integers(len(kinds)))]
            fault = (
                study_faults.perturbed(network, x, generator, 1e-2)
                if kind == "perturbed"
                else study_faults.KINDS[kind](network, x, generator)
            )
        verified = fault.verified or network.model
        values = all_values(fault.model, {network.input_name: fault.input})
        own = all_values(verified, {network.input_name: x})
        (guilty,) = fault.nodes
        node = next(node for node in network.model.graph.node if node.name == guilty)
        name = node.output[0]
        if name not in values or values[name].shape != own[name].shape or not visible(values[name], own[name]):
            return None
        known = {name: array for name, array in values.items() if name in own}
        done = self.verify(verified, {network.input_name: x, **known}, "--no-diagnose")
        found = named_node(done)
        return Trial(network.name, seed, kind, found == guilty, f"{guilty}, said {found}")

    # Bisection and reproduction

    def bisection(self, network: Network, number: int) -> Optional[Trial]:
        """A fault at one node of a second model file: found by bisecting, cut out, and tried by ONNX's own tools."""
        seed, generator = self.generator("bisect", network.name, number)
        x = network.input(generator, 1)
        fault = study_faults.perturbed(network, x, generator, 0.1)
        faulty, own = (all_values(model, {network.input_name: x}) for model in (fault.model, network.model))
        (name,) = [output.name for output in network.model.graph.output]
        if not visible(faulty[name], own[name]):
            return None
        with tempfile.TemporaryDirectory() as path:
            folder = Path(path)
            onnx.save(network.model, str(folder / "model.onnx"))
            onnx.save(fault.model, str(folder / "other.onnx"))
            write_npz(folder / "ref.npz", {network.input_name: x, name: faulty[name]})
            done = self.onnxcnn(
                *("verify", "model.onnx", "--reference", "ref.npz", "--json", "--threads", "1", "--no-diagnose"),
                *("--bisect", "--against", "other.onnx", "--python", sys.executable, "--extract", "case"),
                cwd=folder,
            )
            try:
                report = done.json.get("bisection") or {}
            except json.JSONDecodeError:
                return Trial(network.name, seed, "bisection", False, done.described())
            found, runs = report.get("guilty"), report.get("runs")
            said = f"{fault.nodes[0]}, said {found} in {runs} runs"
            if found != fault.nodes[0]:
                return Trial(network.name, seed, "bisection", False, said)
            wrong = faults_of_case(folder / "case", self.onnxcnn)
            return Trial(network.name, seed, "bisection", not wrong, f"{said}; {wrong}")

    # Diagnosis

    def diagnosis(self, network: Network, kind: str, number: int) -> Optional[Trial]:
        seed, generator = self.generator("diagnose", kind, network.name, number)
        x = network.input(generator, 4 if kind == "batch-order" else 2 if kind == "batch-normalization-training" else 1)
        make = study_faults.KINDS.get(kind, study_faults.unexplainable)
        fault = make(network, x, generator)
        if fault is None:
            return None
        feeds = {network.input_name: x}
        (name,) = [output.name for output in network.model.graph.output]
        try:
            values = all_values(fault.model, {network.input_name: fault.input})
        except Exception:  # A window that fits nowhere any more: this fault cannot be made here.
            return None
        values[name] = fault.output(values[name])
        verified = fault.verified or network.model
        own = evaluate(verified.SerializeToString(), feeds)[name]
        if values[name].shape == own.shape and not visible(values[name], own):
            return None
        known = values if kind in study_faults.NEED_LAYERS else {name: values[name]}
        done = self.verify(verified, {**feeds, **known}, "--diagnose")
        first = first_finding(done)
        where = ", ".join(fault.nodes) if len(fault.nodes) < 3 else f"{len(fault.nodes)} nodes"
        said = f"{fault.detail or where}, said {first or 'no known mistake'}"
        expected = "" if kind == "unexplainable" else kind
        return Trial(network.name, seed, kind, first == expected, said)


#: Kinds after which values between nodes have other shapes, or that no single node makes.
SHAPE_CHANGING = {"ceil-mode", "flatten-order"}


def faults_of_case(case: Path, onnxcnn: Onnxcnn) -> str:
    """What is wrong with an extracted test case: it must be valid, hold one node that computes, and fail here and in ONNX
    Runtime alike. Empty if nothing is."""
    model = onnx.load(str(case / "model.onnx"))
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        return f"invalid: {error}"
    if sum(node.op_type != "Constant" for node in model.graph.node) != 1:
        return f"{len(model.graph.node)} nodes were extracted"
    data = case / "test_data_set_0"
    feeds = {tensor.name: numpy_helper.to_array(tensor) for tensor in map(read_tensor, sorted(data.glob("input_*.pb")))}
    computed = evaluate(model.SerializeToString(), feeds)
    allowed = json.loads((case / "data.json").read_text(encoding="utf-8"))["atol"]
    expected = {tensor.name: numpy_helper.to_array(tensor) for tensor in map(read_tensor, sorted(data.glob("output_*.pb")))}
    if all(np.abs(computed[name] - array).max() <= allowed for name, array in expected.items()):
        return "ONNX Runtime agrees with the case"
    done = onnxcnn("verify", "--cases", case)
    return "" if done.code == MISMATCH else f"verify --cases: {done.described()}"


def read_tensor(path: Path) -> onnx.TensorProto:
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return tensor


def visible(faulty: np.ndarray, own: np.ndarray) -> bool:
    """Whether a fault changed more than rounding may: 100 units of float32's rounding of the largest number."""
    if np.isnan(faulty).any() or np.isnan(own).any():
        return True
    return bool(np.abs(faulty.astype(np.float64) - own).max() > 100 * 2**-24 * np.abs(own).max())


def all_values(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> "dict[str, np.ndarray]":
    """Every value that ONNX Runtime computes, its optimisations off."""
    names = {*intermediate_names(model), *(output.name for output in model.graph.output)}
    values = evaluate(with_all_outputs(model).SerializeToString(), feeds)
    return {name: array for name, array in values.items() if name in names}


def optimised(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> "dict[str, np.ndarray]":
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds))))


def named_node(done: Finished) -> Optional[str]:
    """The node that `verify` blames."""
    try:
        failure = (done.json.get("layers") or {}).get("first_failure")
    except json.JSONDecodeError:
        return f"exit {done.code}"
    return failure["node"] if failure else None


def first_finding(done: Finished) -> str:
    """The kind of mistake that `verify` says explains the difference; empty if none does."""
    try:
        findings: Sequence[Mapping[str, object]] = (done.json.get("diagnosis") or {}).get("findings", [])
    except json.JSONDecodeError:
        return f"exit {done.code}: {done.err.strip().splitlines()[-1:] or ''}"
    explaining = [str(finding["mistake"]) for finding in findings if finding["explains"]]
    if done.code == MATCH:
        return "agrees"
    return explaining[0] if explaining else ""
