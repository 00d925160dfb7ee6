#!/usr/bin/env python3
"""The command line's contract, end to end with the built binary: exit codes, streams, files, verdicts, bad input, arrays,
and the references that Tools/reference.py makes for it.

    .venv/bin/python Tools/oracle_cli.py [--onnxcnn PATH] [--only workflow verdicts compare bad_input hostile arrays reference]

What is checked is what `onnxcnn --help` and the README promise; the oracles are NumPy, onnx, ONNX Runtime and safetensors.
"""

from __future__ import annotations

import argparse
import sys

from oracles import cli_arrays, cli_bad_input, cli_compare, cli_hostile, cli_reference, cli_verdicts, cli_workflow
from oracles.checks import Checks
from oracles.command import add_binary_option, find_binary

PARTS = {
    "workflow": cli_workflow.run,
    "verdicts": cli_verdicts.run,
    "compare": cli_compare.run,
    "bad_input": cli_bad_input.run,
    "hostile": cli_hostile.run,
    "arrays": cli_arrays.run,
    "reference": cli_reference.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_binary_option(parser)
    parser.add_argument("--torch", action="store_true", help="accepted like every oracle script does; changes nothing here")
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), default=list(PARTS), help="only these parts")
    parser.add_argument("--failures", action="store_true", help="print failed checks only")
    options = parser.parse_args()
    onnxcnn = find_binary(options.onnxcnn)
    checks = Checks("oracle_cli", verbose=not options.failures)
    for part in options.only:
        PARTS[part](checks, onnxcnn)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
