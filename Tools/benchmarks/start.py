"""From the start of a process to its first result, and the memory that takes."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.contenders import LABELS, Absent, PeerContender, Task, bench
from benchmarks.networks import Network
from benchmarks.settings import Settings

FROM_ONNX, FROM_ARCHIVE = "onnxcnn .onnx", "onnxcnn archive"
ROUNDS, QUICK_ROUNDS = 3, 1


def archived(settings: Settings, network: Network) -> Path:
    """The network as a native archive, which `onnxcnn import` makes.

    - Raises: `Absent` if it does not.
    """
    path = settings.scratch / f"{network.name}.safetensors"
    done = settings.onnxcnn("import", network.path, "-o", path, "--quiet")
    if done.code != 0:
        raise Absent((done.err.strip().splitlines() or [f"exit code {done.code}"])[0])
    return path


def measure(settings: Settings, network: Network) -> dict[str, Any]:
    """Whole processes in turn, the files in the page cache: onnxcnn from its start to its end, a peer up to its first result.

    - Returns: `rounds` of milliseconds by contender, `load_ms` and `first_run_ms` inside the process, `memory`, `absent`.
    """
    archive = archived(settings, network)
    threads = settings.most_threads
    task = settings.task(network, threads, batch=1)
    rounds: list[dict[str, float]] = []
    inside: dict[str, list[dict[str, Any]]] = {}
    absent: dict[str, str] = {}
    count = QUICK_ROUNDS if settings.quick else ROUNDS
    with settings.on_cores(threads):
        for path in (network.path, archive):
            _read(path)
        for _ in range(count):
            times: dict[str, float] = {}
            for label, model in ((FROM_ONNX, network.path), (FROM_ARCHIVE, archive)):
                if label not in absent:
                    try:
                        times[label] = _our_start(settings, task, model)
                    except Absent as reason:
                        absent[label] = str(reason)
            for peer in settings.peers:
                label = LABELS[peer]
                if label in absent:
                    continue
                try:
                    if peer in settings.absent_peers:
                        raise Absent(settings.absent_peers[peer])
                    contender = PeerContender(peer, settings.peer_task(peer, task, network), settings.scratch)
                except Absent as reason:
                    absent[label] = str(reason)
                    continue
                contender.close()
                times[label] = contender.start_ms
                inside.setdefault(label, []).append(contender.loaded)
            rounds.append(times)
        memory: dict[str, dict[str, Any]] = {}
        load_ms: dict[str, float] = {}
        first_run_ms: dict[str, float] = {}
        for label, model in ((FROM_ONNX, network.path), (FROM_ARCHIVE, archive)):
            # One run, as in a process that only runs the model: more would change neither number.
            try:
                once = bench(settings.onnxcnn, replace(task, model=model), "--runs", "1", "--warmup", "0")
            except Absent as reason:
                absent[label] = str(reason)
                continue
            memory[label] = once["memory"]
            load_ms[label] = once["load_ms"] + once["compile_ms"]
            first_run_ms[label] = once["first_run_ms"]
    archive.unlink()
    for label, loads in inside.items():
        memory[label] = {name: loads[0][name] for name in ("peak_resident_bytes", "before_model_bytes")}
        load_ms[label] = statistics.median(load["load_ms"] for load in loads)
        first_run_ms[label] = statistics.median(load["first_run_ms"] for load in loads)
    return {
        "threads": threads,
        "rounds": rounds,
        "load_ms": load_ms,
        "first_run_ms": first_run_ms,
        "memory": memory,
        "absent": absent,
    }


def _our_start(settings: Settings, task: Task, model: Path) -> float:
    start = time.monotonic_ns()
    done = settings.onnxcnn("run", model, "--input", task.inputs, "--threads", str(task.threads), "--quiet")
    milliseconds = (time.monotonic_ns() - start) * 1e-6
    if done.code != 0:
        raise Absent((done.err.strip().splitlines() or [f"exit code {done.code}"])[0])
    return milliseconds


def _read(path: Path) -> None:
    """Brings the file into the page cache."""
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 22):
            pass
