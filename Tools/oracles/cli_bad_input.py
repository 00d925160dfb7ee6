"""Bad input by mistake: one clear message on stderr, exit 2, and nothing overwritten."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper

from oracles import small_models
from oracles.checks import Checks
from oracles.cli_expectations import (
    DONE,
    INVALID,
    empty_folder,
    expect_code,
    expect_error,
    snapshot,
)
from oracles.cli_workflow import LENET, fill
from oracles.command import Finished, Onnxcnn


def run(checks: Checks, onnxcnn: Onnxcnn) -> None:
    print("bad input")
    for part in (
        unreadable_models,
        truncated_models,
        invalid_models,
        wrong_inputs,
        broken_constraints,
        outputs,
        full_disk,
        batches,
    ):
        with checks.guarded(part.__name__.replace("_", " ")), empty_folder() as folder:
            part(checks, onnxcnn, folder)


def unreadable_models(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    fill(folder)
    (folder / "folder.onnx").mkdir()
    (folder / "empty.onnx").write_bytes(b"")
    (folder / "text.onnx").write_text("This is not a model.\nIt is a text of two lines.\n", encoding="utf-8")
    (folder / "image.onnx").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    (folder / "empty.safetensors").write_bytes(b"")
    (folder / "foreign.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    (folder / "out.safetensors").write_text("an older file", encoding="utf-8")
    before = snapshot(folder)
    names = ("missing.onnx", "folder.onnx", "empty.onnx", "text.onnx", "image.onnx")
    for name in names:
        done = onnxcnn("import", name, "-o", "out.safetensors", cwd=folder)
        expect_error(checks, f"import {name}", done, [name], untouched=(folder, before))
    for name in (*names, "empty.safetensors", "foreign.safetensors", "missing.safetensors", "input.npy"):
        for verb in (
            ("inspect", name),
            ("run", name, "--input", "input.npy", "-o", "y.npy"),
            ("verify", name, "--reference", "out.npy"),
        ):
            expect_error(checks, f"{verb[0]} {name}", onnxcnn(*verb, cwd=folder), [name], untouched=(folder, before))
    (folder / "y.npy").unlink(missing_ok=True)
    expect_error(checks, "inspect an empty stdin", onnxcnn("inspect", "-", cwd=folder))


def truncated_models(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    """Every byte of a small model, and steps through LeNet-5: a shorter file is never a model, unless protobuf's own end says so."""
    for label, whole, step in (
        ("a small model", small_models.convolution().SerializeToString(), 7),
        ("LeNet-5", (LENET / "model.onnx").read_bytes(), 12_007),
    ):
        faults = []
        cuts = list(range(1, len(whole), step))
        for cut in cuts:
            (folder / "cut.onnx").write_bytes(whole[:cut])
            done = onnxcnn("inspect", "cut.onnx", cwd=folder)
            one_error = sum(line.startswith("error:") for line in done.err.splitlines()) >= 1
            if done.code != INVALID or not one_error:
                faults.append(f"{cut} of {len(whole)} bytes: {done.described()}")
        checks.check(
            f"{label} cut off at {len(cuts)} places",
            not faults,
            f"{len(faults)} of them\n" + "\n".join(faults[:3]) if faults else "",
        )


def invalid_models(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    small_models.save(small_models.unsupported(), folder / "unsupported.onnx")
    done = onnxcnn("import", "unsupported.onnx", cwd=folder)
    lists_all = all(word in done.err for word in ("Det", "first_unknown", "NonZero", "second_unknown"))
    checks.check("import lists every unsupported node", done.code == INVALID and lists_all and not done.out, done.described())
    checks.check("and writes no archive", not list(folder.glob("*.safetensors")))

    two_faults = small_models.convolution()
    two_faults.graph.node[0].input[0] = "nowhere"
    two_faults.graph.node[1].attribute.append(helper.make_attribute("alpha", 1.0))
    small_models.save(two_faults, folder / "faults.onnx")
    done = onnxcnn("import", "faults.onnx", cwd=folder)
    names_both = "nowhere" in done.err and "alpha" in done.err
    checks.check("all problems of a file at once", done.code == INVALID and names_both, done.described())

    def refuses(label: str, model: onnx.ModelProto, *mentions: str) -> None:
        small_models.save(model, folder / "bad.onnx")
        refused = onnxcnn("import", "bad.onnx", cwd=folder)
        told = all(word in refused.err for word in mentions)
        checks.check(
            label,
            refused.code == INVALID and told,
            refused.err.strip().split("\n")[0] if refused.code == INVALID and told else refused.described(),
        )

    contradiction = small_models.convolution()
    contradiction.graph.output[0].type.tensor_type.shape.dim[2].dim_value = 7
    refuses("a declared shape that contradicts the inferred one", contradiction, "7", "6", "y")
    kernel = small_models.convolution()
    kernel.graph.node[0].attribute.append(helper.make_attribute("kernel_shape", [5, 5]))
    refuses("a kernel_shape that contradicts the weight", kernel, "conv", "kernel_shape")
    group = small_models.convolution()
    group.graph.node[0].attribute.append(helper.make_attribute("group", 2))
    refuses("channels that no group count divides", group, "conv", "group")
    twice = small_models.convolution()
    twice.graph.node[1].output[0] = "sum"
    refuses("a value assigned twice", twice, "sum")
    circle = small_models.convolution()
    circle.graph.node[0].input[0] = "y"
    refuses("a circle", circle, "y")
    cast = small_models.model(
        [helper.make_node("Cast", ["x"], ["y"], name="cast")], [small_models.value("x", [2])], [small_models.value("y", [2])]
    )
    refuses("a missing required attribute", cast, "cast", "to")
    mixed = small_models.model(
        [helper.make_node("Add", ["a", "b"], ["y"], name="mixed")],
        [small_models.value("a", [2]), small_models.value("b", [2], TensorProto.INT64)],
        [small_models.value("y", [2])],
    )
    refuses("two types where one is due", mixed, "mixed")
    future = small_models.convolution()
    future.opset_import[0].version = 999
    refuses("an opset of the future", future, "999")
    none = small_models.convolution()
    del none.opset_import[:]
    refuses("no opset import", none, "operator set")


def save_arrays(folder: Path) -> None:
    generator = np.random.default_rng(3)
    np.save(folder / "good.npy", generator.standard_normal((2, 3, 8, 8), dtype=np.float32))
    np.save(folder / "double.npy", generator.standard_normal((2, 3, 8, 8)))
    np.save(folder / "integers.npy", np.ones((2, 3, 8, 8), np.int64))
    np.save(folder / "channels.npy", np.ones((2, 4, 8, 8), np.float32))
    np.save(folder / "narrow.npy", np.ones((2, 3, 8, 5), np.float32))
    np.save(folder / "flat.npy", np.ones((2, 192), np.float32))
    np.save(folder / "pickled.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    whole = (folder / "good.npy").read_bytes()
    (folder / "short.npy").write_bytes(whole[:-5])
    (folder / "header.npy").write_bytes(whole[:40])
    (folder / "noise.npy").write_bytes(b"not an array")
    (folder / "empty.npy").write_bytes(b"")
    (folder / "huge.npy").write_bytes(npy_header("(1099511627776, 4)") + b"\0" * 64)
    (folder / "overflow.npy").write_bytes(npy_header("(4294967296, 4294967296, 4294967296)"))
    (folder / "negative.npy").write_bytes(npy_header("(-1, 3, 8, 8)") + b"\0" * 64)
    (folder / "old.npy").write_bytes(whole)


def npy_header(shape: str, descr: str = "'<f4'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    padded = text + " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded.encode("latin-1")


def wrong_inputs(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    small_models.save(small_models.convolution(), folder / "model.onnx")
    save_arrays(folder)
    before = snapshot(folder)

    def run_with(*inputs: str) -> Finished:
        arguments = [text for value in inputs for text in ("--input", value)]
        return onnxcnn("run", "model.onnx", *arguments, "-o", "old.npy", cwd=folder)

    for name, mentions in (
        ("double.npy", ("float64", "float32")),
        ("integers.npy", ("int64", "float32")),
        ("channels.npy", ("[2, 4, 8, 8]", "3", "axis 1")),
        ("narrow.npy", ("[2, 3, 8, 5]", "8", "axis 3")),
        ("flat.npy", ("[2, 192]",)),
        ("pickled.npy", ("pickle",)),
        ("short.npy", ("short.npy",)),
        ("header.npy", ("header.npy",)),
        ("noise.npy", ("noise.npy",)),
        ("empty.npy", ("empty.npy",)),
        ("huge.npy", ("huge.npy",)),
        ("overflow.npy", ("overflow.npy",)),
        ("negative.npy", ("negative.npy",)),
        ("missing.npy", ("missing.npy",)),
        (".", ()),
    ):
        expect_error(checks, f"run with {name}", run_with(name), mentions, untouched=(folder, before))
    expect_error(
        checks, "run with an extra input", run_with("good.npy", "stranger=good.npy"), ["stranger"], untouched=(folder, before)
    )
    expect_error(
        checks, "run with an input of another name", run_with("stranger=good.npy"), ["stranger"], untouched=(folder, before)
    )
    expect_error(checks, "run without an input", onnxcnn("run", "model.onnx", "-o", "y.npy", cwd=folder), ["x"])
    _, usage = onnxcnn.measured("run", "model.onnx", "--input", "huge.npy", cwd=folder)
    checks.check("a claim of 16 TiB takes no memory", usage.private_bytes < 200e6, f"{usage.private_bytes / 1e6:.0f} MB")
    (folder / "old.npy").unlink()
    checks.check("the right input still works", run_with("good.npy").code == DONE)


def broken_constraints(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    small_models.save(small_models.addition(), folder / "model.onnx")
    for batch in (2, 3):
        np.save(folder / f"rows{batch}.npy", np.ones((batch, 4), np.float32))
    two = onnxcnn("run", "model.onnx", "--input", "a=rows2.npy", "--input", "b=rows3.npy", "-o", "y.npy", cwd=folder)
    expect_error(checks, "one symbol, two sizes", two, ["N", "2", "3"])
    one = onnxcnn("run", "model.onnx", "--input", "a=rows2.npy", "-o", "y.npy", cwd=folder)
    expect_error(checks, "a missing input of two", one, ["b"])
    unnamed = onnxcnn("run", "model.onnx", "--input", "rows2.npy", "-o", "y.npy", cwd=folder)
    expect_error(checks, "an unnamed array for two inputs", unnamed, ["a", "b"], codes=(INVALID, 64))
    checks.check("none of them wrote anything", not (folder / "y.npy").exists())


def outputs(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    fill(folder)
    (folder / "a_folder").mkdir()
    (folder / "a_folder" / "kept.txt").write_text("kept", encoding="utf-8")
    (folder / "a_file").write_text("a file", encoding="utf-8")
    os.mkfifo(folder / "a_fifo")
    before = snapshot(folder)
    commands = {
        "import": ("import", "model.onnx"),
        "export": ("export", "model.onnx"),
        "run": ("run", "model.onnx", "--input", "input.npy"),
    }
    for verb, arguments in commands.items():
        for target in ("nowhere/out.bin", "a_folder", "a_file/out.bin", "a_fifo", "/dev/full"):
            done = onnxcnn(*arguments, "-o", target, cwd=folder)
            expect_error(checks, f"{verb} -o {target}", done, untouched=(folder, before))
    checks.check("/dev/full is still a device", Path("/dev/full").is_char_device())
    for arguments in (
        (*commands["run"], "-o", "-"),
        commands["run"],
        ("inspect", "model.onnx"),
        ("verify", "model.onnx", "--reference", "out.npy"),
        ("verify", "model.onnx", "--reference", "out.npy", "--json"),
        ("compare", "out.npy", "out.npy"),
        ("operators",),
        ("doctor", "--json"),
    ):
        with open("/dev/full", "wb") as full:
            written = with_stdout(onnxcnn, folder, full, *arguments)
        expect_error(checks, f"{' '.join(arguments)} > /dev/full", written)
    reader, writer = os.pipe()
    os.close(reader)
    # Python ignores SIGPIPE, and so does what it starts without restoring signals.
    with open(writer, "wb") as closed:
        written = with_stdout(onnxcnn, folder, closed, "operators")
    expect_error(checks, "operators into a pipe that nobody reads", written)
    cases = onnxcnn("export", "model.onnx", "--input", "input.npy", "--cases", "a_file", cwd=folder)
    expect_error(checks, "export --cases a_file", cases, ["a_file", "folder"], untouched=(folder, before))
    if os.geteuid() != 0:
        (folder / "a_folder").chmod(0o500)
        done = onnxcnn("run", "model.onnx", "--input", "input.npy", "-o", "a_folder/out.npy", cwd=folder)
        expect_error(checks, "a folder without write permission", done)
        (folder / "a_folder").chmod(0o700)


def with_stdout(onnxcnn: Onnxcnn, folder: Path, stdout: IO[bytes], *arguments: str) -> Finished:
    done = subprocess.run(
        [str(onnxcnn.binary), *arguments],
        cwd=folder,
        stdout=stdout,
        stderr=subprocess.PIPE,
        restore_signals=False,
        check=False,
    )
    return Finished([*arguments, ">", "…"], done.returncode, b"", done.stderr.decode())


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own below `folder`; only root may make one."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)], check=True, capture_output=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def full_disk(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    if os.geteuid() != 0:
        print("  skip  full disk: only root can make a small one")
        return
    fill(folder)
    try:
        with small_disk(folder, "128k") as disk:
            for verb, arguments in (("import", ("import", "model.onnx")), ("export", ("export", "model.onnx"))):
                old = disk / f"{verb}.bin"
                old.write_text("the old file", encoding="utf-8")
                before = snapshot(disk)
                done = onnxcnn(*arguments, "-o", old, cwd=folder)
                expect_error(checks, f"{verb} onto a full disk", done, untouched=(disk, before))
    except subprocess.CalledProcessError as error:
        print(f"  skip  full disk: {(error.stderr or b'').decode().strip()}")


def batches(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    fill(folder)
    for value in ("0", "-1"):
        done = onnxcnn("export", "model.onnx", "--batch", value, "-o", "y.onnx", cwd=folder)
        checks.check(
            f"export --batch {value} is refused",
            done.code in (INVALID, 64) and not (folder / "y.onnx").exists(),
            done.described(),
        )
    np.save(folder / "none.npy", np.zeros((0, 1, 32, 32), np.float32))
    done = onnxcnn("run", "model.onnx", "--input", "none.npy", "-o", "y.npy", cwd=folder)
    if expect_code(checks, "a batch of no images is a batch", done, DONE):
        checks.check("with no rows of logits", np.load(folder / "y.npy").shape == (0, 10))
