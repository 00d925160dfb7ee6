"""Bad input by intent: files that lead out of their folder, claim what they don't hold, or are built to exhaust the process."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx

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
from oracles.command import Onnxcnn

#: What a file of this kind may cost at most, by the design's own numbers.
MEMORY_LIMIT = 200e6
SECRET = np.array([1, 2, 3, 4], dtype=np.float32)


def run(checks: Checks, onnxcnn: Onnxcnn) -> None:
    print("hostile input")
    for part in (external_data_paths, external_data_ranges, hugging_face_cache, exhausting_files, names_as_paths):
        with checks.guarded(part.__name__.replace("_", " ")), empty_folder() as folder:
            part(checks, onnxcnn, folder)


def external_data_paths(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    inside, outside = folder / "inside", folder / "outside"
    inside.mkdir()
    outside.mkdir()
    for place in (inside / "weights.bin", outside / "secret.bin", folder / "beside.bin"):
        place.write_bytes(SECRET.tobytes())
    (inside / "deeper").mkdir()
    (inside / "deeper" / "weights.bin").write_bytes(SECRET.tobytes())
    (inside / "link.bin").symlink_to(outside / "secret.bin")
    (inside / "folder_link").symlink_to(outside)
    os.link(outside / "secret.bin", inside / "hard.bin")
    os.mkfifo(inside / "fifo.bin")

    def import_with(location: str):
        small_models.save(small_models.with_external_weight(location), inside / "model.onnx")
        before = snapshot(folder)
        return onnxcnn("import", "model.onnx", "-o", "out.safetensors", cwd=inside), before

    for location in (
        str(outside / "secret.bin"),
        "../outside/secret.bin",
        "../beside.bin",
        "deeper/../../beside.bin",
        "deeper/../weights.bin",
        "link.bin",
        "folder_link/secret.bin",
        "hard.bin",
        "fifo.bin",
        "deeper",
        ".",
        "",
        "missing.bin",
        "/dev/zero",
        "/proc/self/environ",
        "file:///etc/passwd",
    ):
        done, before = import_with(location)
        expect_error(checks, f"external data in {location!r}", done, ["weight"], untouched=(folder, before))
    done, before = import_with("weights.bin\0.txt")
    expect_error(checks, "a NUL in the path of external data", done, untouched=(folder, before))
    for location in ("weights.bin", "deeper/weights.bin", "./weights.bin"):
        done, _ = import_with(location)
        expect_code(checks, f"external data in {location!r} is fine", done, DONE)
        (inside / "out.safetensors").unlink(missing_ok=True)
    small_models.save(small_models.with_external_weight("weights.bin"), inside / "model.onnx")
    np.save(inside / "x.npy", np.zeros(4, np.float32))
    done = onnxcnn("run", "inside/model.onnx", "--input", "inside/x.npy", "-o", "y.npy", cwd=folder)
    if expect_code(checks, "external data is found beside the model, not in the working directory", done, DONE):
        checks.check("and holds its numbers", np.array_equal(np.load(folder / "y.npy"), SECRET))


def external_data_ranges(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    (folder / "weights.bin").write_bytes(b"\0" * 8 + SECRET.tobytes())
    for offset, length, label in (
        (16, 16, "that ends past the file"),
        (1 << 62, 16, "far behind the file"),
        (0, 1 << 62, "longer than the file"),
        ((1 << 63) - 8, 16, "whose end overflows"),
        (-8, 16, "before the file"),
        (0, -16, "of negative length"),
        (0, 12, "shorter than the tensor"),
        (0, 24, "longer than the tensor"),
    ):
        small_models.save(small_models.with_external_weight("weights.bin", offset, length), folder / "model.onnx")
        done = onnxcnn("import", "model.onnx", "-o", "out.safetensors", cwd=folder)
        expect_error(checks, f"an external range {label}", done, ["weight"])
    small_models.save(small_models.with_external_weight("weights.bin", 8, None), folder / "model.onnx")
    expect_code(
        checks, "an offset without a length", onnxcnn("import", "model.onnx", "-o", "out.safetensors", cwd=folder), DONE
    )
    for text in ("8x", "", " 8", "0x8", "1e3"):
        model = small_models.with_external_weight("weights.bin", None, 16)
        model.graph.initializer[0].external_data.add(key="offset", value=text)
        small_models.save(model, folder / "model.onnx")
        done = onnxcnn("import", "model.onnx", "-o", "out.safetensors", cwd=folder)
        expect_error(checks, f"an offset of {text!r}", done, ["weight"])


def hugging_face_cache(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    """Model and data are links into one folder of blobs: followed there, and only there."""
    blobs, commit = folder / "blobs", folder / "snapshots" / "1"
    blobs.mkdir()
    commit.mkdir(parents=True)
    small_models.save(small_models.with_external_weight("weights.bin"), blobs / "aaaa")
    (blobs / "bbbb").write_bytes(SECRET.tobytes())
    (commit / "model.onnx").symlink_to("../../blobs/aaaa")
    (commit / "weights.bin").symlink_to("../../blobs/bbbb")
    done = onnxcnn("import", "model.onnx", "-o", folder / "out.safetensors", cwd=commit)
    expect_code(checks, "links into the folder where the model itself lies", done, DONE)
    (folder / "elsewhere").write_bytes(SECRET.tobytes())
    (commit / "weights.bin").unlink()
    (commit / "weights.bin").symlink_to("../../elsewhere")
    done = onnxcnn("import", "model.onnx", "-o", folder / "out2.safetensors", cwd=commit)
    expect_error(checks, "a data link that ends elsewhere", done, ["weight"])


def varint(number: int) -> bytes:
    encoded = b""
    while number > 127:
        encoded += bytes([number & 127 | 128])
        number >>= 7
    return encoded + bytes([number])


def field(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def nested_subgraphs(depth: int) -> bytes:
    """graph { node { attribute { g { node { attribute { g …: ModelProto.graph = 7, node = 1, attribute = 5, g = 6."""
    graph = b""
    for _ in range(depth):
        graph = field(1, field(5, field(1, b"body") + field(6, graph)))
    return b"\x08\x08" + field(7, graph) + field(8, b"\x10\x11")


def exhausting_files(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    small = small_models.convolution().SerializeToString()
    graph = small_models.convolution().graph.SerializeToString()
    files = {
        "5,000 nested subgraphs": nested_subgraphs(5_000),
        "100,000 nested subgraphs": nested_subgraphs(100_000),
        "10 MB of empty nodes": b"\x08\x08" + field(7, b"\x0a\x00" * 5_000_000) + field(8, b"\x10\x11"),
        "2 MB of empty tensors": b"\x08\x08" + field(7, b"\x2a\x00" * 1_000_000) + field(8, b"\x10\x11"),
        "10 MB of empty metadata": small + b"\x72\x00" * 5_000_000,
        "400 KB of repeated graphs": b"\x08\x08" + field(7, graph[:40]) * 10_000,
        "a length beyond the file": b"\x08\x08\x3a\xff\xff\xff\xff\x7f" + graph,
        "a length of 2^63": b"\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f" + graph,
        "a varint without an end": b"\x08" + b"\xff" * 64,
        "groups": small + b"\x0b" * 1000,
        "a tensor of 2^62 elements": claimed_tensor([1 << 31, 1 << 31]),
        "a tensor of 2^80 elements": claimed_tensor([1 << 40, 1 << 40]),
        "a tensor of negative size": claimed_tensor([-4]),
    }
    for label, content in files.items():
        (folder / "hostile.onnx").write_bytes(content)
        done, usage = onnxcnn.measured("import", "hostile.onnx", "-o", "out.safetensors", cwd=folder)
        one_error = sum(line.startswith("error:") for line in done.err.splitlines()) >= 1
        fine = done.code == INVALID and one_error and usage.private_bytes < MEMORY_LIMIT and usage.seconds < 10
        words = f"{usage.seconds:.2f} s, {usage.private_bytes / 1e6:.0f} MB private"
        checks.check(label, fine, words if fine else f"{words}\n{done.described()}")
    checks.check("none of them wrote anything", not (folder / "out.safetensors").exists())

    (folder / "large.onnx").write_bytes(constant_of_shape())
    np.save(folder / "x.npy", np.zeros(2, np.float32))
    done, usage = onnxcnn.measured("run", "large.onnx", "--input", "x.npy", "-o", "y.npy", cwd=folder)
    checks.check(
        "an activation of 16 TiB takes no memory", usage.private_bytes < MEMORY_LIMIT, f"{usage.private_bytes / 1e6:.0f} MB"
    )
    expect_error(checks, "an activation of 16 TiB", done)


def claimed_tensor(dimensions: "list[int]") -> bytes:
    model = small_models.convolution()
    weight = model.graph.initializer[0]
    del weight.dims[:]
    weight.dims.extend(dimensions)
    return model.SerializeToString()


def constant_of_shape() -> bytes:
    shape = onnx.numpy_helper.from_array(np.array([1 << 21, 1 << 21], np.int64), "shape")
    node = onnx.helper.make_node("ConstantOfShape", ["shape"], ["large"], name="large")
    add = onnx.helper.make_node("ReduceMean", ["large"], ["mean"], name="mean", keepdims=0)
    use = onnx.helper.make_node("Add", ["x", "mean"], ["y"], name="use")
    return small_models.model(
        [node, add, use], [small_models.value("x", [2])], [small_models.value("y", [2])], [shape]
    ).SerializeToString()


def names_as_paths(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    """Names of values and of the graph that look like paths never become files elsewhere."""
    inner = folder / "inner"
    inner.mkdir()
    model = small_models.identity(onnx.TensorProto.FLOAT, [2])
    model.graph.name = "../../escape"
    model.graph.node[0].output[0] = model.graph.output[0].name = "../escape::y"
    small_models.save(model, inner / "model.onnx")
    np.save(inner / "x.npy", np.ones(2, np.float32))
    for arguments in (
        ("import", "model.onnx"),
        ("run", "model.onnx", "--input", "x.npy", "-o", "out.npz"),
        ("export", "model.onnx", "-o", "copy.onnx"),
        ("export", "model.onnx", "--cases", "cases", "--input", "x.npy"),
    ):
        expect_code(checks, f"names like '../escape': {' '.join(arguments[:1])}", onnxcnn(*arguments, cwd=inner), DONE)
    strangers = [path.name for path in folder.iterdir() if path != inner]
    checks.check("nothing was written outside", not strangers, str(strangers))
    with np.load(inner / "out.npz") as archive:
        checks.check("the .npz entry has the value's name", archive.files == ["../escape::y"], str(archive.files))
