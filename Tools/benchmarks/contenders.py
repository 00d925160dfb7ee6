"""What takes turns: `onnxcnn bench`, a process for each turn, and the other runtimes, whose processes wait between turns."""

from __future__ import annotations

import json
import select
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Optional, Protocol

import numpy as np

from benchmarks.machine import ROOT
from oracles.command import Onnxcnn

#: The longest silence of a peer before it is given up.
TIMEOUT_SECONDS = 300
LABELS = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "ncnn": "ncnn", "tract": "tract"}


class Absent(Exception):
    """A contender that cannot run; the message is the reason that the report shows."""


@dataclass(frozen=True)
class Turn:
    """The runs of one turn, summed up."""

    median_ms: float
    min_ms: float
    p90_ms: float
    runs: int

    @staticmethod
    def of(milliseconds: list[float]) -> Turn:
        ordered = sorted(milliseconds)
        return Turn(statistics.median(ordered), ordered[0], ordered[(len(ordered) * 9 + 9) // 10 - 1], len(ordered))

    def as_json(self) -> dict[str, float]:
        return asdict(self)


@dataclass(frozen=True)
class Task:
    """A model with its inputs in a file, and with what it is to be run."""

    model: Path
    inputs: Path
    names: list[str]
    outputs: list[str]
    threads: int
    converted: Optional[tuple[Path, Path]] = None


class Contender(Protocol):
    label: str
    #: What a run takes, from a first look: it decides how many runs a turn has.
    expected_ms: float

    def turn(self, runs: int, warmup: int) -> Turn: ...

    def close(self) -> None: ...


def bench(onnxcnn: Onnxcnn, task: Task, *options: str) -> dict[str, Any]:
    """The JSON object of one `onnxcnn bench`.

    - Raises: `Absent` with the tool's first line of error.
    """
    done = onnxcnn("bench", task.model, "--input", task.inputs, "--threads", str(task.threads), "--json", *options)
    if done.code != 0:
        raise Absent((done.err.strip().splitlines() or [f"exit code {done.code}"])[0])
    return dict(done.json)


class OnnxcnnContender:
    """`onnxcnn bench` in fast or strict mode."""

    def __init__(self, onnxcnn: Onnxcnn, task: Task, mode: str, expected_ms: Optional[float]) -> None:
        """Looks how long a run takes if that is not expected yet.

        - Raises: `Absent` if the tool does not run the model.
        """
        self.label = "onnxcnn" if mode == "fast" else f"onnxcnn {mode}"
        self.onnxcnn, self.task, self.mode = onnxcnn, task, mode
        self.expected_ms = self.turn(runs=1, warmup=1).median_ms if expected_ms is None else expected_ms

    def turn(self, runs: int, warmup: int) -> Turn:
        found = bench(self.onnxcnn, self.task, "--mode", self.mode, "--runs", str(runs), "--warmup", str(warmup))
        latency = found["latency_ms"]
        return Turn(latency["median"], latency["min"], latency["p90"], runs)

    def close(self) -> None:
        """Nothing is running between turns."""


class PeerContender:
    """Another runtime in a process of its own, which holds one loaded model."""

    def __init__(self, peer: str, task: Task, folder: Path) -> None:
        """Loads the model and runs it once; the process inherits the cores of this one.

        - Raises: `Absent` if the runtime cannot.
        """
        self.label = LABELS[peer]
        description = folder / f"{peer}.json"
        description.write_text(
            json.dumps({
                "peer": peer, "model": str(task.model), "inputs": str(task.inputs), "names": task.names,
                "outputs": task.outputs, "threads": task.threads,
                "converted": [str(path) for path in task.converted] if task.converted else None,
            }),
            encoding="utf-8",
        )  # fmt: skip
        self.errors = folder / f"{peer}.stderr"
        start = time.monotonic_ns()
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.peer_process", str(description)],
                cwd=ROOT / "Tools", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0,
            )  # fmt: skip
        self.pending = b""
        try:
            #: What loading took, and the memory: the fields that `peer_process` names.
            self.loaded = self._answer()
            #: From the start of the process to its first result.
            self.start_ms = (self.loaded["first_result_ns"] - start) * 1e-6
            self.expected_ms = float(self.loaded["first_run_ms"])
        except BaseException:
            self.close()
            raise

    def turn(self, runs: int, warmup: int) -> Turn:
        return Turn.of(self._ask(do="turn", runs=runs, warmup=warmup)["ms"])

    def outputs(self, folder: Path) -> list[np.ndarray]:
        """The outputs of the last run, in the model's order."""
        path = folder / "outputs.npz"
        self._ask(do="save", path=str(path))
        with np.load(path) as arrays:
            return [arrays[name] for name in arrays.files]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()

    def _ask(self, **order: object) -> dict[str, Any]:
        if self.process.stdin is None:
            raise Absent("its process has no input")
        try:
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
        except BrokenPipeError:
            raise Absent(self._ending()) from None
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        stream = self.process.stdout
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while stream is not None and b"\n" not in self.pending:
            if not select.select([stream], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise Absent(f"no answer within {TIMEOUT_SECONDS} s")
            received = stream.read(65536)
            if not received:
                raise Absent(self._ending())
            self.pending += received
        line, _, self.pending = self.pending.partition(b"\n")
        answer = dict(json.loads(line))
        if "error" in answer:
            raise Absent(answer["error"])
        return answer

    def _ending(self) -> str:
        code = self.process.wait()
        ending = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        lines = self.errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"{ending}: {lines[-1][:200]}" if lines else ending
