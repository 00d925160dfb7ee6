"""Whether all outputs agree, and how far each float32 result is from the evaluation in Double."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contenders import Absent, Task
from benchmarks.latency import OURS, STRICT
from benchmarks.networks import Network
from benchmarks.settings import Settings

#: The largest difference allowed, relative to the largest output: the relative tolerance that ONNX's own backend test
#: (onnx.backend.test, `rtol`) gives float32 networks. Rounding stays orders of magnitude below, another computation is above.
THRESHOLD = 1e-3


#: What each peer computed, by batch and label.
Outputs = dict[int, dict[str, list[np.ndarray]]]


def measure(settings: Settings, network: Network, outputs: Outputs) -> dict[str, Any]:
    """Errors of every contender for one image against `onnxcnn run --engine reference`, which computes in Double throughout.

    At a larger batch onnxcnn is compared with the first peer that has run it: a second evaluation in Double would be of no
    more use than that.

    - Returns: `errors` by contender: the largest and the RMS error, relative to the largest output; `batches` likewise;
      `wrong`: what cannot be compared, in words.
    """
    threads = settings.most_threads
    task = settings.task(network, threads, batch=1)
    with settings.on_cores(threads):
        reference = _ours(settings, task, "--engine", "reference")
        results = {OURS: _ours(settings, task), STRICT: _ours(settings, task, "--mode", "strict"), **outputs.get(1, {})}
        errors: dict[str, dict[str, float]] = {}
        batches: list[dict[str, Any]] = []
        wrong: list[str] = []
        for label, found in results.items():
            try:
                errors[label] = _errors(found, reference)
            except ValueError as reason:
                wrong.append(f"{label}: {reason}")
        for batch, by_label in outputs.items():
            if batch > 1 and by_label:
                label, theirs = next(iter(by_label.items()))
                ours = _ours(settings, settings.task(network, threads, batch))
                try:
                    batches.append({"batch": batch, "against": label, **_errors(ours, theirs)})
                except ValueError as reason:
                    wrong.append(f"onnxcnn at batch {batch} against {label}: {reason}")
    return {"threshold": THRESHOLD, "errors": errors, "batches": batches, "wrong": wrong}


def disagreements(accuracy: dict[str, Any]) -> list[str]:
    """What is farther from the reference than the threshold, in words."""
    pairs = list(accuracy["errors"].items())
    for batch in accuracy["batches"]:
        pairs.append((f"onnxcnn at batch {batch['batch']} against {batch['against']}", batch))
    far = [f"{label}: {error['max']:.1e}" for label, error in pairs if error["max"] > accuracy["threshold"]]
    return [*accuracy["wrong"], *far]


def _ours(settings: Settings, task: Task, *options: str) -> list[np.ndarray]:
    path: Path = settings.scratch / "ours.npz"
    # Prepared as for the runs that are timed.
    done = settings.onnxcnn(
        "run", task.model, "--input", task.inputs, "--threads", str(task.threads), "--purpose", "many-runs", "-o", path,
        "--quiet", *options
    )
    if done.code != 0:
        raise Absent((done.err.strip().splitlines() or [f"exit code {done.code}"])[0])
    with np.load(path) as arrays:
        return [arrays[name] for name in task.outputs]


def _errors(found: list[np.ndarray], reference: list[np.ndarray]) -> dict[str, float]:
    """The largest and the root mean square difference over all outputs, each relative to its output's largest magnitude.

    Shapes need not be the same, since ncnn drops axes of size 1; the number of elements must.

    - Raises: `ValueError` if it is not, or if a difference is no finite number.
    """
    largest, squares, count = 0.0, 0.0, 0
    for ours, theirs in zip(found, reference, strict=True):
        if ours.size != theirs.size:
            raise ValueError(f"an output has the shape {list(ours.shape)} instead of {list(theirs.shape)}")
        scale = max(float(np.abs(theirs.astype(np.float64)).max(initial=0)), np.finfo(np.float64).tiny)
        apart = np.abs(ours.astype(np.float64).ravel() - theirs.astype(np.float64).ravel()) / scale
        if not np.isfinite(apart).all():
            raise ValueError("an output is not finite")
        largest = max(largest, float(apart.max(initial=0)))
        squares += float((apart**2).sum())
        count += apart.size
    return {"max": largest, "rms": float(np.sqrt(squares / max(count, 1)))}
