"""A process that runs one other runtime on one model: `python -m benchmarks.peer_process JOB.json`.

It answers a line of JSON to each line of JSON on its standard input, and ends with its input:
{"do": "turn", "runs": n, "warmup": n} runs and tells each run's milliseconds; {"do": "save", "path": …} writes the last
outputs. Before that it loads the model, runs it once and says so by itself.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

import numpy as np

from benchmarks.peers import PEERS, Job


def peak_resident_bytes() -> int | None:
    """The most memory that this process has had in RAM; None where the system does not tell."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return None


def milliseconds(action: Any) -> float:
    start = time.perf_counter_ns()
    action()
    return (time.perf_counter_ns() - start) * 1e-6


def main() -> None:
    # Some runtimes print to standard output; the answers have it to themselves.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(**fields: object) -> None:
        answers.write(json.dumps(fields) + "\n")

    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    with np.load(job["inputs"]) as arrays:
        feeds = {name: arrays[name] for name in job["names"]}
    try:
        import_ms = milliseconds(lambda: importlib.import_module(job["peer"]))
        before = peak_resident_bytes()
        made: list[Any] = []
        files = tuple(job["converted"]) if job["converted"] else None
        description = Job(job["model"], files, feeds, job["outputs"], job["threads"])
        load_ms = milliseconds(lambda: made.append(PEERS[job["peer"]](description)))
        peer = made[0]
        first_ms = milliseconds(peer.run)
        answer(
            import_ms=import_ms, load_ms=load_ms, first_run_ms=first_ms, first_result_ns=time.monotonic_ns(),
            peak_resident_bytes=peak_resident_bytes(), before_model_bytes=before,
        )  # fmt: skip
        for line in sys.stdin:
            order = json.loads(line)
            if order["do"] == "turn":
                for _ in range(order["warmup"]):
                    peer.run()
                answer(ms=[milliseconds(peer.run) for _ in range(order["runs"])])
            elif order["do"] == "save":
                with open(order["path"], "wb") as out:
                    np.savez(out, *[peer.results()[name] for name in job["outputs"]])
                answer(saved=True)
    except Exception as error:  # Whatever a runtime raises is its reason for being absent.
        lines = str(error).strip().splitlines() or [type(error).__name__]
        answer(error=f"{type(error).__name__}: {lines[0]}"[:300])


if __name__ == "__main__":
    main()
