#!/usr/bin/env python3
"""Every operator in every version of its definition: signatures against ONNX's schemas, values against its reference evaluator.

    .venv/bin/python Tools/oracle_operators.py [--onnxcnn PATH] [--only signatures values]

`signatures` compares the versions, formal inputs and outputs and element types that `onnxcnn operators --json` lists with
those of onnx.defs. `values` runs small cases of every version (see oracles/version_cases.py) by both engines.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from onnx import defs
from oracles import version_cases
from oracles.checks import Checks
from oracles.command import Onnxcnn, add_binary_option, find_binary

#: ONNX spells two types in its schemas as C++ does.
TYPE_NAMES = {"float": "float32", "double": "float64"}


def type_name(text: str) -> str:
    inner = text[len("tensor(") : -1]
    return TYPE_NAMES.get(inner, inner)


def schema_parameters(schema: Any, parameters: Any) -> "list[tuple[str, frozenset[str], str]]":
    """Name, tensor types and multiplicity of each formal parameter; sequences and optionals are out of scope."""
    variables = {item.type_param_str: item.allowed_type_strs for item in schema.type_constraints}
    multiplicities = {"Single": "one", "Optional": "optional"}
    return [
        (
            item.name,
            frozenset(
                type_name(text) for text in variables.get(item.type_str, [item.type_str]) if text.startswith("tensor(")
            ),
            multiplicities.get(item.option.name, f"at least {item.min_arity}"),
        )
        for item in parameters
    ]


def check_signatures(checks: Checks, onnxcnn: Onnxcnn) -> None:
    schemas: "dict[str, dict[int, Any]]" = {}
    for schema in defs.get_all_schemas_with_history():
        if schema.domain == "":
            schemas.setdefault(schema.name, {})[schema.since_version] = schema
    for operator in onnxcnn("operators", "--json").json["operators"]:
        name = operator["name"]
        known = schemas.get(name, {})
        problems = []
        # A definition that ONNX withdrew may be supported all the same.
        required = {version for version, schema in known.items() if not schema.deprecated}
        if not required <= set(operator["versions"]) <= known.keys():
            problems.append(f"versions {operator['versions']}, but ONNX has {sorted(known)}")
        for signature in operator["signatures"]:
            schema = known.get(signature["version"])
            if schema is None:
                continue
            for kind, formal in (("inputs", schema.inputs), ("outputs", schema.outputs)):
                expected = schema_parameters(schema, formal)
                actual = [(item["name"], frozenset(item["types"]), item["multiplicity"]) for item in signature[kind]]
                if expected != actual:
                    differing = [pair for pair in zip(expected, actual) if pair[0] != pair[1]] or [(expected, actual)]
                    problems.append(f"version {signature['version']} {kind}: {differing[0]}")
        checks.check(f"signatures of {name}", not problems, "\n".join(problems))


def check_values(checks: Checks, onnxcnn: Onnxcnn) -> None:
    with tempfile.TemporaryDirectory() as folder:
        counts = version_cases.write_cases(Path(folder))
        unjudged = {key for key, count in counts.items() if count == 0}
        checks.check(
            "every version has a case", unjudged == version_cases.WITHOUT_ORACLE, f"without: {sorted(unjudged)}"
        )
        for engine in ("reference", "runtime"):
            report = onnxcnn("verify", "--cases", folder, "--engine", engine, "--json").json
            passed: "Counter[tuple[str, int]]" = Counter()
            messages: "dict[tuple[str, int], str]" = {}
            for case in report["cases"]:
                name, version, _ = str(case["name"]).rstrip("/").rsplit("/", 1)[-1].split("_")
                if case["status"] == "passed":
                    passed[name, int(version)] += 1
                else:
                    messages.setdefault((name, int(version)), f"{case['name']}: {case['status']}: {case.get('message')}")
            for key, count in sorted(counts.items()):
                label = f"{engine}: {key[0]} version {key[1]}"
                if count:
                    checks.check(label, passed[key] == count, messages.get(key, f"{passed[key]} of {count} cases"))


PARTS = {"signatures": check_signatures, "values": check_values}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_binary_option(parser)
    parser.add_argument("--torch", action="store_true", help="accepted like every oracle script does; changes nothing here")
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), default=list(PARTS), help="only these parts")
    parser.add_argument("--failures", action="store_true", help="print failed checks only")
    options = parser.parse_args()
    onnxcnn = find_binary(options.onnxcnn)
    checks = Checks("oracle_operators", verbose=not options.failures)
    for part in options.only:
        PARTS[part](checks, onnxcnn)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
