"""`compare`, references of every layer, models that verify themselves, reports, and many models at once.

The numbers of `compare --json` are held against NumPy's and scikit-image's formulas, written out here.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import onnx

from oracles import small_models
from oracles.array_files import write_npz
from oracles.checks import Checks
from oracles.cli_expectations import (
    DONE,
    INCOMPLETE,
    INVALID,
    MISMATCH,
    USAGE,
    empty_folder,
    expect_code,
    expect_error,
    expect_json,
)
from oracles.cli_workflow import LENET
from oracles.command import Onnxcnn
from oracles.reference_run import evaluate, intermediate_names, run as run_session, open_session, with_all_outputs


def run(checks: Checks, onnxcnn: Onnxcnn) -> None:
    print("compare, layers, self-checks, reports")
    for part in (measures, verdicts, judged_again, layers, self_check, reports, several_models):
        with checks.guarded(part.__name__.replace("_", " ")), empty_folder() as folder:
            part(checks, onnxcnn, folder)


def ulp_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    def ordered(x: np.ndarray) -> np.ndarray:
        bits = x.astype(np.float32).view(np.int32).astype(np.int64)
        return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)

    return np.abs(ordered(a) - ordered(b))


def measures(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    generator = np.random.default_rng(5)
    reference = generator.standard_normal((3, 40, 9, 11)).astype(np.float32)
    actual = (reference * (1 + 1e-5 * generator.standard_normal(reference.shape))).astype(np.float32)
    actual[1, 7, 3, 4] += 1
    np.savez(folder / "a.npz", y=actual)
    np.savez(folder / "b.npz", y=reference)
    done = onnxcnn("compare", "a.npz", "b.npz", "--rtol", "1e-5", "--atol", "1e-6", "--json", cwd=folder)
    if not expect_json(checks, "compare --json", done, MISMATCH):
        return
    found = done.json["outputs"][0]
    a, r = actual.astype(np.float64), reference.astype(np.float64)
    d = np.abs(a - r)
    ulp = np.sort(ulp_distances(actual, reference).ravel())

    def rank(percentage: int) -> int:
        return int(ulp[max(-(-len(ulp) * percentage // 100) - 1, 0)])

    expected = {
        "max_abs": d.max(),
        "max_rel": (d / np.abs(r)).max(),
        "rmse": np.sqrt(np.mean(d**2)),
        "nrmse": np.sqrt(np.sum(d**2) / np.sum(r**2)),
        "cosine": np.sum(a * r) / np.sqrt(np.sum(a**2) * np.sum(r**2)),
        "psnr": 20 * np.log10((r.max() - r.min()) / np.sqrt(np.mean(d**2))),
    }
    for name, value in expected.items():
        ours = found[name]["value"] if isinstance(found[name], dict) else found[name]
        # Sums of 10^4 Doubles in another order.
        checks.check(f"{name} is NumPy's", abs(ours - value) <= 1e-11 * abs(value), f"{ours} and {value}")
    wrong = ~(d <= 1e-6 + 1e-5 * np.abs(r))
    checks.check("so is the number of mismatches", found["mismatches"] == int(wrong.sum()), str(found["mismatches"]))
    checks.check("the map's channels add up to it", sum(found["map"]["channels"]["mismatches"]) == int(wrong.sum()))
    per_channel = wrong.sum(axis=(0, 2, 3)).tolist()
    checks.check("and are NumPy's channel by channel", found["map"]["channels"]["mismatches"] == per_channel)
    per_place = wrong.sum(axis=(0, 1)).ravel().tolist()
    checks.check("as is the map of positions", found["map"]["positions"]["mismatches"] == per_place)
    checks.check("ULP maximum", found["ulp"]["max"] == int(ulp[-1]), f"{found['ulp']['max']} and {ulp[-1]}")
    for key, percentage in (("p50", 50), ("p90", 90), ("p99", 99)):
        ours, theirs = found["ulp"][key], rank(percentage)
        exact = ours == theirs if theirs < 1024 else theirs * (1 - 1 / 64) <= ours <= theirs
        checks.check(f"ULP {key}", exact, f"{ours} and {theirs}")


def verdicts(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.savez(folder / "a.npz", x=x, y=x + 1)
    np.savez(folder / "same.npz", y=x + 1, x=x)
    np.savez(folder / "more.npz", x=x, y=x + 1, z=x)
    np.savez(folder / "shape.npz", x=x, y=(x + 1).T)
    np.savez(folder / "far.npz", x=x, y=x + 2)
    np.save(folder / "one.npy", x)

    def compare(label: str, code: int, *arguments: str) -> None:
        expect_code(checks, label, onnxcnn("compare", *arguments, cwd=folder), code)

    compare("compare of equal arrays in another order", DONE, "a.npz", "same.npz")
    compare("an array on one side only", INCOMPLETE, "a.npz", "more.npz")
    compare("the same with --partial", DONE, "a.npz", "more.npz", "--partial")
    compare("another shape", INCOMPLETE, "a.npz", "shape.npz", "--partial")
    compare("a difference", MISMATCH, "a.npz", "far.npz")
    compare("within --atol", DONE, "a.npz", "far.npz", "--atol", "1")
    compare("one array without a name each", DONE, "one.npy", "one.npy")
    compare("a file that is not there", INVALID, "a.npz", "none.npz")
    compare("arrays alone", INVALID, "a.npz")
    compare("a negative tolerance", USAGE, "a.npz", "same.npz", "--rtol", "-1")
    quiet = onnxcnn("compare", "a.npz", "same.npz", "--quiet", cwd=folder)
    checks.check("compare --quiet prints nothing", not quiet.out and not quiet.err, quiet.described())


def judged_again(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    generator = np.random.default_rng(8)
    reference = generator.standard_normal((1, 5000)).astype(np.float32)
    actual = (reference + 1e-3 * generator.standard_normal(reference.shape)).astype(np.float32)
    np.savez(folder / "a.npz", y=actual)
    np.savez(folder / "b.npz", y=reference)
    saved = onnxcnn("compare", "a.npz", "b.npz", "--json", cwd=folder)
    (folder / "report.json").write_bytes(saved.out)
    agree = True
    for rtol in ("0", "1e-3", "0.01", "0.1"):
        for atol in ("0", "1e-4", "2e-3", "3e-3", "4e-3", "1"):
            tolerance = ("--rtol", rtol, "--atol", atol)
            again = onnxcnn("compare", "report.json", *tolerance, cwd=folder).code
            direct = onnxcnn("compare", "a.npz", "b.npz", *tolerance, cwd=folder).code
            agree = agree and again == direct
    checks.check("a saved report judged again comes to the verdict of comparing again, 24 tolerances", agree)
    (folder / "other.json").write_text('{"schema": 2}')
    expect_error(checks, "no report", onnxcnn("compare", "other.json", cwd=folder), ["schema"])
    (folder / "broken.json").write_text('{"schema": ')
    expect_error(checks, "broken JSON", onnxcnn("compare", "broken.json", cwd=folder), ["JSON"])


def layers(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    path = LENET / "model.onnx"
    x = np.load(LENET / "input.npy")
    model = onnx.load(path)
    names = intermediate_names(model)
    input_name = model.graph.input[0].name
    session = open_session(with_all_outputs(model).SerializeToString())
    values = dict(zip(names, run_session(session, names, {input_name: x})))
    write_npz(folder / "ref.npz", {input_name: x, **values})
    done = onnxcnn("verify", path, "--reference", "ref.npz", "--json", cwd=folder)
    if expect_json(checks, "verify against ONNX Runtime's layers", done):
        found = done.json["layers"]
        checks.check("every layer was checked", found["checked"] == len(names) and not found["missing"], str(found["checked"]))
    ours = onnxcnn("run", path, "--input", LENET / "input.npy", "--layers", "-o", "ours.npz", cwd=folder)
    if expect_code(checks, "run --layers", ours, DONE):
        with np.load(folder / "ours.npz") as written:
            checks.check("it writes inputs and every value", set(written.files) == {input_name, *names}, str(written.files))
        expect_code(checks, "compare of both files", onnxcnn("compare", "ours.npz", "ref.npz", cwd=folder), DONE)
    # A wrong weight in the third convolution: the reference of another model, all layers after it changed.
    changed = onnx.load(path)
    node = [node for node in changed.graph.node if node.op_type == "Conv"][1]
    weight = next(tensor for tensor in changed.graph.initializer if tensor.name == node.input[1])
    array = onnx.numpy_helper.to_array(weight).copy()
    array[2] *= 1.05
    weight.CopyFrom(onnx.numpy_helper.from_array(array, weight.name))
    session = open_session(with_all_outputs(changed).SerializeToString())
    values = dict(zip(names, run_session(session, names, {input_name: x})))
    write_npz(folder / "wrong.npz", {input_name: x, **values})
    done = onnxcnn("verify", path, "--reference", "wrong.npz", "--json", cwd=folder)
    if expect_json(checks, "verify against layers of a changed model", done, MISMATCH):
        first = done.json["layers"]["first_failure"]
        checks.check("it names the changed node", first is not None and first["node"] == node.name, str(first)[:200])
        failing = [entry["node"] for entry in done.json["layers"]["nodes"] if entry["verdict"] == "mismatch"]
        checks.check("and blames no other", failing == [node.name], str(failing))
        terms = done.json["layers"]["explanation"]
        checks.check("with its formula and worst element", bool(terms["formula"]) and len(terms["element"]) == 4, str(terms)[:200])
        checks.check(
            "and says that the reference is wrong", done.json["outputs"][0]["rounding"]["wrong"] == "reference", ""
        )
    write_npz(folder / "outputs.npz", {input_name: x, names[-1]: values[names[-1]]})
    expect_error(
        checks, "--layers without layers", onnxcnn("verify", path, "--reference", "outputs.npz", "--layers", cwd=folder), ["nodes"]
    )


def self_check(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    made = onnxcnn("export", LENET / "model.onnx", "--self-check", "-o", "checked.onnx", cwd=folder)
    if not expect_code(checks, "export --self-check", made, DONE):
        return
    onnx.checker.check_model(str(folder / "checked.onnx"))
    model = onnx.load(folder / "checked.onnx")
    stored = {entry.key: entry.value for entry in model.metadata_props}.get("onnxcnn.self_check", "")
    checks.check("a small check under the documented key", 0 < len(stored) < 8192, f"{len(stored)} bytes")
    recipe = json.loads(stored)
    for options in (
        (), ("--mode", "strict"), ("--engine", "reference"), ("--threads", "1"), ("--isa", "baseline"),
        ("--purpose", "few-runs"),
    ):
        done = onnxcnn("verify", "checked.onnx", *options, cwd=folder)
        expect_code(checks, f"verify {' '.join(options)} without any other file", done, DONE)
    expect_code(checks, "import keeps it", onnxcnn("import", "checked.onnx", "-o", "a.safetensors", cwd=folder), DONE)
    expect_code(checks, "verify of the archive", onnxcnn("verify", "a.safetensors", cwd=folder), DONE)
    # The recipe is enough for ONNX Runtime too: SplitMix64, twelve 16-bit numbers an element.
    x = seeded(recipe["seed"], recipe["inputs"][0]["shape"])
    output = evaluate(folder / "checked.onnx", {recipe["inputs"][0]["name"]: x})
    stated = recipe["outputs"][0]
    mean = float(np.mean(output[stated["name"]].astype(np.float64)))
    checks.check(
        "ONNX Runtime's mean on the recipe's input is the stated one",
        abs(mean - stated["mean"]["value"]) <= 40 * stated["mean"]["sigma"],
        f"{mean} and {stated['mean']}",
    )
    for position, tensor in enumerate(model.graph.initializer):
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        tampered = onnx.ModelProto()
        tampered.CopyFrom(model)
        array = onnx.numpy_helper.to_array(tensor) * np.float32(1.05)
        tampered.graph.initializer[position].CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
        onnx.save(tampered, folder / "tampered.onnx")
        done = onnxcnn("verify", "tampered.onnx", cwd=folder)
        expect_code(checks, f"{tensor.name} scaled by 1.05", done, MISMATCH)
    for entry in model.metadata_props:
        entry.value = '{"schema": 1}' if entry.key == "onnxcnn.self_check" else entry.value
    onnx.save(model, folder / "broken.onnx")
    expect_error(checks, "a broken check", onnxcnn("verify", "broken.onnx", cwd=folder), ["self-check"])


def seeded(seed: int, shape: "list[int]") -> np.ndarray:
    mask = (1 << 64) - 1
    state = seed
    values = np.empty(int(np.prod(shape)), np.float32)
    for index in range(values.size):
        total = 0
        for _ in range(3):
            state = (state + 0x9E3779B97F4A7C15) & mask
            word = state
            word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & mask
            word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & mask
            word ^= word >> 31
            total += sum(word >> (16 * part) & 0xFFFF for part in range(4))
        values[index] = total / 65536 - 6
    return values.reshape(shape)


def reports(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    arguments = ("verify", LENET / "model.onnx", "--reference", LENET / "out.npy")
    done = onnxcnn(*arguments, "--report", "out.html", "--junit", "out.xml", cwd=folder)
    if expect_code(checks, "verify --report --junit", done, DONE):
        page = (folder / "out.html").read_text(encoding="utf-8")
        loads = [word for word in ("http:", "https:", "@import", "url(", "<link", "<img") if word in page]
        checks.check("the page loads nothing", not loads, str(loads))
        browser_runs_it(checks, folder / "out.html")
        suites = xml.etree.ElementTree.parse(folder / "out.xml").getroot()
        counts = {key: suites.get(key) for key in ("tests", "failures", "errors")}
        checks.check("the XML has its case", counts == {"tests": "1", "failures": "0", "errors": "0"}, str(counts))


def browser_runs_it(checks: Checks, page: Path) -> None:
    """Where a Chromium is installed: the page's script runs under the page's own policy and makes the tables sortable."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print("  note  no Chromium is installed: the page is not opened in a browser")
        return
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri()],
        capture_output=True,
        timeout=60,
        check=False,
    )
    dom = done.stdout.decode("utf-8", "replace")
    checks.check("a browser runs the page's script", "<button>" in dom and 'class="network"' in dom, dom[:300])


def several_models(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3), dtype=np.float32)
    for name in ("right", "wrong", "bare"):
        path = small_models.save(small_models.two_outputs(), folder / f"{name}.onnx")
        if name != "bare":
            values = evaluate(path, {"x": x})
            values["positive"] = values["positive"] + (1 if name == "wrong" else 0)
            write_npz(folder / f"{name}.ref.npz", {"x": x, **values})
    shutil.copy(folder / "right.onnx", folder / "again.onnx")
    shutil.copy(folder / "right.ref.npz", folder / "again.npz")
    (folder / "broken.onnx").write_bytes(b"no model")

    def verify(label: str, code: int, *models: str) -> None:
        expect_code(checks, label, onnxcnn("verify", *models, cwd=folder), code)

    verify("one model with its reference beside it", DONE, "right.onnx")
    verify("two models", DONE, "right.onnx", "again.onnx")
    verify("a wrong one among them", MISMATCH, "right.onnx", "wrong.onnx", "broken.onnx")
    verify("one that cannot be read", INVALID, "right.onnx", "broken.onnx")
    verify("one without a reference", INVALID, "right.onnx", "bare.onnx")
    done = onnxcnn("verify", "right.onnx", "wrong.onnx", "broken.onnx", "--json", "--junit", "out.xml", cwd=folder)
    if expect_json(checks, "several models --json", done, MISMATCH):
        totals = done.json["totals"]
        checks.check("totals", totals == {"passed": 1, "mismatch": 1, "incomplete": 0, "error": 1}, str(totals))
        checks.check("models in order", [entry["path"] for entry in done.json["models"]] == ["right.onnx", "wrong.onnx", "broken.onnx"])
    root = xml.etree.ElementTree.parse(folder / "out.xml").getroot()
    checks.check("a suite for each model", [suite.get("name") for suite in root] == ["right.onnx", "wrong.onnx", "broken.onnx"])
    quiet = onnxcnn("verify", "right.onnx", "again.onnx", "--quiet", cwd=folder)
    checks.check("--quiet prints nothing", not quiet.out and not quiet.err and quiet.code == DONE, quiet.described())
    expect_code(checks, "--reference with several", onnxcnn("verify", "right.onnx", "again.onnx", "--reference", "right.ref.npz", cwd=folder), USAGE)
