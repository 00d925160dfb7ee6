"""Array files against NumPy: every version, byte order, memory order and element type, through an Identity model."""

from __future__ import annotations

import io
import itertools
import zipfile
from pathlib import Path
from typing import Callable, Iterator

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto
from safetensors.numpy import load_file, save_file

from oracles import small_models
from oracles.checks import Checks
from oracles.cli_bad_input import npy_header
from oracles.cli_expectations import DONE, empty_folder, expect_code, expect_error
from oracles.command import Onnxcnn

ELEMENT_TYPES = {
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL,
}
SHAPES: "tuple[tuple[int, ...], ...]" = ((), (1,), (7,), (0, 3), (2, 3), (2, 3, 4, 5))


def run(checks: Checks, onnxcnn: Onnxcnn) -> None:
    print("array files")
    for part in (npy_reading, header_spellings, npz_reading, protobuf_reading, safetensors_reading, writing, refusals):
        with checks.guarded(part.__name__.replace("_", " ")), empty_folder() as folder:
            part(checks, onnxcnn, folder)


def sample(dtype: np.dtype, shape: "tuple[int, ...]") -> np.ndarray:
    """Values that use the type's range, infinities and NaN, which a reader that goes through another type would lose."""
    generator = np.random.default_rng(4)
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        array = generator.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
        special: "list[float]" = [limits.min, limits.max]
    else:
        array = np.asarray(generator.standard_normal(shape)).astype(dtype)
        special = [np.nan, np.inf, -np.inf, -0.0, float(np.finfo(dtype).smallest_subnormal)]
    array = np.array(array)
    for position, number in zip(range(array.size), special):
        if array.size > 1:
            array.flat[position] = number
    return array


def same(ours: np.ndarray, expected: np.ndarray) -> bool:
    """The same type, shape and bits; for NaN any NaN."""
    if ours.dtype != expected.dtype or ours.shape != expected.shape:
        return False
    if expected.dtype.kind != "f":
        return np.array_equal(ours, expected)
    return np.array_equal(ours, expected, equal_nan=True) and np.array_equal(np.signbit(ours), np.signbit(expected))


def check_reading(
    checks: Checks, onnxcnn: Onnxcnn, folder: Path, label: str, array: np.ndarray, write: "Callable[[Path], Path]"
) -> None:
    """Writes `array` by NumPy into the folder, runs Identity on it, and compares what comes out as .npy."""
    element_type = ELEMENT_TYPES[array.dtype.newbyteorder("=").name]
    model = small_models.save(small_models.identity(element_type, list(array.shape)), folder / "identity.onnx")
    path = write(folder)
    output = folder / "y.npy"
    output.unlink(missing_ok=True)
    done = onnxcnn("run", model, "--input", path, "-o", output)
    if done.code != DONE:
        checks.check(label, False, done.described())
        return
    ours = np.load(output)
    expected = array.astype(array.dtype.newbyteorder("="))
    checks.check(
        label, same(ours, expected), "" if same(ours, expected) else f"{ours.dtype} {ours.shape}: {ours} instead of {expected}"
    )


def npy_variants() -> "Iterator[tuple[np.dtype, tuple[int, ...], tuple[int, int], str]]":
    for name, shape in itertools.product(ELEMENT_TYPES, SHAPES):
        yield np.dtype(name), shape, (1, 0), "C"
    for name, order in itertools.product(ELEMENT_TYPES, "CF"):
        yield np.dtype(name).newbyteorder(">"), (2, 3, 4), (1, 0), order
    for version, order in itertools.product(((1, 0), (2, 0), (3, 0)), "CF"):
        yield np.dtype("float32"), (3, 4, 5), version, order


def npy_reading(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    for dtype, shape, version, order in npy_variants():
        array = sample(dtype.newbyteorder("="), shape).astype(dtype)
        array = np.asfortranarray(array) if order == "F" and shape else array

        def write(place: Path) -> Path:
            with open(place / "x.npy", "wb") as file:
                np.lib.format.write_array(file, array, version=version)
            return place / "x.npy"

        label = f".npy {version[0]}.0 {dtype.str} {list(shape)} {order} order"
        check_reading(checks, onnxcnn, folder, label, array, write)


def header_spellings(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    """Headers that NumPy reads though it would write them otherwise."""
    array = sample(np.dtype("float32"), (2, 3))
    for text in (
        "{'shape': (2, 3), 'fortran_order': False, 'descr': '<f4'}",
        "{'descr': '<f4','fortran_order': False,'shape': (2,3)}",
        '{"descr": "<f4", "fortran_order": False, "shape": (2, 3), }',
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" + " " * 300,
    ):
        header = (text + "\n").encode("latin-1")
        content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + array.tobytes()
        assert np.array_equal(np.load(io.BytesIO(content)), array, equal_nan=True)

        def write(place: Path) -> Path:
            (place / "x.npy").write_bytes(content)
            return place / "x.npy"

        check_reading(checks, onnxcnn, folder, f"header {text[:56].strip()!r}, {len(header)} bytes", array, write)


def npz_reading(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    array = sample(np.dtype("float32"), (30, 40))

    def with_savez(place: Path) -> Path:
        np.savez(place / "x.npz", x=array)
        return place / "x.npz"

    def with_savez_compressed(place: Path) -> Path:
        np.savez_compressed(place / "x.npz", x=array)
        return place / "x.npz"

    def with_comment(place: Path) -> Path:
        with zipfile.ZipFile(with_savez(place), "a") as archive:
            archive.comment = b"a comment at the end of the archive"
        return place / "x.npz"

    check_reading(checks, onnxcnn, folder, ".npz by numpy.savez", array, with_savez)
    check_reading(checks, onnxcnn, folder, ".npz by numpy.savez_compressed", array, with_savez_compressed)
    check_reading(checks, onnxcnn, folder, ".npz with an archive comment", array, with_comment)

    small_models.save(small_models.addition(), folder / "addition.onnx")
    a, b = (np.full((2, 4), number, np.float32) for number in (1, 2))
    np.savez(folder / "both.npz", b=b, a=a)
    done = onnxcnn("run", "addition.onnx", "--input", "both.npz", "-o", "sum.npy", cwd=folder)
    if expect_code(checks, "one .npz with all inputs by name", done, DONE):
        checks.check("and each in its place", np.array_equal(np.load(folder / "sum.npy"), a + b))


def protobuf_reading(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    for name in ELEMENT_TYPES:
        array = sample(np.dtype(name), (2, 3))
        raw = onnx.numpy_helper.from_array(array, "x")
        typed = onnx.helper.make_tensor("x", ELEMENT_TYPES[name], array.shape, array.flatten().tolist())
        for label, tensor in (("raw_data", raw), ("typed fields", typed)):

            def write(place: Path) -> Path:
                (place / "x.pb").write_bytes(tensor.SerializeToString())
                return place / "x.pb"

            check_reading(checks, onnxcnn, folder, f"TensorProto of {name} in {label}", array, write)


def safetensors_reading(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    for name in ELEMENT_TYPES:
        array = sample(np.dtype(name), (2, 3))

        def write(place: Path) -> Path:
            save_file({"x": array}, str(place / "x.safetensors"))
            return place / "x.safetensors"

        check_reading(checks, onnxcnn, folder, f"safetensors of {name}", array, write)


def writing(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    """Each output format holds the same bits, read by its own public reader."""

    def from_npz(path: Path) -> np.ndarray:
        with np.load(path, allow_pickle=False) as archive:
            return archive["y"]

    def from_protobuf(path: Path) -> np.ndarray:
        tensor = onnx.TensorProto()
        tensor.ParseFromString(path.read_bytes())
        return onnx.numpy_helper.to_array(tensor)

    readers: "dict[str, Callable[[Path], np.ndarray]]" = {
        ".npy": lambda path: np.load(path, allow_pickle=False),
        ".npz": from_npz,
        ".pb": from_protobuf,
        ".safetensors": lambda path: load_file(str(path))["y"],
    }
    for name, (suffix, reader) in itertools.product(ELEMENT_TYPES, readers.items()):
        for shape in ((), (0, 3), (3, 2)):
            array = sample(np.dtype(name), shape)
            small_models.save(small_models.identity(ELEMENT_TYPES[name], list(shape)), folder / "identity.onnx")
            np.save(folder / "x.npy", array)
            output = folder / f"y{suffix}"
            output.unlink(missing_ok=True)
            done = onnxcnn("run", "identity.onnx", "--input", "x.npy", "-o", output, cwd=folder)
            label = f"{suffix} of {name} {list(shape)} written by run"
            if done.code != DONE:
                checks.check(label, False, done.described())
                continue
            with checks.guarded(label):
                checks.check(label, same(reader(output), array))
    bfloat16 = small_models.identity(TensorProto.BFLOAT16, [3])
    small_models.save(bfloat16, folder / "identity.onnx")
    array = np.array([1.0, -2.5, 3e38], dtype=ml_dtypes.bfloat16)
    (folder / "x.pb").write_bytes(onnx.numpy_helper.from_array(array, "x").SerializeToString())
    done = onnxcnn("run", "identity.onnx", "--input", "x.pb", "-o", "y.pb", cwd=folder)
    if expect_code(checks, "bfloat16 through .pb", done, DONE):
        checks.check("bfloat16 keeps its bits", from_protobuf(folder / "y.pb").tobytes() == array.tobytes())


def refusals(checks: Checks, onnxcnn: Onnxcnn, folder: Path) -> None:
    small_models.save(small_models.identity(TensorProto.FLOAT, [4]), folder / "identity.onnx")
    good = sample(np.dtype("float32"), (4,))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=good)
    archive = buffer.getvalue()
    entry = io.BytesIO()
    np.save(entry, good)

    def npz_of(name: str, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", method) as writer:
            writer.writestr(name, content)
        return made.getvalue()

    pickled = io.BytesIO()
    np.save(pickled, np.array([None] * 4, dtype=object), allow_pickle=True)
    corrupt = bytearray(npz_of("x.npy", entry.getvalue(), zipfile.ZIP_STORED))
    corrupt[corrupt.index(good.tobytes())] ^= 0xFF
    files = {
        "structured.npy": (npy_header("(4,)", "[('a', '<f4')]") + good.tobytes(), ()),
        "text.npy": (npy_header("(4,)", "'<U4'") + b"\0" * 64, ()),
        "complex.npy": (npy_header("(4,)", "'<c8'") + b"\0" * 32, ()),
        "version9.npy": (b"\x93NUMPY\x09\x00" + npy_header("(4,)")[8:] + good.tobytes(), ()),
        "code.npy": (npy_header("(__import__('os').getpid(),)") + good.tobytes(), ()),
        "pickled.npy": (pickled.getvalue(), ("pickle",)),
        "pickled.npz": (npz_of("x.npy", pickled.getvalue()), ("pickle",)),
        "cut.npz": (archive[:-30], ()),
        "half.npz": (archive[: len(archive) // 2], ()),
        "corrupt.npz": (bytes(corrupt), ()),
        "bomb.npz": (npz_of("x.npy", npy_header("(4,)") + b"\0" * 50_000_000), ()),
        "claims.npz": (npz_of("x.npy", npy_header("(1099511627776,)") + b"\0" * 100), ()),
        "no_entries.npz": (npz_of("readme.txt", b"hello"), ()),
        "noise.pb": (b"\xff" * 100, ()),
        "empty.pb": (b"", ()),
        "noise.safetensors": (b"\xff" * 100, ()),
        "header.safetensors": ((1 << 40).to_bytes(8, "little") + b"{}", ()),
    }
    for name, (content, mentions) in files.items():
        (folder / name).write_bytes(content)
        done = onnxcnn("run", "identity.onnx", "--input", name, "-o", "y.npy", cwd=folder)
        expect_error(checks, f"refuses {name}", done, mentions)
    checks.check("none of them wrote anything", not (folder / "y.npy").exists())
