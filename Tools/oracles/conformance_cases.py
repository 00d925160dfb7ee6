"""Selects the public ONNX backend cases in scope and writes them out as test-case trees.

The cases come from the onnx wheel's own generators and data; nothing of them is stored in this repository. What is in
scope is computed from each model, never from its name: every node an operator of `conformance-operators.txt` in the default domain, and
every graph input and output a tensor of one of six element types.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import numpy as np
import onnx
from onnx import TensorProto
from onnx.backend.test.case.test_case import TestCase
from onnx.backend.test.loader import load_model_tests

ELEMENT_TYPES = frozenset(
    {
        TensorProto.FLOAT,
        TensorProto.DOUBLE,
        TensorProto.INT32,
        TensorProto.INT64,
        TensorProto.UINT8,
        TensorProto.BOOL,
    }
)

#: Kinds of public cases and how many of each are in scope with the pinned onnx version; a change means the pin moved.
EXPECTED_COUNTS = {"node": 898, "pytorch-converted": 82, "pytorch-operator": 35, "simple": 6}


@dataclass(frozen=True)
class Case:
    """One case in scope: its unique folder name, its operators, and where its data comes from."""

    name: str
    kind: str
    operators: "tuple[str, ...]"
    source: TestCase


def operators_in_scope(path: Path) -> frozenset[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(line.split()[0] for line in lines if line.strip() and not line.startswith("#"))


def model_of(case: TestCase) -> onnx.ModelProto:
    if case.model is not None:
        return case.model
    assert case.model_dir is not None, case.name
    return onnx.load(str(Path(case.model_dir) / "model.onnx"))


def is_in_scope(model: onnx.ModelProto, operators: frozenset[str]) -> bool:
    graph = model.graph
    values = list(graph.input) + list(graph.output)
    return all(node.domain in ("", "ai.onnx") and node.op_type in operators for node in graph.node) and all(
        value.type.HasField("tensor_type") and value.type.tensor_type.elem_type in ELEMENT_TYPES for value in values
    )


def public_cases(kind: str) -> Sequence[TestCase]:
    # The generators print and divide by zero on purpose; neither is news.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_model_tests(kind=kind)


def cases_in_scope(operators: frozenset[str]) -> list[Case]:
    """All of them, in the order of EXPECTED_COUNTS and then by name."""
    cases: list[Case] = []
    for kind in EXPECTED_COUNTS:
        for case in sorted(public_cases(kind), key=lambda case: case.name):
            if case.url is not None:
                continue
            model = model_of(case)
            if is_in_scope(model, operators):
                used = tuple(sorted({node.op_type for node in model.graph.node}))
                cases.append(Case(case.name, kind, used, case))
    return cases


def check_counts(cases: Sequence[Case]) -> None:
    counts = dict(Counter(case.kind for case in cases))
    if counts != EXPECTED_COUNTS:
        raise SystemExit(
            f"error: the selection is {counts}, expected {EXPECTED_COUNTS}: is onnx {onnx.__version__} the pinned version?"
        )
    if len({case.name for case in cases}) != len(cases):
        raise SystemExit("error: two public cases share a name")


def tensor_bytes(array: "np.ndarray | TensorProto", name: str) -> bytes:
    if isinstance(array, TensorProto):
        return array.SerializeToString()
    return onnx.numpy_helper.from_array(np.asarray(array), name).SerializeToString()


def write_case(case: Case, folder: Path) -> None:
    """`model.onnx`, `test_data_set_*/{input,output}_*.pb`, and `data.json` with the case's own tolerance."""
    source = case.source
    if source.model_dir is not None:
        shutil.copytree(source.model_dir, folder)
    else:
        assert source.model is not None and source.data_sets is not None, case.name
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(source.model.SerializeToString())
        for number, (inputs, outputs) in enumerate(source.data_sets):
            data = folder / f"test_data_set_{number}"
            data.mkdir()
            for prefix, arrays, values in (
                ("input", inputs, source.model.graph.input),
                ("output", outputs, source.model.graph.output),
            ):
                for position, array in enumerate(arrays):
                    (data / f"{prefix}_{position}.pb").write_bytes(tensor_bytes(array, values[position].name))
    (folder / "data.json").write_text(json.dumps({"rtol": source.rtol, "atol": source.atol}) + "\n", encoding="utf-8")


def write_cases(cases: Sequence[Case], root: Path) -> None:
    """Writes every case to `root/KIND/NAME`, in place of what was there. The stamp comes last: without it, make them again."""
    if root.exists():
        shutil.rmtree(root)
    for case in cases:
        write_case(case, root / case.kind / case.name)
    index = [{"name": case.name, "kind": case.kind, "operators": case.operators} for case in cases]
    (root / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
