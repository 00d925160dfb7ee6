"""How the cost grows with the batch and the number of layers, and falls with the number of threads."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.contenders import Absent, bench
from benchmarks.networks import SEED, Network
from benchmarks.settings import Settings

BATCHES = (4, 16, 64)
#: The turns of each batch. Its fastest run counts: disturbances only add, and the three must not be disturbed differently.
TURNS, TURN_MS = 3, 400.0
#: Pairs of turns on one and on two threads.
PAIRS = 7
CHAIN = (1250, 2500, 5000, 10000)
CHAIN_TURNS = 5


def with_batch(settings: Settings, network: Network, image_ms: float) -> dict[str, Any]:
    """Milliseconds a sample at several batches, all threads.

    - Parameter image_ms: about what one image takes.
    """
    threads = settings.most_threads
    found: dict[int, float] = {}
    with settings.on_cores(threads):
        tasks = {batch: settings.task(network, threads, batch) for batch in BATCHES}
        for _ in range(TURNS):
            for batch, task in tasks.items():
                runs = _runs(image_ms * batch)
                turn = bench(settings.onnxcnn, task, "--runs", str(runs), "--warmup", "0")
                found[batch] = min(found.get(batch, math.inf), turn["latency_ms"]["min"] / batch)
    return {"threads": threads, "ms_a_sample": {str(batch): value for batch, value in found.items()}}


def with_threads(settings: Settings, network: Network, image_ms: float) -> list[dict[str, float]]:
    """Milliseconds an image, by number of threads, one pair of turns after the other: what is compared runs within the same second.

    - Parameter image_ms: about what one image takes.
    """
    pairs: list[dict[str, float]] = []
    for _ in range(PAIRS):
        pair: dict[str, float] = {}
        for threads in (1, 2):
            with settings.on_cores(threads):
                turn = bench(settings.onnxcnn, settings.task(network, threads, 1), "--runs", str(_runs(image_ms)))
                pair[str(threads)] = turn["latency_ms"]["median"]
        pairs.append(pair)
    return pairs


def _runs(run_ms: float) -> int:
    """How many runs a turn has: of a small network thousands, as a few milliseconds would be those of one disturbance."""
    return max(2, math.ceil(TURN_MS / max(run_ms, 1e-3)))


def with_layers(settings: Settings) -> list[dict[str, float]]:
    """What opening chains of layers, compiling them and packing their weights takes, in milliseconds.

    The fastest turn counts, as for batches.
    Weights are packed in the first run, so what that takes beyond another run counts.
    """
    paths = {layers: settings.scratch / f"chain-{layers}.onnx" for layers in CHAIN}
    turns: dict[int, list[dict[str, float]]] = {layers: [] for layers in CHAIN}
    for layers, path in paths.items():
        path.write_bytes(chain(layers).SerializeToString())
    for _ in range(CHAIN_TURNS):
        for layers, path in paths.items():
            turns[layers].append(_open_chain(settings, path))
    for path in paths.values():
        path.unlink()
    return [{"layers": layers, **min(found, key=lambda turn: turn["ready"])} for layers, found in turns.items()]


def _open_chain(settings: Settings, path: Path) -> dict[str, float]:
    done = settings.onnxcnn(
        "bench", path, "--runs", "1", "--warmup", "0", "--threads", str(settings.most_threads), "--json"
    )
    if done.code != 0:
        raise Absent((done.err.strip().splitlines() or [f"exit code {done.code}"])[0])
    times = {name: float(done.json[f"{name}_ms"]) for name in ("load", "compile", "first_run")}
    run = float(done.json["latency_ms"]["median"])
    return {"ready": times["load"] + times["compile"] + max(0.0, times["first_run"] - run), **times, "run": run}


def chain(layers: int) -> onnx.ModelProto:
    """Convolutions and activations in turn, 3x3 on 4 channels of 8x8, each convolution with weights of its own."""
    generator = np.random.default_rng(SEED)
    nodes, weights, name = [], [], "input"
    for index in range(layers):
        output = f"v{index}" if index < layers - 1 else "output"
        if index % 2 == 0:
            # The variance 2/n keeps the scale of activations (He et al., 2015).
            kernel = generator.standard_normal((4, 4, 3, 3), dtype=np.float32) * np.float32(math.sqrt(2 / 36))
            weights.append(numpy_helper.from_array(kernel, f"w{index}"))
            nodes.append(helper.make_node("Conv", [name, f"w{index}"], [output], f"conv{index}", pads=[1, 1, 1, 1]))
        else:
            nodes.append(helper.make_node("Relu", [name], [output], f"relu{index}"))
        name = output
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4, 8, 8]) for name in ("input", "output")]
    graph = helper.make_graph(nodes, "chain", value[:1], value[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
