"""The nine real architectures that the onnx wheel ships with constant weights, as they are and with random weights."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx.backend.test.loader import load_model_tests
from onnx.backend.test.runner import Runner

from oracles import random_weights
from oracles.array_files import write_npz
from oracles.reference_run import PROVENANCE, evaluate, provenance, real_inputs

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"

#: An activation may leave these bounds only through Softmax; outside them float32 comparisons say little.
SMALLEST_RMS, LARGEST_RMS = 0.05, 50.0


@dataclass(frozen=True)
class LightNetwork:
    name: str
    path: Path
    rtol: float
    atol: float

    def input(self) -> "tuple[str, np.ndarray]":
        """The input by which the shipped outputs were made: the backend test runner's own recipe."""
        (value,) = real_inputs(onnx.load(str(self.path)).graph)
        return value.name, Runner.generate_dummy_data(value, name=self.name)

    def shipped_output(self) -> np.ndarray:
        tensor = onnx.TensorProto()
        tensor.ParseFromString(self.path.with_name(self.path.stem + "_output_0.pb").read_bytes())
        return onnx.numpy_helper.to_array(tensor)


def light_networks() -> list[LightNetwork]:
    """All nine, with the tolerances that ONNX's own backend test gives each."""
    networks = []
    for case in load_model_tests(kind="real"):
        if case.url is not None and "/data/light/" in case.url:
            path = DATA / case.url.rsplit("/", 1)[-1]
            networks.append(LightNetwork(path.stem[len("light_") :], path, case.rtol, case.atol))
    return sorted(networks, key=lambda network: network.name)


@dataclass(frozen=True)
class RandomNetwork:
    """A light network with seeded random weights in a file of its true size, and what ONNX Runtime computes from it."""

    name: str
    model: Path
    reference: Path
    parameters: int
    smallest_rms: float
    largest_rms: float
    #: ONNX Runtime against itself, optimisations on and off: what rounding alone does to this network.
    own_spread: float


def random_network(network: LightNetwork, folder: Path, seed: int, threads: int) -> RandomNetwork:
    """Made once: the facts file, written last, carries the hash of everything that decides the result."""
    ingredients = [Path(random_weights.__file__).read_bytes(), Path(__file__).read_bytes(), network.path.read_bytes()]
    versions = f"{onnx.__version__} {onnxruntime.__version__} {np.__version__} {seed}"
    digest = hashlib.sha256(b"\0".join([*ingredients, versions.encode()])).hexdigest()
    model_path, reference, facts_path = (folder / f"{network.name}{end}" for end in (".onnx", ".npz", ".json"))
    facts = json.loads(facts_path.read_text(encoding="utf-8")) if facts_path.exists() else {}
    if facts.get("digest") != digest or not (model_path.exists() and reference.exists()):
        facts_path.unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        facts = _make(network, model_path, reference, seed, threads)
        facts_path.write_text(json.dumps({**facts, "digest": digest}) + "\n", encoding="utf-8")
    return RandomNetwork(
        network.name,
        model_path,
        reference,
        facts["parameters"],
        facts["smallest_rms"],
        facts["largest_rms"],
        facts["own_spread"],
    )


def _make(network: LightNetwork, model_path: Path, reference: Path, seed: int, threads: int) -> "dict[str, float]":
    light = onnx.load(str(network.path))
    (value,) = real_inputs(light.graph)
    shape = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
    feeds = {value.name: np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)}
    calibration = random_weights.Calibration(light, feeds, seed, threads)
    calibration.walk()

    partial = model_path.with_suffix(".partial")
    partial.write_bytes(random_weights.with_weights(light, calibration.weights).SerializeToString())
    os.replace(partial, model_path)
    outputs = evaluate(model_path, feeds, threads=threads)
    facts = provenance(model=model_path.name, seed=seed, optimisations="off")
    write_npz(reference, {**feeds, **outputs, PROVENANCE: facts})

    session = onnxruntime.InferenceSession(str(model_path), providers=["CPUExecutionProvider"])
    optimised = dict(zip(outputs, session.run(list(outputs), feeds)))
    after_softmax = {name for node in light.graph.node if node.op_type == "Softmax" for name in node.output}
    levels = [rms for name, rms in calibration.rms.items() if name not in after_softmax]
    return {
        "parameters": sum(array.size for array in calibration.weights.values()),
        "smallest_rms": min(levels),
        "largest_rms": max(levels),
        "own_spread": max(float(np.abs(optimised[name] - outputs[name]).max()) for name in outputs),
    }
