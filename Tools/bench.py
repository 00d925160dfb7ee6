#!/usr/bin/env python3
"""How fast onnxcnn runs models, as a ratio to ONNX Runtime measured in the same minutes.

    .venv/bin/python Tools/bench.py [--onnxcnn PATH] [--threads 1 2] [--rounds 5] MODEL.onnx …

The two take turns, a process each a round, batch 1, seeded random input; a round's number is the median of its runs. The table
shows the median round of each, and the median of the ratios round by round (below 1: onnxcnn is faster).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

from oracles.command import Onnxcnn, add_binary_option, find_binary

#: Runs that are measured in a round, after as many as `WARMUP`.
RUNS, WARMUP = 10, 3

ONNX_RUNTIME = """
import statistics, sys, time
import onnx, onnxruntime
from oracles.reference_run import seeded_inputs
path, threads, runs, warmup = sys.argv[1], *map(int, sys.argv[2:])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
session = onnxruntime.InferenceSession(path, options)
feeds = seeded_inputs(onnx.load(path, load_external_data=False), seed=1)
times = []
for _ in range(warmup + runs):
    start = time.perf_counter()
    session.run(None, feeds)
    times.append(1e3 * (time.perf_counter() - start))
print(statistics.median(times[warmup:]))
"""


def onnx_runtime(model: Path, threads: int) -> float:
    arguments = [str(model), str(threads), str(RUNS), str(WARMUP)]
    done = subprocess.run(
        [sys.executable, "-c", ONNX_RUNTIME, *arguments],
        cwd=Path(__file__).resolve().parent, capture_output=True, text=True, check=True,
    )
    return float(done.stdout)


def ours(onnxcnn: Onnxcnn, model: Path, threads: int) -> float:
    done = onnxcnn("bench", model, "--threads", str(threads), "--runs", str(RUNS), "--warmup", str(WARMUP), "--json")
    if done.code != 0:
        raise SystemExit(done.described())
    return float(done.json["latency_ms"]["median"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_binary_option(parser)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL.onnx")
    options = parser.parse_args()
    onnxcnn = find_binary(options.onnxcnn)
    print("| network | threads | onnxcnn (ms) | ONNX Runtime (ms) | ratio |\n|---|---|---|---|---|")
    for model in options.models:
        for threads in options.threads:
            rounds = [
                (ours(onnxcnn, model.resolve(), threads), onnx_runtime(model.resolve(), threads))
                for _ in range(options.rounds)
            ]
            mine, theirs = (statistics.median(column) for column in zip(*rounds))
            ratio = statistics.median(mine / theirs for mine, theirs in rounds)
            print(f"| {model.stem} | {threads} | {mine:.1f} | {theirs:.1f} | {ratio:.2f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
