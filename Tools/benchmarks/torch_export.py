"""Exports one torchvision network with seeded weights: `python -m benchmarks.torch_export NAME SEED PATH`."""

from __future__ import annotations

import sys
from pathlib import Path

from oracles.torch_networks import export, network

if __name__ == "__main__":
    name, seed, path = sys.argv[1:]
    export(network(name, int(seed)), Path(path), "torchscript")
