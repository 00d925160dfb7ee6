#!/usr/bin/env python3
"""Models through `onnxcnn import` and `onnxcnn export`, compared with the original field by field by Python's onnx.

    .venv/bin/python Tools/oracle_roundtrip.py [--onnxcnn PATH] [--verbose] [MODEL.onnx …]

Without models: the nine architectures and all small models in the onnx wheel, its generated operator cases, the bundled
LeNet-5, and models made here with every element type, attribute kind and rarely used field. Of each:

1. the exported file, parsed by Python's onnx, equals the original, unset and default fields told apart;
2. onnx.checker (full_check) accepts it whenever it accepts the original;
3. ONNX Runtime computes the same bits from both (networks only; the operator cases are many and tell nothing more);
4. Python's safetensors opens the archive, and the weights in it are the original's;
5. the SHA-256 that `export` prints are those of the file and of the weights.

A model with operators or values that onnxcnn does not support is counted apart: `import` refuses it. Then hostile files: each has
to end with exit code 2, a message, no output file, and within memory and time.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Iterator, Optional

import numpy as np
import onnx
from google.protobuf.message import Message
from onnx import TensorProto, helper, numpy_helper

from oracles.checks import Checks
from oracles.command import Onnxcnn, add_binary_option, find_binary
from oracles.conformance_cases import EXPECTED_COUNTS, model_of, public_cases
from oracles.hostile_models import hostile_models
from oracles.light_networks import light_networks
from oracles.reference_run import evaluate, seeded_inputs

ROOT = Path(__file__).resolve().parent.parent
#: What no hostile file may pass, from the reader's targets: private memory in bytes and time in seconds.
MEMORY_LIMIT, TIME_LIMIT = 200 << 20, 10.0
#: What `import` says of operators, and of sequences and optionals, that are not supported.
OUT_OF_SCOPE = ("unsupported", "is not a tensor of a known type")
#: ONNX's opset that the models made here import.
OPSET = 17


def difference(left: Message, right: Message, path: str = "") -> Optional[str]:
    """The path of the first field in which two messages differ; presence counts. None if they are equal."""
    left_fields = {field.name: value for field, value in left.ListFields()}
    right_fields = {field.name: value for field, value in right.ListFields()}
    for name in sorted(left_fields.keys() | right_fields.keys()):
        place = f"{path}.{name}" if path else name
        if name not in left_fields or name not in right_fields:
            return f"{place} is only in the {'original' if name in left_fields else 'export'}"
        first, second = left_fields[name], right_fields[name]
        if isinstance(first, Message):
            found = difference(first, second, place)
            if found:
                return found
        elif hasattr(first, "__len__") and not isinstance(first, (str, bytes)):
            if len(first) != len(second):
                return f"{place} has {len(first)} and {len(second)} elements"
            for index, (one, other) in enumerate(zip(first, second)):
                if isinstance(one, Message):
                    found = difference(one, other, f"{place}[{index}]")
                    if found:
                        return found
                elif one != other and not (one != one and other != other):
                    return f"{place}[{index}]: {one!r} and {other!r}"
        elif first != second and not (first != first and second != second):
            return f"{place}: {first!r:.80} and {second!r:.80}"
    # What the Python schema does not know, and the bits of NaN, show in the bytes only.
    if not path and left.SerializeToString(deterministic=True) != right.SerializeToString(deterministic=True):
        return "the serialized bytes"
    return None


def weight_bytes(tensor: TensorProto) -> bytes:
    """A tensor's elements as little-endian bytes, as in raw_data."""
    if tensor.HasField("raw_data"):
        return tensor.raw_data
    if tensor.data_type == TensorProto.STRING:
        return b"".join(tensor.string_data)
    return numpy_helper.from_array(numpy_helper.to_array(tensor)).raw_data


def passes_checker(path: Path) -> bool:
    try:
        onnx.checker.check_model(str(path), full_check=True)
        return True
    except Exception:  # The checker raises what its C++ throws, of several types.
        return False


class RoundTrip:
    def __init__(self, onnxcnn: Onnxcnn, checks: Checks, folder: Path) -> None:
        self.onnxcnn = onnxcnn
        self.checks = checks
        self.folder = folder
        self.unsupported = 0

    def run(self, label: str, original: Path, is_network: bool) -> None:
        archive, exported = self.folder / "model.safetensors", self.folder / "exported.onnx"
        for left_over in (archive, exported):
            left_over.unlink(missing_ok=True)
        imported = self.onnxcnn("import", original, "-o", archive)
        if imported.code == 2 and any(words in imported.err for words in OUT_OF_SCOPE):
            self.unsupported += 1
            return
        if imported.code != 0:
            self.checks.check(label, False, imported.described())
            return
        done = self.onnxcnn("export", archive, "-o", exported)
        if done.code != 0:
            self.checks.check(label, False, done.described())
            return
        problem = self.compare(original, archive, exported, done.out.decode("utf-8", "replace"), is_network)
        self.checks.check(label, problem is None, problem or "")

    def compare(self, original: Path, archive: Path, exported: Path, printed: str, is_network: bool) -> Optional[str]:
        # With the weights that stand beside it: the export is one file.
        expected, actual = onnx.load(str(original)), onnx.load(str(exported))
        on_disk = onnx.load(str(original), load_external_data=False)
        for tensor, stored in zip(expected.graph.initializer, on_disk.graph.initializer):
            # onnx.load brings external data in and then says DEFAULT where a file without any says nothing.
            if stored.data_location == TensorProto.EXTERNAL:
                tensor.ClearField("data_location")
        found = difference(expected, actual)
        if found:
            return f"differs from the original: {found}"
        if passes_checker(original) and not passes_checker(exported):
            return "onnx.checker refuses the export"
        digests = {
            "the file": hashlib.sha256(exported.read_bytes()),
            "the weights": hashlib.sha256(b"".join(weight_bytes(tensor) for tensor in expected.graph.initializer)),
        }
        for what, digest in digests.items():
            if digest.hexdigest() not in printed:
                return f"export does not print the SHA-256 of {what}, {digest.hexdigest()}"
        found = self.compare_archive(expected, archive)
        if found or not is_network:
            return found
        inputs = seeded_inputs(expected)
        before, after = evaluate(original, inputs), evaluate(exported, inputs)
        for name, array in before.items():
            if array.tobytes() != after[name].tobytes():
                return f"ONNX Runtime computes another '{name}'"
        return None

    @staticmethod
    def compare_archive(expected: onnx.ModelProto, archive: Path) -> Optional[str]:
        from safetensors import safe_open

        with safe_open(str(archive), "np") as arrays:
            if "onnxcnn.graph" not in (arrays.metadata() or {}):
                return "the archive has no metadata 'onnxcnn.graph'"
            names = set(arrays.keys())
            for tensor in expected.graph.initializer:
                if tensor.data_type not in (TensorProto.FLOAT, TensorProto.INT64) or tensor.name not in names:
                    continue
                if arrays.get_tensor(tensor.name).tobytes() != weight_bytes(tensor):
                    return f"array '{tensor.name}' of the archive differs"
        return None


def made_models() -> "Iterator[tuple[str, onnx.ModelProto]]":
    """Models with what real files seldom have. All compute one Relu, so that import accepts them."""

    def model(**graph_fields: object) -> onnx.ModelProto:
        graph = helper.make_graph(
            [helper.make_node("Relu", ["x"], ["y"], name="relu")],
            "graph",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
            **graph_fields,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)

    yield "plain", model()
    rng = np.random.default_rng(0)
    for number in TensorProto.DataType.values():
        name = TensorProto.DataType.Name(number).lower()
        if number in (TensorProto.UNDEFINED, TensorProto.STRING):
            continue
        bits = {"uint2": 2, "int2": 2, "uint4": 4, "int4": 4, "float4e2m1": 4, "float6e2m3": 6, "float6e3m2": 6}.get(name)
        size = helper.tensor_dtype_to_np_dtype(number).itemsize * 8 if bits is None else bits
        raw = rng.integers(0, 2 if name == "bool" else 255, (4 * size + 7) // 8, dtype=np.uint8).tobytes()
        made = model(initializer=[TensorProto(name="weights", dims=[4], data_type=number, raw_data=raw)])
        made.ir_version = 13
        yield f"raw {name}", made
    typed = [
        helper.make_tensor("float", TensorProto.FLOAT, [2], [0.1, float("nan")]),
        helper.make_tensor("double", TensorProto.DOUBLE, [2], [0.1, float("-inf")]),
        helper.make_tensor("int8", TensorProto.INT8, [2], [-128, 127]),
        helper.make_tensor("uint16", TensorProto.UINT16, [2], [0, 65535]),
        helper.make_tensor("int32", TensorProto.INT32, [2], [-(2**31), 2**31 - 1]),
        helper.make_tensor("int64", TensorProto.INT64, [2], [-(2**63), 2**63 - 1]),
        helper.make_tensor("uint64", TensorProto.UINT64, [2], [0, 2**64 - 1]),
        helper.make_tensor("bool", TensorProto.BOOL, [2], [True, False]),
        helper.make_tensor("float16", TensorProto.FLOAT16, [2], np.array([0.1, -2], np.float16)),
        helper.make_tensor("string", TensorProto.STRING, [2], [b"\xff\x00", b""]),
        helper.make_tensor("empty", TensorProto.FLOAT, [0, 3], []),
        helper.make_tensor("scalar", TensorProto.FLOAT, [], [1.5]),
    ]
    yield "typed fields", model(initializer=typed)

    rich = model(doc_string="documentation", value_info=[helper.make_tensor_value_info("z", TensorProto.INT8, None)])
    helper.set_model_props(rich, {"author": "nobody", "empty": ""})
    rich.producer_name, rich.domain, rich.model_version, rich.doc_string = "producer", "org.example", 3, "Ä documentation"
    rich.graph.metadata_props.add(key="k", value="v")
    rich.graph.node[0].metadata_props.add(key="namespace", value="a/b")
    rich.graph.quantization_annotation.add(tensor_name="x").quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="s")
    rich.graph.input[0].type.denotation = "IMAGE"
    rich.graph.input[0].type.tensor_type.shape.dim[1].denotation = "DATA_CHANNEL"
    rich.training_info.add().algorithm.name = "step"
    rich.configuration.add(name="device", num_devices=2)
    yield "documentation, metadata and what is not interpreted", rich

    function = helper.make_function(
        "org.example",
        "Twice",
        ["a"],
        ["b"],
        [helper.make_node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", OPSET)],
    )
    with_function = model()
    with_function.functions.append(function)
    with_function.opset_import.append(helper.make_opsetid("org.example", 1))
    yield "a function", with_function

    unset = model()
    unset.graph.node[0].doc_string = ""
    unset.graph.node[0].domain = ""
    unset.graph.doc_string = ""
    unset.model_version = 0
    yield "fields present with their defaults", unset


def check_external_data(trip: RoundTrip, folder: Path) -> None:
    weights = numpy_helper.from_array(np.arange(4096, dtype=np.float32), "weights")
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "weights"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4096])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4096])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    path = folder / "external.onnx"
    onnx.save(model, str(path), save_as_external_data=True, location="external.data", size_threshold=0)
    trip.run("external data", path, is_network=True)


def check_hostile(onnxcnn: Onnxcnn, checks: Checks, folder: Path) -> None:
    output = folder / "hostile.safetensors"
    for name, content in hostile_models():
        path = folder / "hostile.onnx"
        path.write_bytes(content)
        finished, usage = onnxcnn.measured("import", path, "-o", output)
        passed = (
            finished.code == 2
            and finished.err.startswith("error: ")
            and not output.exists()
            and usage.private_bytes < MEMORY_LIMIT
            and usage.seconds < TIME_LIMIT
        )
        measured = f"{usage.private_bytes >> 20} MiB, {usage.seconds:.2f} s"
        checks.check(f"hostile: {name}", passed, measured if passed else f"{measured}\n{finished.described()}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL.onnx", help="models to take instead")
    parser.add_argument("--torch", action="store_true", help="accepted for Tools/test; nothing here needs PyTorch")
    parser.add_argument("--verbose", action="store_true", help="a line for every model, not only for failures")
    add_binary_option(parser)
    options = parser.parse_args()
    onnxcnn = find_binary(options.onnxcnn)
    checks = Checks("oracle_roundtrip", verbose=options.verbose)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trip = RoundTrip(onnxcnn, checks, folder)
        for path in options.models:
            with checks.guarded(path.name):
                trip.run(path.name, path, is_network=True)
        if not options.models:
            run_all(trip, folder)
            checks.verbose = True
            check_hostile(onnxcnn, checks, folder)
        print(f"  {checks.passed} checks passed; {trip.unsupported} models have operators or values that onnxcnn does not support")
    return checks.finish()


def run_all(trip: RoundTrip, folder: Path) -> None:
    for network in light_networks():
        with trip.checks.guarded(network.name):
            trip.run(f"network {network.name}", network.path, is_network=True)
    with trip.checks.guarded("LeNet-5"):
        trip.run("network LeNet-5", ROOT / "Fixtures" / "lenet5" / "model.onnx", is_network=True)
    for label, model in made_models():
        path = folder / "made.onnx"
        onnx.save(model, str(path))
        with trip.checks.guarded(label):
            trip.run(f"made: {label}", path, is_network=False)
    with trip.checks.guarded("external data"):
        check_external_data(trip, folder)
    for kind in EXPECTED_COUNTS:
        for case in public_cases(kind):
            path = folder / "case.onnx"
            with trip.checks.guarded(case.name):
                path.write_bytes(model_of(case).SerializeToString())
                trip.run(f"{kind}: {case.name}", path, is_network=False)


if __name__ == "__main__":
    sys.exit(main())
