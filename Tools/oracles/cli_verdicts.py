"""`verify` can neither pass by omission nor fail by habit: its exit code for every kind of reference."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping

import numpy as np
import onnx

from oracles import small_models
from oracles.array_files import write_npz
from oracles.checks import Checks
from oracles.cli_expectations import (
    DONE,
    INCOMPLETE,
    MISMATCH,
    empty_folder,
    expect_code,
    expect_json,
)
from oracles.cli_workflow import LENET
from oracles.command import Onnxcnn
from oracles.reference_run import PROVENANCE, evaluate, provenance


def run(checks: Checks, onnxcnn: Onnxcnn) -> None:
    print("verdicts of verify")
    for part in (omissions, one_sided_infinities, tolerances, references_by_name, case_trees):
        with checks.guarded(part.__name__.replace("_", " ")), empty_folder() as folder:
            part(checks, onnxcnn, folder)


def omissions(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    model = small_models.save(small_models.two_outputs(), folder / "model.onnx")
    x = np.random.default_rng(0).standard_normal((2, 3), dtype=np.float32)
    full = evaluate(model, {"x": x})
    facts = provenance(model="model.onnx")

    def verify(label: str, arrays: Mapping[str, np.ndarray], code: int, mentions: str = "", *options: str) -> None:
        write_npz(folder / "ref.npz", {"x": x, **arrays})
        done = onnxcnn("verify", "model.onnx", "--reference", "ref.npz", *options, cwd=folder)
        if expect_code(checks, label, done, code) and mentions:
            text = done.out.decode() + done.err
            checks.check(f"{label}: names '{mentions}'", mentions in text, "" if mentions in text else done.described())

    verify("both outputs", full, DONE)
    verify("both outputs and how they were made", {**full, PROVENANCE: facts}, DONE)
    verify("an output without a reference", {"positive": full["positive"]}, INCOMPLETE, "squashed")
    quiet = onnxcnn("verify", "model.onnx", "--reference", "ref.npz", "--quiet", cwd=folder)
    said = quiet.code == INCOMPLETE and not quiet.out and "'squashed' has no reference" in quiet.err
    checks.check("--quiet says why a verification is incomplete", said, quiet.described())
    verify("the same with --partial", {"positive": full["positive"]}, DONE, "", "--partial")
    verify("a reference that matches no output", {**full, "stranger": x}, INCOMPLETE, "stranger")
    verify("a wrong shape", {**full, "squashed": full["squashed"].reshape(3, 2)}, INCOMPLETE, "squashed")
    verify("a shape that only broadcasts", {**full, "squashed": full["squashed"][:1]}, INCOMPLETE, "squashed")
    verify("a wrong type", {**full, "squashed": full["squashed"].astype(np.float64)}, INCOMPLETE, "squashed")
    verify("nothing to compare", {}, INCOMPLETE)
    verify("nothing to compare with --partial", {}, INCOMPLETE, "", "--partial")
    wrong = {**full, "squashed": full["squashed"] + np.float32(0.1)}
    verify("a mismatch", wrong, MISMATCH, "squashed")
    verify("a mismatch beside an omission is a mismatch", {"squashed": wrong["squashed"]}, MISMATCH)


def one_sided_infinities(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    model = small_models.save(small_models.quotient(), folder / "model.onnx")
    a = np.array([1, -1, 0, 6], dtype=np.float32)
    b = np.array([0, 0, 0, 3], dtype=np.float32)
    expected = evaluate(model, {"a": a, "b": b})["y"]
    assert np.isposinf(expected[0]) and np.isneginf(expected[1]) and np.isnan(expected[2]) and expected[3] == 2

    def verify(label: str, reference: np.ndarray, code: int) -> None:
        np.savez(folder / "ref.npz", a=a, b=b, y=reference.astype(np.float32))
        expect_code(checks, label, onnxcnn("verify", "model.onnx", "--reference", "ref.npz", cwd=folder), code)

    verify("the same infinities and NaN on both sides", expected, DONE)
    for position, label in ((0, "an infinity"), (2, "a NaN")):
        changed = expected.copy()
        changed[position] = 1
        verify(f"{label} on our side only", changed, MISMATCH)
    for value, label in ((np.nan, "a NaN"), (np.inf, "an infinity")):
        changed = expected.copy()
        changed[3] = value
        verify(f"{label} in the reference only", changed, MISMATCH)
    changed = expected.copy()
    changed[0] = -np.inf
    verify("infinities of opposite signs", changed, MISMATCH)


def tolerances(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    small_models.save(small_models.addition(), folder / "model.onnx")
    a, b = np.full((1, 4), 1, np.float32), np.array([[0, 1, 9, 99]], np.float32)
    np.savez(folder / "in.npz", a=a, b=b)

    def verify(label: str, relative: float, code: int, *options: str) -> None:
        reference = (a + b) * np.float32(1 + relative)
        np.savez(folder / "ref.npz", a=a, b=b, y=reference)
        expect_code(checks, label, onnxcnn("verify", "model.onnx", "--reference", "ref.npz", *options, cwd=folder), code)

    verify("a difference of one unit in the last place is within rounding", 1.2e-7, DONE)
    verify("a relative difference of 5e-4 is not", 5e-4, MISMATCH)
    verify("but within --tolerance fixed", 5e-4, DONE, "--tolerance", "fixed")
    verify("one of 5e-3 is not", 5e-3, MISMATCH, "--tolerance", "fixed")
    verify("but within --rtol 1e-2", 5e-3, DONE, "--rtol", "1e-2")
    verify("5e-4 is outside --rtol 1e-5 --atol 0", 5e-4, MISMATCH, "--rtol", "1e-5", "--atol", "0")
    verify("5e-4 of 100 is within --atol 0.1 --rtol 0", 5e-4, DONE, "--atol", "0.1", "--rtol", "0")
    verify("equal numbers are within --rtol 0 --atol 0", 0, DONE, "--rtol", "0", "--atol", "0")


def references_by_name(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    model = small_models.save(small_models.two_outputs(), folder / "model.onnx")
    x = np.random.default_rng(1).standard_normal((2, 3), dtype=np.float32)
    outputs = evaluate(model, {"x": x})
    np.save(folder / "input.npy", x)
    for name, array in outputs.items():
        np.save(folder / f"{name}.npy", array)
        (folder / f"{name}.pb").write_bytes(onnx.numpy_helper.from_array(array, name).SerializeToString())
    for suffix in (".npy", ".pb"):
        arguments = [text for name in outputs for text in ("--reference", f"{name}={name}{suffix}")]
        done = onnxcnn("verify", "model.onnx", *arguments, cwd=folder)
        expect_code(checks, f"NAME=FILE{suffix} for each output, input.npy beside them", done, DONE)
    done = onnxcnn(
        "verify", "model.onnx", "--reference", "positive=positive.npy", "--reference", "squashed=positive.npy", cwd=folder
    )
    expect_code(checks, "the wrong file under a name", done, MISMATCH)
    done = onnxcnn("verify", "model.onnx", "--reference", "positive.npy", cwd=folder)
    checks.check("one unnamed array for two outputs is not a pass", done.code in (2, INCOMPLETE), done.described())


def case_trees(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    def case(name: str, model: onnx.ModelProto, shift: float = 0.0) -> None:
        data = folder / "cases" / name / "test_data_set_0"
        data.mkdir(parents=True)
        path = small_models.save(model, data.parent / "model.onnx")
        x = np.random.default_rng(2).standard_normal((2, 3), dtype=np.float32)
        (data / "input_0.pb").write_bytes(onnx.numpy_helper.from_array(x, "x").SerializeToString())
        if name != "unsupported":
            for position, (output, array) in enumerate(evaluate(path, {"x": x}).items()):
                tensor = onnx.numpy_helper.from_array(array + np.float32(shift), output)
                (data / f"output_{position}.pb").write_bytes(tensor.SerializeToString())

    case("right", small_models.two_outputs())
    expect_code(checks, "verify --cases of a right case", onnxcnn("verify", "--cases", "cases", cwd=folder), DONE)
    case("wrong", small_models.two_outputs(), shift=1.0)
    case("unsupported", small_models.unsupported())
    done = onnxcnn("verify", "--cases", "cases", "--json", cwd=folder)
    if expect_json(checks, "verify --cases --json with a wrong and an unsupported one", done, MISMATCH):
        found = {str(entry["name"]).rsplit("/", 1)[-1]: entry["status"] for entry in done.json["cases"]}
        expected = {"right": "passed", "wrong": "failed", "unsupported": "unsupported"}
        checks.check("each with its status", found == expected, str(found))
    exported = onnxcnn("export", str(LENET / "model.onnx"), "--cases", "made", "--input", str(LENET / "input.npy"), cwd=folder)
    if expect_code(checks, "export --cases", exported, DONE):
        tree = sorted(str(path.relative_to(folder / "made")) for path in (folder / "made").rglob("*") if path.is_file())
        ends = ("model.onnx", "test_data_set_0/input_0.pb", "test_data_set_0/output_0.pb")
        checks.check(
            "export --cases writes ONNX's layout", all(any(path.endswith(end) for path in tree) for end in ends), str(tree)
        )
        expect_code(checks, "verify --cases of what we exported", onnxcnn("verify", "--cases", "made", cwd=folder), DONE)
