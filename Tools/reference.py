#!/usr/bin/env python3
"""Writes reference tensors for a model, computed by ONNX Runtime with its optimisations off or by another program.

    .venv/bin/python Tools/reference.py model.onnx -o ref.npz
    .venv/bin/python Tools/reference.py model.onnx --input x.npy --layers -o ref.npz
    .venv/bin/python Tools/reference.py model.onnx --input x.npy --backend torch -o ref.npz
    .venv/bin/python Tools/reference.py model.onnx --batch 4 --dim height=224 --dim width=224 -o ref.npz

The .npz file holds the inputs and the outputs under their ONNX names (with --layers every intermediate tensor too), and
under 'onnxcnn.provenance' the versions and settings it was made with: JSON text as a uint8 array, never a pickle.

Backends: onnxruntime (nothing fused, every tensor exists), onnx (the specification's own evaluator, slow), openvino (float32;
layers that it folds away are left out; pip install openvino), torch (the graph node by node on PyTorch's operators, those of
convolutional networks; Tools/python-environment --torch).

Inputs that are not given are drawn from a standard normal distribution by --seed (integers from 0 to 9, booleans by a coin).
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Iterator

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from oracles.array_files import write_npz
from oracles.backends import BACKENDS, wanted_names
from oracles.reference_run import (
    PROVENANCE,
    ReferenceError,
    provenance,
    real_inputs,
    seeded_inputs,
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="an ONNX file")
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="[NAME=]FILE",
        help="an input as .npy, .npz (entries by input name) or ONNX .pb; repeatable; one array for the one input needs no name",
    )
    parser.add_argument("--layers", "--all-layers", action="store_true", help="write every intermediate tensor too")
    parser.add_argument(
        "--backend", choices=sorted(BACKENDS), default="onnxruntime", help="what computes (default: onnxruntime)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the inputs that are not given (default 0)")
    parser.add_argument("--batch", type=int, default=1, help="size of a symbolic first axis (default 1)")
    parser.add_argument(
        "--dim", action="append", default=[], metavar="NAME=SIZE", help="size of a symbolic dimension; repeatable"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of the backend (default 1)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="REF.npz", help="the file to write")
    return parser.parse_args()


def load_structure(path: Path) -> onnx.ModelProto:
    """The model without its external data, which ONNX Runtime reads by itself."""
    try:
        return onnx.load(str(path), load_external_data=False)
    except DecodeError as error:
        raise ReferenceError(f"{path} is not an ONNX model: {error}") from error


def bound_dimensions(texts: "list[str]") -> dict[str, int]:
    dimensions: dict[str, int] = {}
    for text in texts:
        name, separator, size = text.rpartition("=")
        if not separator or not name or not size.isdigit():
            raise ReferenceError(f"--dim takes NAME=SIZE, not '{text}'")
        dimensions[name] = int(size)
    return dimensions


def arrays_of(path: Path) -> Iterator["tuple[str, np.ndarray]"]:
    """The arrays of a file with their names; a file of one unnamed array gives it the name ''."""
    if path.suffix == ".pb":
        tensor = onnx.TensorProto()
        tensor.ParseFromString(path.read_bytes())
        yield "", onnx.numpy_helper.to_array(tensor)
        return
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        yield "", loaded
        return
    with loaded:
        for name in loaded.files:
            yield name, loaded[name]


def given_inputs(texts: "list[str]", model: onnx.ModelProto) -> dict[str, np.ndarray]:
    expected = [value.name for value in real_inputs(model.graph)]
    given: dict[str, np.ndarray] = {}
    for text in texts:
        # An input's own name may hold '=', and so may a path: the longest known name before a '=' decides.
        named = [name for name in expected if text.startswith(name + "=")]
        chosen = max(named, key=len, default=None)
        path = Path(text[len(chosen) + 1 :] if chosen is not None else text)
        # Entries such as our own provenance only describe the others.
        arrays = {entry: array for entry, array in arrays_of(path) if not entry.startswith("onnxcnn.")}
        if chosen is not None and len(arrays) != 1:
            raise ReferenceError(f"'{chosen}=' names one array, but {path} holds {len(arrays)}")
        only = expected[0] if chosen is None and len(expected) == 1 else chosen
        if only is not None and len(arrays) == 1:
            arrays = {only: array for array in arrays.values()}
        named_arrays = {name: array for name, array in arrays.items() if name in expected}
        if not named_arrays:
            raise ReferenceError(f"'{text}' names no input; the inputs are {', '.join(expected)}")
        given.update(named_arrays)
    return given


def main() -> int:
    options = arguments()
    model_path: Path = options.model
    model = load_structure(model_path)
    feeds = seeded_inputs(model, options.seed, options.batch, bound_dimensions(options.dim), given_inputs(options.input, model))
    tensors, versions = BACKENDS[options.backend](model_path, model, feeds, options.layers, options.threads)

    arrays: dict[str, np.ndarray] = {**feeds, **tensors}
    arrays[PROVENANCE] = provenance(
        backend=options.backend,
        backend_versions=versions,
        model=model_path.name,
        model_sha256=hashlib.sha256(model_path.read_bytes()).hexdigest(),
        optimisations="off",
        threads=options.threads,
        seed=options.seed,
        given_inputs=sorted(options.input),
        inputs=sorted(feeds),
        outputs=[output.name for output in model.graph.output],
        all_layers=options.layers,
    )
    write_npz(options.output, arrays)
    print(f"{options.output}: {len(feeds)} inputs, {len(tensors)} tensors of {model_path.name}, by {options.backend}")
    left_out = [name for name in wanted_names(model, options.layers) if name not in tensors]
    if left_out:
        print(f"left out by {options.backend}: {', '.join(left_out)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ReferenceError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
