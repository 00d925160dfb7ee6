#!/usr/bin/env python3
"""Writes Fixtures/arrays: array files made by NumPy, which the tests of the array readers are checked against.

    .venv/bin/python Tools/make_array_fixtures.py

numpy.npz           every element type that NumPy and ONNX share, in both byte orders, in C and Fortran order, in versions
                    1.0, 2.0 and 3.0 of the .npy format, as 'TYPE/ORDER/VERSION', for example '>f4/F/2.0'; all have the
                    shape [2, 3, 4] and element k (in C order) is k - 5, for unsigned integers k, for truth values k % 3 == 0,
                    for complex numbers (k - 5) + k*0.5i. Stored, as np.savez writes them.
deflated.npz        'zeros' (float32, [64, 64]), 'ramp' (int32, 0 ... 999), 'scalar' (float64, 2.5), 'empty' (float32, [0, 3]),
                    as np.savez_compressed writes them.
"""

from __future__ import annotations

import io
import itertools
import zipfile
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "Fixtures" / "arrays"
SHAPE = (2, 3, 4)
# The first date that the ZIP format knows, so that the files are the same whenever they are made.
EPOCH = (1980, 1, 1, 0, 0, 0)


def values(dtype: np.dtype) -> np.ndarray:
    """The array of this type by the rule above."""
    k = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    if dtype.kind == "b":
        return (k % 3 == 0).astype(dtype)
    if dtype.kind == "u":
        return k.astype(dtype)
    if dtype.kind == "c":
        return ((k - 5) + k * 0.5j).astype(dtype)
    return (k - 5).astype(dtype)


def npy(array: np.ndarray, version: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version, allow_pickle=False)
    return stream.getvalue()


def write_zip(path: Path, entries: dict[str, bytes], compression: int) -> None:
    with zipfile.ZipFile(path, "w", compression=compression, allowZip64=True) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name + ".npy", date_time=EPOCH)
            info.compress_type = compression
            # As NumPy does it: the sizes of the local header stand in a ZIP64 field.
            with archive.open(info, "w", force_zip64=True) as stream:
                stream.write(content)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    codes = "b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split()
    entries: dict[str, bytes] = {}
    for code, byte_order, axis_order, version in itertools.product(codes, "<>", "CF", ((1, 0), (2, 0), (3, 0))):
        dtype = np.dtype(byte_order + code)
        if dtype.itemsize == 1 and byte_order == ">":
            continue
        array = np.array(values(dtype), dtype=dtype, order=axis_order)
        entries[f"{byte_order}{code}/{axis_order}/{version[0]}.{version[1]}"] = npy(array, version)
    write_zip(FOLDER / "numpy.npz", entries, zipfile.ZIP_STORED)
    deflated = {
        "zeros": np.zeros((64, 64), dtype=np.float32),
        "ramp": np.arange(1000, dtype=np.int32),
        "scalar": np.array(2.5),
        "empty": np.zeros((0, 3), dtype=np.float32),
    }
    write_zip(FOLDER / "deflated.npz", {name: npy(array, (1, 0)) for name, array in deflated.items()}, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
