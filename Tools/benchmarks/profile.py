"""Where the time goes: the steps of one image on one thread."""

from __future__ import annotations

from typing import Any

from benchmarks.contenders import bench
from benchmarks.networks import Network
from benchmarks.settings import Settings


def measure(settings: Settings, network: Network) -> dict[str, Any]:
    """The steps as `onnxcnn bench --profile` tells them, and the share of the time that convolutions take."""
    with settings.on_cores(1):
        found = bench(settings.onnxcnn, settings.task(network, 1, 1), "--runs", "5", "--profile")
    share = sum(step["share"] for step in found["profile"] if "Conv" in step["operators"])
    return {"convolution_share": share, "peak_gflops": found["peak_gflops"], "isa": found["isa"], "steps": found["profile"]}
