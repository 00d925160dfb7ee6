#!/usr/bin/env python3
"""Runs the public ONNX backend cases in scope through onnxcnn, once per engine, and prints a table by operator.

    .venv/bin/python Tools/conformance.py [--onnxcnn PATH] [--engine reference|runtime|both] [--list-failures]

The 1,021 cases are made once in .build-conformance/ from the onnx wheel (see oracles/conformance_cases.py); each engine
then takes one process for all of them, and every case is judged by its own tolerance (ONNX's default: rtol 1e-3, atol 1e-7).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import onnx
from oracles import conformance_cases
from oracles.command import Onnxcnn, add_binary_option, find_binary

ROOT = Path(__file__).resolve().parent.parent
OPERATOR_LIST = ROOT / "Tools" / "conformance-operators.txt"
CASES_FOLDER = ROOT / ".build-conformance"
STATUSES = ("passed", "failed", "unsupported", "error")


def cases_folder() -> "tuple[Path, list[dict[str, Any]]]":
    """The folder of all cases and their index, made when missing or made by another version of what decides them."""
    ingredients = [OPERATOR_LIST.read_bytes(), Path(conformance_cases.__file__).read_bytes(), onnx.__version__.encode()]
    digest = hashlib.sha256(b"\0".join(ingredients)).hexdigest()[:16]
    folder = CASES_FOLDER / digest
    index = folder / "index.json"
    if not index.exists():
        print(f"making the cases in {folder} with onnx {onnx.__version__}", file=sys.stderr)
        cases = conformance_cases.cases_in_scope(conformance_cases.operators_in_scope(OPERATOR_LIST))
        conformance_cases.check_counts(cases)
        if CASES_FOLDER.exists():
            shutil.rmtree(CASES_FOLDER)  # Cases of an older selection are of no use to anyone.
        conformance_cases.write_cases(cases, folder)
    return folder, json.loads(index.read_text(encoding="utf-8"))


def statuses(onnxcnn: Onnxcnn, engine: str, folder: Path, index: "list[dict[str, Any]]") -> "dict[str, tuple[str, str]]":
    """Each case's status and message. A case that the tool does not report counts as an error: nothing passes by omission."""
    done = onnxcnn("verify", "--cases", folder, "--engine", engine, "--json")
    try:
        report = done.json
    except ValueError as error:
        raise SystemExit(f"error: no JSON came back\n{done.described()}") from error
    if report.get("schema") != 1:
        raise SystemExit(f"error: the report's schema is {report.get('schema')}, not 1")
    known = {case["name"] for case in index}
    found: "dict[str, tuple[str, str]]" = {}
    for entry in report["cases"]:
        # The tool may name a case by its path; the folder's own name is unique in the index.
        name = str(entry["name"]).rstrip("/").rsplit("/", 1)[-1]
        if name not in known or entry["status"] not in STATUSES or name in found:
            raise SystemExit(f"error: unexpected report entry {entry}")
        found[name] = (entry["status"], str(entry.get("message") or ""))
    for name in known - found.keys():
        found[name] = ("error", "not in the tool's report")
    everything_passed = all(status == "passed" for status, _ in found.values())
    if (done.code == 0) != everything_passed:
        raise SystemExit(f"error: exit code {done.code} contradicts the report")
    return found


def print_table(index: "list[dict[str, Any]]", results: "dict[str, dict[str, tuple[str, str]]]") -> None:
    """One line an operator: a case counts for every operator in it."""
    by_operator: "dict[str, list[str]]" = defaultdict(list)
    for case in index:
        for operator in case["operators"]:
            by_operator[operator].append(case["name"])
    engines = list(results)
    print(f"{'operator':24}{'cases':>6}" + "".join(f"{engine:>11}{'failed':>8}{'unsup.':>8}{'error':>7}" for engine in engines))
    for operator in sorted(by_operator):
        names = by_operator[operator]
        line = f"{operator:24}{len(names):>6}"
        for engine in engines:
            counts = Counter(results[engine][name][0] for name in names)
            line += f"{counts['passed']:>11}{counts['failed']:>8}{counts['unsupported']:>8}{counts['error']:>7}"
        print(line)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_binary_option(parser)
    parser.add_argument("--torch", action="store_true", help="accepted for Tools/test; nothing here needs PyTorch")
    parser.add_argument("--engine", choices=("reference", "runtime", "both"), default="both")
    parser.add_argument("--list-failures", action="store_true", help="print every case that did not pass, with its message")
    parser.add_argument("--cases-only", action="store_true", help="make the cases, print their folder and stop")
    options = parser.parse_args()

    folder, index = cases_folder()
    if options.cases_only:
        print(folder)
        return 0
    onnxcnn = find_binary(options.onnxcnn)
    engines = ("reference", "runtime") if options.engine == "both" else (options.engine,)
    results: "dict[str, dict[str, tuple[str, str]]]" = {}
    seconds: "dict[str, float]" = {}
    for engine in engines:
        start = time.monotonic()
        results[engine] = statuses(onnxcnn, engine, folder, index)
        seconds[engine] = time.monotonic() - start

    print_table(index, results)
    for engine in engines:
        if options.list_failures:
            for name, (status, message) in sorted(results[engine].items()):
                if status != "passed":
                    print(f"{engine}: {status}: {name}: {message}")
    failures = 0
    for engine in engines:
        counts = Counter(status for status, _ in results[engine].values())
        failures += len(index) - counts["passed"]
        print(
            f"{engine}: {counts['passed']} passed, {counts['failed'] + counts['error']} failed, "
            f"{counts['unsupported']} unsupported of {len(index)} cases in {seconds[engine]:.1f} s"
        )
    passed = sum(status == "passed" for engine in engines for status, _ in results[engine].values())
    print(f"conformance: {passed} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
