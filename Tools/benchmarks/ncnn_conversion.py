"""ncnn reads its own format: pnnx, ncnn's converter, makes it from ONNX, once for each model file."""

from __future__ import annotations

import json
import subprocess
import tempfile
from importlib import metadata, util
from pathlib import Path

from benchmarks.networks import FOLDER, Network

#: pnnx's names of element types.
TYPES = {"float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64", "uint8": "u8", "int8": "i8", "bool": "i8"}
TIMEOUT_SECONDS = 300


class ConversionError(Exception):
    """pnnx does not convert the model; the message is its own last line."""


def converted(network: Network) -> tuple[Path, Path]:
    """The files `.ncnn.param` and `.ncnn.bin` for one image of the network.

    pnnx is called as a program; importing its package would load PyTorch.
    """
    found = util.find_spec("pnnx")
    if found is None or not found.submodule_search_locations:
        raise ConversionError("pnnx is not installed")
    program = Path(found.submodule_search_locations[0]) / "pnnx"
    status = network.path.stat()
    ingredients = {
        "pnnx": metadata.version("pnnx"), "path": str(network.path), "size": status.st_size, "changed": status.st_mtime_ns,
    }  # fmt: skip
    folder = FOLDER / "ncnn" / network.name
    parameters, weights, stamp = folder / "model.ncnn.param", folder / "model.ncnn.bin", folder / "stamp.json"
    if stamp.exists() and json.loads(stamp.read_text(encoding="utf-8")) == ingredients:
        return parameters, weights

    folder.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    shapes = ",".join(
        "[" + ",".join(map(str, array.shape)) + "]" + TYPES.get(str(array.dtype), str(array.dtype))
        for array in network.feeds(1).values()
    )
    # pnnx leaves a dozen files of every stage beside its input, which may be a user's folder.
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        link = Path(scratch) / "model.onnx"
        link.symlink_to(network.path)
        try:
            done = subprocess.run(
                [str(program), link.name, f"inputshape={shapes}", "fp16=0"],
                cwd=scratch, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_SECONDS, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConversionError(f"pnnx: {error}") from error
        for path in (parameters, weights):
            made = Path(scratch) / path.name
            if not made.exists():
                lines = (done.stderr.strip() or done.stdout.strip()).splitlines() or [f"exit code {done.returncode}"]
                raise ConversionError(f"pnnx does not convert it: {lines[-1]}")
            made.replace(path)
    stamp.write_text(json.dumps(ingredients) + "\n", encoding="utf-8")
    return parameters, weights
