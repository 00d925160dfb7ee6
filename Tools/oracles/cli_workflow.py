"""The three commands as typed, and everything around them that scripts depend on."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from safetensors import safe_open

from oracles import small_models
from oracles.checks import Checks
from oracles.cli_expectations import (
    DONE,
    INVALID,
    MISMATCH,
    USAGE,
    empty_folder,
    expect_code,
    expect_error,
    expect_json,
    expect_json_error,
    snapshot,
)
from oracles.command import Finished, Onnxcnn
from oracles.reference_run import evaluate

LENET = Path(__file__).resolve().parent.parent.parent / "Fixtures" / "lenet5"
LENET_PARAMETERS = 61_706
VERBS = ("import", "export", "verify", "run", "inspect")


def fill(folder: Path) -> None:
    for name in ("model.onnx", "input.npy", "out.npy"):
        shutil.copy(LENET / name, folder / name)


def the_archive(folder: Path) -> Path:
    (archive,) = folder.glob("*.safetensors")
    return archive


def run(checks: Checks, onnxcnn: Onnxcnn) -> None:
    print("the three commands")
    for part in (three_commands, changed_weight, archive_in_python, default_model, overwriting, equal_names):
        with checks.guarded(part.__name__.replace("_", " ")), empty_folder() as folder:
            part(checks, onnxcnn, folder)
    print("streams, JSON, usage")
    for part in (standard_streams, short_names, machine_output, json_errors, quiet_and_plain, usage_errors, other_verbs, bench):
        with checks.guarded(part.__name__.replace("_", " ")), empty_folder() as folder:
            fill(folder)
            part(checks, onnxcnn, folder)


def three_commands(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    fill(folder)
    before = snapshot(folder)
    expect_code(checks, "import model.onnx", onnxcnn("import", "model.onnx", cwd=folder), DONE)
    archives = [path.name for path in folder.glob("*.safetensors")]
    checks.check("import leaves one native archive", len(archives) == 1, str(archives))
    verified = onnxcnn("verify", "--reference", "out.npy", cwd=folder)
    expect_code(checks, "verify --reference out.npy", verified, DONE)
    checks.check("verify names the output it compared", b"logits" in verified.out, verified.described())
    exported = onnxcnn("export", cwd=folder)
    expect_code(checks, "export", exported, DONE)
    checks.check("the files of the user are unchanged", before.items() <= snapshot(folder).items())
    result = folder / "model.export.onnx"
    checks.check("export writes model.export.onnx", result.exists(), str(sorted(path.name for path in folder.iterdir())))
    digest = hashlib.sha256(result.read_bytes()).hexdigest()
    checks.check("export prints the SHA-256 of the file", digest in exported.out.decode() + exported.err, exported.described())
    original, copy = onnx.load(str(folder / "model.onnx")), onnx.load(str(result))
    checks.check("the exported model equals the imported one, field by field", original == copy)
    onnx.checker.check_model(str(result), full_check=True)
    images = np.load(folder / "input.npy")
    ours, theirs = (evaluate(path, {"image": images})["logits"] for path in (result, folder / "model.onnx"))
    checks.check("ONNX Runtime computes the same bits from both", ours.tobytes() == theirs.tobytes())
    expect_code(checks, "export again to another name", onnxcnn("export", "-o", "again.onnx", cwd=folder), DONE)
    checks.check("export is deterministic", (folder / "again.onnx").read_bytes() == result.read_bytes())
    ran = onnxcnn("run", "--input", "input.npy", "-o", "ours.npy", cwd=folder)
    if expect_code(checks, "run --input input.npy -o ours.npy", ran, DONE):
        ours = np.load(folder / "ours.npy")
        same_classes = bool((ours.argmax(axis=1) == np.load(folder / "out.npy").argmax(axis=1)).all())
        checks.check("run recognises the same digits", ours.shape == (20, 10) and same_classes)


def changed_weight(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    fill(folder)
    model = onnx.load(str(folder / "model.onnx"))
    weight = next(tensor for tensor in model.graph.initializer if len(tensor.dims) == 4)
    values = onnx.numpy_helper.to_array(weight).copy()
    values.flat[values.size // 2] += 0.5
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    small_models.save(model, folder / "model.onnx")
    expect_code(checks, "import with one weight changed", onnxcnn("import", "model.onnx", cwd=folder), DONE)
    expect_code(checks, "verify of it finds the mismatch", onnxcnn("verify", "--reference", "out.npy", cwd=folder), MISMATCH)
    direct = onnxcnn("verify", "model.onnx", "--reference", "out.npy", cwd=folder)
    expect_code(checks, "verify of the .onnx itself too", direct, MISMATCH)


def archive_in_python(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    fill(folder)
    expect_code(checks, "import -o", onnxcnn("import", "model.onnx", "-o", "digits.safetensors", cwd=folder), DONE)
    initializers = {
        tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(str(folder / "model.onnx")).graph.initializer
    }
    with safe_open(str(folder / "digits.safetensors"), framework="numpy") as archive:
        names = set(archive.keys())
        checks.check("the archive holds the weights under their ONNX names", set(initializers) <= names, str(sorted(names)))
        equal = all(np.array_equal(archive.get_tensor(name), array) for name, array in initializers.items() if name in names)
        checks.check("Python's safetensors reads the same weights from it", equal)
        checks.check("its metadata holds onnxcnn.graph", "onnxcnn.graph" in (archive.metadata() or {}))


def default_model(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    nothing = onnxcnn("inspect", cwd=folder)
    expect_error(checks, "inspect in an empty folder", nothing, codes=(INVALID, USAGE))
    fill(folder)
    for name in ("first", "second"):
        onnxcnn("import", "model.onnx", "-o", f"{name}.safetensors", cwd=folder)
    several = onnxcnn("inspect", cwd=folder)
    expect_error(
        checks, "inspect with two archives lists them", several, ["first.safetensors", "second.safetensors"], (INVALID, USAGE)
    )
    for model in ("first.safetensors", "model.onnx"):
        expect_code(checks, f"inspect {model}", onnxcnn("inspect", model, cwd=folder), DONE)


def overwriting(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    fill(folder)
    onnxcnn("import", "model.onnx", cwd=folder)
    before = snapshot(folder)
    refused = onnxcnn("export", "-o", "model.onnx", cwd=folder)
    expect_error(checks, "export over the imported file", refused, ["--force"], (INVALID, USAGE), (folder, before))
    expect_code(checks, "export over it with --force", onnxcnn("export", "-o", "model.onnx", "--force", cwd=folder), DONE)


def equal_names(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    for name in ("a", "b"):
        (folder / name).mkdir()
        fill(folder / name)
    small_models.save(small_models.convolution(), folder / "b" / "model.onnx")
    done = onnxcnn("import", "a/model.onnx", "b/model.onnx", cwd=folder)
    told = "a/model.onnx" in done.err and b"1 imported, 1 failed" in done.out
    checks.check("two models for one archive: the second fails", done.code == INVALID and told, done.described())
    kept = onnxcnn("verify", "model.safetensors", "--reference", "a/out.npy", cwd=folder)
    expect_code(checks, "and the archive is the first", kept, DONE)
    expect_code(checks, "a later import replaces it", onnxcnn("import", "b/model.onnx", cwd=folder), DONE)


def standard_streams(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    model, images = (folder / "model.onnx").read_bytes(), (folder / "input.npy").read_bytes()
    expected = np.load(folder / "out.npy")
    to_stdout = onnxcnn("run", "model.onnx", "--input", "input.npy", "-o", "-", cwd=folder)
    (folder / "stdout.npy").write_bytes(to_stdout.out)
    if expect_code(checks, "run -o - writes to stdout", to_stdout, DONE):
        checks.check("and what it writes is a .npy", np.load(folder / "stdout.npy").shape == expected.shape)
    from_stdin = onnxcnn("run", "model.onnx", "--input", "-", "-o", "stdin.npy", cwd=folder, stdin=images)
    if expect_code(checks, "run --input - reads from stdin", from_stdin, DONE):
        checks.check("with the same result", (folder / "stdin.npy").read_bytes() == to_stdout.out)
    expect_code(checks, "inspect - reads the model from stdin", onnxcnn("inspect", "-", cwd=folder, stdin=model), DONE)
    exported = onnxcnn("export", "model.onnx", "-o", "-", cwd=folder)
    checks.check("export -o - writes the model to stdout", exported.code == DONE and exported.out == model, exported.err)
    imported = onnxcnn("import", "-", "-o", "-", cwd=folder, stdin=model)
    expect_code(checks, "import - -o - writes the archive to stdout", imported, DONE)
    for verb in ("inspect", "export"):
        arguments = ("export", "-", "-o", "-") if verb == "export" else (verb, "-")
        done = onnxcnn(*arguments, cwd=folder, stdin=imported.out)
        expect_code(checks, f"{verb} - reads an archive too", done, DONE)
    checks.check("and the model comes out of it as it was", done.out == model, done.err)
    new = onnxcnn("new", "lenet5", "-o", "-", cwd=folder)
    onnx.checker.check_model(new.out)
    checks.check("new -o - writes the model to stdout", new.code == DONE, new.err)
    every = onnxcnn("run", "model.onnx", "--input", "input.npy", "--layers", "-o", "-", cwd=folder)
    (folder / "layers.npz").write_bytes(every.out)
    if expect_code(checks, "run --layers -o - writes an .npz to stdout", every, DONE):
        with np.load(folder / "layers.npz") as arrays:
            checks.check("with every value", {"image", "logits", "/c1/Conv_output_0"} <= set(arrays.files), str(arrays.files))
    for arguments in (
        ("verify", "-", "--reference", "out.npy", "--input", "input.npy"),
        ("verify", "-", "--reference", "out.npy"),
    ):
        expect_code(checks, " ".join(arguments), onnxcnn(*arguments, cwd=folder, stdin=model), DONE)
    reference = (folder / "out.npy").read_bytes()
    done = onnxcnn("verify", "model.onnx", "--reference", "-", "--input", "input.npy", cwd=folder, stdin=reference)
    expect_code(checks, "verify --reference - reads from stdin", done, DONE)
    done = onnxcnn("verify", "model.onnx", "--reference", "-", cwd=folder, stdin=reference)
    expect_error(checks, "and looks for no input beside it", done, ["--input"])
    done = onnxcnn("verify", "-", cwd=folder, stdin=model)
    expect_error(checks, "nor for a reference beside the model -", done, ["nothing to verify"])
    checks.check("no file is called -", not list(folder.rglob("-")))


def short_names(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    (folder / "m").write_bytes((folder / "model.onnx").read_bytes())
    (folder / "r").write_bytes((folder / "out.npy").read_bytes())
    expect_code(checks, "verify m --reference r", onnxcnn("verify", "m", "--reference", "r", cwd=folder), DONE)
    expect_error(checks, "verify m with nothing beside it", onnxcnn("verify", "m", cwd=folder), ["nothing to verify"])
    np.savez(folder / "m.ref.npz", image=np.load(folder / "input.npy"), logits=np.load(folder / "out.npy"))
    expect_code(checks, "verify m with m.ref.npz beside it", onnxcnn("verify", "m", cwd=folder), DONE)
    refused = onnxcnn("export", "m", "--batch", "4", "-o", "m", cwd=folder)
    expect_error(checks, "export m over itself", refused, ["--force"])


def machine_output(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    def command(*arguments: str) -> Finished:
        return onnxcnn(*arguments, "--json", cwd=folder)

    expect_json(checks, "import --json", command("import", "model.onnx"))
    expect_json(checks, "inspect --json", command("inspect"))
    expect_json(checks, "verify --json", command("verify", "--reference", "out.npy"))
    expect_json(checks, "run --json", command("run", "--input", "input.npy", "-o", "ours.npy"))
    expect_json(checks, "export --json", command("export"))
    expect_json(checks, "doctor --json", command("doctor"))
    np.save(folder / "wrong.npy", np.load(folder / "out.npy") + 1)
    expect_json(
        checks, "verify --json of a mismatch", command("verify", "--reference", "wrong.npy", "--input", "input.npy"), MISMATCH
    )


def json_errors(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    (folder / "text.onnx").write_text("no model\n", encoding="utf-8")
    for arguments in (
        ("run", "text.onnx", "--input", "input.npy"),
        ("verify", "text.onnx", "--reference", "out.npy"),
        ("verify", "text.onnx", "model.onnx"),
        ("export", "text.onnx"),
        ("bench", "text.onnx"),
        ("import", "text.onnx"),
        ("inspect", "text.onnx"),
        ("compare", "text.onnx", "out.npy"),
    ):
        done = onnxcnn(*arguments, "--json", cwd=folder)
        expect_json_error(checks, f"{' '.join(arguments)} --json", done, arguments[0], ["text.onnx"])
    done = onnxcnn("new", "lenet6", "--json", cwd=folder)
    expect_json_error(checks, "new lenet6 --json", done, "new", ["lenet6"])
    done = onnxcnn("verify", "--cases", "nowhere", "--json", cwd=folder)
    expect_json_error(checks, "verify --cases nowhere --json", done, "verify", ["nowhere"])
    for option in ("--report", "--junit"):
        done = onnxcnn("verify", "model.onnx", "--reference", "out.npy", option, "nowhere/out", "--json", cwd=folder)
        expect_json_error(checks, f"verify {option} nowhere/out --json", done, "verify", ["nowhere"])
    facts = onnxcnn("doctor", "--json").json
    checks.check("doctor --json says what it is of", facts["command"] == "doctor" and "protobuf_c" in facts, str(facts))


def quiet_and_plain(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    done = onnxcnn("import", "model.onnx", "--quiet", cwd=folder)
    checks.check("--quiet leaves stderr empty", done.code == DONE and not done.err, done.described())
    for arguments in (("inspect",), ("verify", "--reference", "out.npy"), ("inspect", "missing.onnx")):
        plain = onnxcnn(*arguments, cwd=folder, environment={"NO_COLOR": ""})
        checks.check(f"no colour in a pipe: {' '.join(arguments)}", b"\x1b" not in plain.out and "\x1b" not in plain.err)
    coloured = onnxcnn("inspect", "missing.onnx", "--color", "always", cwd=folder, environment={"NO_COLOR": ""})
    checks.check("--color always colours a pipe too", "\x1b[" in coloured.err, coloured.described())


def usage_errors(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    for arguments in (
        ("transmogrify",),
        ("inspect", "model.onnx", "--no-such-option"),
        ("run", "model.onnx", "--threads", "many"),
        ("run", "model.onnx", "--input", "input.npy", "--purpose", "fun"),
        ("verify", "model.onnx", "again.onnx", "--bisect"),
        ("verify", "model.onnx", "--reference", "out.npy", "--backend", "openvino"),
        ("verify", "model.onnx", "--reference", "out.npy", "--python", "python3"),
        ("verify", "model.onnx", "--input", "input.npy", "--bisect", "--engine", "reference"),
        ("import",),
    ):
        expect_code(checks, f"wrong usage: {' '.join(arguments)}", onnxcnn(*arguments, cwd=folder), USAGE)
    nothing = onnxcnn("verify", "model.onnx", cwd=folder)
    expect_error(checks, "verify with nothing to verify against", nothing, ["--reference"])
    for verb in VERBS:
        done = onnxcnn(verb, "--help", cwd=folder)
        has_example = f"onnxcnn {verb} " in done.out.decode()
        checks.check(
            f"{verb} --help with an example", done.code == DONE and has_example, "" if has_example else done.described()
        )
    text = onnxcnn("verify", "--help").out.decode()
    checks.check("verify --help states its tolerances", "1e-3" in text and "1e-5" in text, "" if "1e-3" in text else text)


def other_verbs(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    inspected = onnxcnn("inspect", "model.onnx", cwd=folder)
    text = inspected.out.decode()
    operators = ("Conv", "MaxPool", "Gemm", "Relu", "Flatten")
    checks.check("inspect shows every operator", all(operator in text for operator in operators), inspected.described())
    checks.check("inspect counts the parameters", f"{LENET_PARAMETERS:,}" in text or str(LENET_PARAMETERS) in text, text[-600:])
    for shell in ("bash", "zsh", "fish"):
        script = onnxcnn("--generate-completion-script", shell)
        checks.check(f"completions for {shell}", script.code == DONE and b"onnxcnn" in script.out)
    expect_code(checks, "doctor", onnxcnn("doctor"), DONE)
    expect_code(
        checks, "export --batch 4", onnxcnn("export", "model.onnx", "--batch", "4", "-o", "four.onnx", cwd=folder), DONE
    )
    shape = onnxruntime.InferenceSession(str(folder / "four.onnx"), providers=["CPUExecutionProvider"]).get_inputs()[0].shape
    checks.check("export --batch 4 fixes the batch", shape == [4, 1, 32, 32], str(shape))
    dynamic = onnxcnn("export", "four.onnx", "--batch", "dynamic", "-o", "any.onnx", cwd=folder)
    expect_code(checks, "export --batch dynamic", dynamic, DONE)
    shape = onnxruntime.InferenceSession(str(folder / "any.onnx"), providers=["CPUExecutionProvider"]).get_inputs()[0].shape
    checks.check("export --batch dynamic frees it", isinstance(shape[0], str), str(shape))
    expect_code(checks, "export --shapes", onnxcnn("export", "model.onnx", "--shapes", "-o", "shapes.onnx", cwd=folder), DONE)
    named = {info.name for info in onnx.load(str(folder / "shapes.onnx")).graph.value_info}
    made = {name for node in onnx.load(str(folder / "model.onnx")).graph.node for name in node.output} - {"logits"}
    checks.check("export --shapes writes every intermediate's value info", made <= named, str(sorted(made - named)))
    onnx.checker.check_model(str(folder / "shapes.onnx"), full_check=True)


def bench(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    options = ("--input", "input.npy", "--runs", "3", "--warmup", "1", "--threads", "2", "--profile", "--trace", "trace.json")
    done = onnxcnn("bench", "model.onnx", *options, "--json", cwd=folder)
    expect_code(checks, "bench --profile --trace", done, DONE)
    found = done.json
    latency, memory, steps = found["latency_ms"], found["memory"], found["profile"]
    checks.check("bench: 0 < min <= median <= p90", 0 < latency["min"] <= latency["median"] <= latency["p90"], str(latency))
    checks.check("bench: the batch is the input's", found["batch"] == np.load(folder / "input.npy").shape[0])
    checks.check("bench: the weights are the model's", memory["weights_bytes"] == 4 * LENET_PARAMETERS, str(memory))
    least, planned = memory["activations_lower_bound_bytes"], memory["activations_bytes"]
    checks.check("bench: a plan takes no less than its lower bound", 0 < least <= planned, str(memory))
    operators = [operator for step in steps for operator in step["operators"]]
    nodes = [node.op_type for node in onnx.load(str(folder / "model.onnx")).graph.node]
    checks.check("profile: computes with the model's operators", set(operators) <= set(nodes) and "Conv" in operators)
    total = sum(step["share"] for step in steps)
    checks.check("profile: the shares are of one whole", abs(total - 1) < 1e-9 * len(steps), str(total))
    trace = json.loads((folder / "trace.json").read_text(encoding="utf-8"))["traceEvents"]
    complete = [event for event in trace if event["ph"] == "X"]
    row = [event for event in complete if event["tid"] == 0]
    ends = [event["ts"] + event["dur"] for event in row]
    checks.check("trace: a row with every step", len(row) == len(steps), f"{len(row)} events, {len(steps)} steps")
    in_order = all(later["ts"] >= end for later, end in zip(row[1:], ends))
    checks.check("trace: the steps follow one another", in_order and row[0]["ts"] >= 0, str(row[:2]))
    named = {event["tid"] for event in trace if event["ph"] == "M" and event["name"] == "thread_name"}
    checks.check("trace: every row has a name", {event["tid"] for event in complete} <= named, str(named))
    expect_code(checks, "bench --trace -", onnxcnn("bench", "model.onnx", "--trace", "-", cwd=folder), USAGE)
