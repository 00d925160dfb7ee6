"""Whether all outputs agree, and how far each float32 result is from the evaluation in Double."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contenders import LABELS, Absent, PeerContender, Task
from benchmarks.latency import OURS, STRICT
from benchmarks.networks import Network
from benchmarks.settings import Settings

#: The largest difference allowed, relative to the largest output: the relative tolerance that ONNX's own backend test
#: (onnx.backend.test, `rtol`) gives float32 networks. Rounding stays orders of magnitude below, another computation is above.
THRESHOLD = 1e-3


def measure(settings: Settings, network: Network, large_batch: int | None) -> dict[str, Any]:
    """Errors of every contender for one image against `onnxcnn run --engine reference`, which computes in Double throughout.

    - Parameter large_batch: a batch at which ours is compared with the first peer that runs it.
    - Returns: `errors` by contender: the largest and the RMS error, relative to the largest output; `batch` likewise; `absent`.
    """
    threads = settings.most_threads
    task = settings.task(network, threads, batch=1)
    with settings.on_cores(threads):
        reference = _ours(settings, task, "--engine", "reference")
        errors = {
            OURS: _errors(_ours(settings, task), reference),
            STRICT: _errors(_ours(settings, task, "--mode", "strict"), reference),
        }
        absent: dict[str, str] = {}
        for peer in settings.peers:
            try:
                errors[LABELS[peer]] = _errors(_peers(settings, peer, network, task), reference)
            except Absent as reason:
                absent[LABELS[peer]] = str(reason)
        found: dict[str, Any] = {"threshold": THRESHOLD, "errors": errors, "absent": absent}
        if large_batch is not None:
            task = settings.task(network, threads, large_batch)
            for peer in settings.peers:
                try:
                    theirs = _peers(settings, peer, network, task)
                except Absent:
                    continue
                found["batch"] = {"batch": large_batch, "against": LABELS[peer], **_errors(_ours(settings, task), theirs)}
                break
    return found


def disagreements(accuracy: dict[str, Any]) -> list[str]:
    """What is farther from the reference than the threshold, in words."""
    pairs = list(accuracy["errors"].items())
    if "batch" in accuracy:
        batch = accuracy["batch"]
        pairs.append((f"onnxcnn at batch {batch['batch']} against {batch['against']}", batch))
    # Written so that a NaN disagrees.
    return [f"{label}: {error['max']:.1e}" for label, error in pairs if not error["max"] <= accuracy["threshold"]]


def _ours(settings: Settings, task: Task, *options: str) -> list[np.ndarray]:
    path: Path = settings.scratch / "ours.npz"
    done = settings.onnxcnn(
        "run", task.model, "--input", task.inputs, "--threads", str(task.threads), "-o", path, "--quiet", *options
    )
    if done.code != 0:
        raise Absent((done.err.strip().splitlines() or [f"exit code {done.code}"])[0])
    with np.load(path) as arrays:
        return [arrays[name] for name in task.outputs]


def _peers(settings: Settings, peer: str, network: Network, task: Task) -> list[np.ndarray]:
    if peer in settings.absent_peers:
        raise Absent(settings.absent_peers[peer])
    contender = PeerContender(peer, settings.peer_task(peer, replace(task), network), settings.scratch)
    try:
        return contender.outputs(settings.scratch)
    finally:
        contender.close()


def _errors(found: list[np.ndarray], reference: list[np.ndarray]) -> dict[str, float]:
    """The largest and the root mean square difference over all outputs, each relative to its output's largest magnitude.

    Shapes need not be the same, since ncnn drops axes of size 1; the number of elements must.
    """
    largest, squares, count = 0.0, 0.0, 0
    for ours, theirs in zip(found, reference, strict=True):
        if ours.size != theirs.size:
            raise Absent(f"an output has {list(ours.shape)} elements instead of {list(theirs.shape)}")
        scale = max(float(np.abs(theirs.astype(np.float64)).max(initial=0)), np.finfo(np.float64).tiny)
        apart = np.abs(ours.astype(np.float64).ravel() - theirs.astype(np.float64).ravel()) / scale
        # max() of an array with a NaN is NaN.
        largest = float(np.maximum(largest, apart.max(initial=0)))
        squares += float((apart**2).sum())
        count += apart.size
    return {"max": largest, "rms": float(np.sqrt(squares / max(count, 1)))}
