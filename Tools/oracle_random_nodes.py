#!/usr/bin/env python3
"""Windows, matrix products, normalization and resizing on random small nodes, against ONNX Runtime or ONNX's reference.

    .venv/bin/python Tools/oracle_random_nodes.py [--onnxcnn PATH] [--cases-per-version N] [--engine reference|runtime|both]

Every version of these operators gets nodes from oracles/random_nodes.py, the same in every run. They are written as ONNX
test cases and go through one `onnxcnn verify --cases` for each engine. A node that no public program takes is left out; a
version of an operator for which none is left is named at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx

from oracles.checks import Checks
from oracles.command import Onnxcnn, add_binary_option, find_binary
from oracles.random_nodes import GENERATORS, NodeCase, expected, nodes, versions

#: float32 sums of at most 1,000 terms in any order are off by at most 1,000 · 2⁻²⁴ = 6e-5 times the sum of the terms'
#: magnitudes. Relative to a result they may cancel to nothing, hence the same again as an absolute error: the terms are
#: products of standard normal numbers, so that their magnitudes are about 1.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}


def write_case(case: NodeCase, outputs: "list[np.ndarray]", folder: Path) -> None:
    """`model.onnx` with the outputs' types declared, one data set, and the tolerance."""
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    model = case.model()
    for info, output in zip(model.graph.output, outputs):
        info.type.tensor_type.elem_type = onnx.helper.np_dtype_to_tensor_dtype(output.dtype)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    for prefix, infos, arrays in (
        ("input", model.graph.input, list(case.feeds().values())),
        ("output", model.graph.output, outputs),
    ):
        for number, (info, array) in enumerate(zip(infos, arrays)):
            tensor = onnx.numpy_helper.from_array(np.asarray(array, order="C"), info.name)
            (data / f"{prefix}_{number}.pb").write_bytes(tensor.SerializeToString())
    (folder / "data.json").write_text(json.dumps(TOLERANCE) + "\n", encoding="utf-8")


def write_cases(count: int, root: Path) -> "tuple[dict[str, NodeCase], list[str]]":
    """All cases by name, and the versions of operators that no public program takes."""
    cases: "dict[str, NodeCase]" = {}
    unjudged: "list[str]" = []
    for operator in sorted(GENERATORS):
        for version in versions(operator):
            before = len(cases)
            for number, case in enumerate(nodes(operator, version, count)):
                outputs = expected(case)
                if outputs is not None:
                    name = f"{operator}-{version}-{number}"
                    write_case(case, outputs, root / name)
                    cases[name] = case
            if len(cases) == before:
                unjudged.append(f"{operator}-{version}")
    return cases, unjudged


def check_engine(checks: Checks, onnxcnn: Onnxcnn, engine: str, root: Path, cases: "dict[str, NodeCase]") -> None:
    done = onnxcnn("verify", "--cases", root, "--engine", engine, "--json")
    with checks.guarded(f"{engine}: a report"):
        entries = {str(entry["name"]).rstrip("/").rsplit("/", 1)[-1]: entry for entry in done.json["cases"]}
        for name, case in cases.items():
            entry = entries.get(name, {"status": "missing"})
            detail = "" if entry["status"] == "passed" else f"{entry['status']}: {entry.get('message')}\n{case.described()}"
            checks.check(f"{engine}: {name}", entry["status"] == "passed", detail)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_binary_option(parser)
    parser.add_argument("--cases-per-version", type=int, default=6, metavar="N")
    parser.add_argument("--engine", choices=("reference", "runtime", "both"), default="both")
    parser.add_argument("--torch", action="store_true", help="accepted for Tools/test; changes nothing")
    parser.add_argument("--verbose", action="store_true", help="a line for each case that passed, too")
    options = parser.parse_args()

    onnxcnn = find_binary(options.onnxcnn)
    checks = Checks("oracle_random_nodes", verbose=options.verbose)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        cases, unjudged = write_cases(options.cases_per_version, root)
        for engine in ("reference", "runtime") if options.engine == "both" else (options.engine,):
            check_engine(checks, onnxcnn, engine, root, cases)
    if unjudged:
        print(f"no public program takes: {', '.join(unjudged)}")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
