"""What Tools/reference.py makes of the inputs that it is given, which onnxcnn then verifies a model against."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from oracles import small_models
from oracles.checks import Checks
from oracles.cli_expectations import DONE, INVALID, empty_folder, expect_code
from oracles.cli_workflow import LENET, fill
from oracles.command import Onnxcnn

SCRIPT = Path(__file__).resolve().parent.parent / "reference.py"


def run(checks: Checks, onnxcnn: Onnxcnn) -> None:
    print("references")
    for part in (given_inputs, inputs_without_a_place):
        with checks.guarded(part.__name__.replace("_", " ")), empty_folder() as folder:
            fill(folder)
            part(checks, onnxcnn, folder)


def reference(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments, "-o", "made.npz"], cwd=folder, capture_output=True, text=True, check=False
    )


def given_inputs(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    images = np.load(LENET / "input.npy")
    np.savez(folder / "named.npz", image=images)
    np.savez(folder / "other.npz", foo=images)
    for given in ("input.npy", "named.npz", "other.npz", "image=input.npy", "image=other.npz"):
        done = reference(folder, "model.onnx", "--input", given)
        if not checks.check(f"reference.py --input {given}", done.returncode == 0, done.stderr):
            continue
        with np.load(folder / "made.npz") as made:
            checks.check("runs on this very array", np.array_equal(made["image"], images))
        verified = onnxcnn("verify", "model.onnx", "--reference", "made.npz", cwd=folder)
        expect_code(checks, "and verify agrees with it", verified, DONE)
    done = reference(folder, "model.onnx", "--input", "made.npz")
    checks.check("a reference file gives the inputs of the next", done.returncode == 0, done.stderr)


def inputs_without_a_place(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    rows = np.ones((2, 4), np.float32)
    np.savez(folder / "one.npz", foo=rows)
    np.savez(folder / "two.npz", foo=rows, bar=rows)
    np.save(folder / "rows.npy", rows)
    small_models.save(small_models.addition(), folder / "addition.onnx")
    for model, given in (
        ("addition.onnx", "one.npz"),
        ("addition.onnx", "rows.npy"),
        ("addition.onnx", "two.npz"),
        ("addition.onnx", "a=two.npz"),
        ("model.onnx", "two.npz"),
    ):
        done = reference(folder, model, "--input", given)
        is_refused = done.returncode == INVALID and done.stderr.startswith("error:") and not (folder / "made.npz").exists()
        checks.check(f"reference.py {model} --input {given} is refused", is_refused, done.stdout + done.stderr)
