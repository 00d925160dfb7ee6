#!/usr/bin/env python3
"""Real networks through onnxcnn and ONNX Runtime, with the largest difference of each.

    .venv/bin/python Tools/oracle_networks.py [--onnxcnn PATH] [--torch] [--only NAME …]

1. The nine architectures in the onnx wheel as they are, against the outputs shipped beside them.
2. The same with seeded random weights, in files of their true size, against ONNX Runtime with optimisations off.
3. With --torch: torchvision's AlexNet, VGG-16, ResNet-18 and DenseNet-121 by both of PyTorch's exporters, against both.

Every network is run (`onnxcnn run`, compared here) and verified (`onnxcnn verify`, which must come to the same verdict).
The random networks stay in .build-oracles/ (1.4 GB), which makes the second run fast.

Tolerances. 1: those of ONNX's own backend test (rtol 1e-3, atol 1e-7; DenseNet-121 rtol 2e-3). 2 and 3: the default of
`onnxcnn verify --tolerance fixed`, rtol 1e-3 and atol 1e-5 times the reference's largest magnitude: float32 rounding in another order of
summation. As a yardstick the table shows how far ONNX Runtime with optimisations is from itself without.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from oracles.array_files import write_npz
from oracles.checks import Checks
from oracles.command import Onnxcnn, add_binary_option, find_binary
from oracles.light_networks import (
    LARGEST_RMS,
    SMALLEST_RMS,
    RandomNetwork,
    light_networks,
    random_network,
)
from oracles.reference_run import PROVENANCE, evaluate, provenance

ROOT = Path(__file__).resolve().parent.parent
NETWORKS = ROOT / ".build-oracles" / "networks"
SEED = 20
THREADS = 2
BATCH = 2
#: What `onnxcnn verify --tolerance fixed` states in its help.
VERIFY_RTOL, VERIFY_ATOL_OF_LARGEST = 1e-3, 1e-5

#: The design's bounds for opening and checking the largest network, whose weights are 574 MB.
OPENING_SECONDS, OPENING_BYTES = 0.1, 60e6


def difference(ours: np.ndarray, reference: np.ndarray, rtol: float, atol: float) -> "tuple[bool, str]":
    """Whether they agree as numpy.allclose defines it, and the largest difference in words."""
    if ours.shape != reference.shape or ours.dtype != reference.dtype:
        return False, f"{ours.dtype}{list(ours.shape)} instead of {reference.dtype}{list(reference.shape)}"
    apart = np.abs(ours.astype(np.float64) - reference.astype(np.float64))
    largest = float(np.abs(reference).max())
    words = f"max difference {apart.max():.3g} ({apart.max() / max(largest, 1e-300):.2g} of the largest value)"
    return bool(np.allclose(ours, reference, rtol=rtol, atol=atol)), words


def run_network(onnxcnn: Onnxcnn, model: Path, name: str, value: np.ndarray, folder: Path) -> "tuple[np.ndarray, float]":
    """The only output of `onnxcnn run`, and the seconds the whole process took."""
    np.save(folder / "feed.npy", value)
    output = folder / "result.npy"
    output.unlink(missing_ok=True)
    start = time.monotonic()
    done = onnxcnn("run", model, "--input", f"{name}={folder / 'feed.npy'}", "-o", output)
    seconds = time.monotonic() - start
    if done.code != 0:
        raise RuntimeError(done.described())
    return np.load(output), seconds


def check_light_networks(checks: Checks, onnxcnn: Onnxcnn, only: "list[str]") -> None:
    print("networks of the onnx wheel as they are, against the shipped outputs")
    for network in light_networks():
        if only and network.name not in only:
            continue
        with checks.guarded(f"{network.name} as shipped"), tempfile.TemporaryDirectory() as name:
            input_name, value = network.input()
            ours, seconds = run_network(onnxcnn, network.path, input_name, value, Path(name))
            agrees, words = difference(ours, network.shipped_output(), network.rtol, network.atol)
            checks.check(f"{network.name} as shipped", agrees, f"{words}, {seconds:.1f} s")


def check_verify(checks: Checks, label: str, onnxcnn: Onnxcnn, model: Path, reference: Path) -> None:
    done = onnxcnn("verify", model, "--reference", reference, "--tolerance", "fixed", "--json")
    checks.check(
        f"{label}: verify agrees", done.code == 0 and done.json.get("schema") == 1, "" if done.code == 0 else done.described()
    )


def check_random_network(checks: Checks, onnxcnn: Onnxcnn, network: RandomNetwork) -> None:
    label = f"{network.name} with random weights"
    alive = SMALLEST_RMS <= network.smallest_rms and network.largest_rms <= LARGEST_RMS
    levels = f"activation RMS {network.smallest_rms:.2g} to {network.largest_rms:.2g}, {network.parameters:,} parameters"
    checks.check(f"{label}: activations stay alive", alive, levels)
    with np.load(network.reference, allow_pickle=False) as stored:
        (input_name, output_name) = [entry for entry in stored.files if entry != PROVENANCE]
        value, expected = stored[input_name], stored[output_name]
    with tempfile.TemporaryDirectory() as name:
        ours, seconds = run_network(onnxcnn, network.model, input_name, value, Path(name))
    agrees, words = difference(ours, expected, VERIFY_RTOL, VERIFY_ATOL_OF_LARGEST * float(np.abs(expected).max()))
    checks.check(label, agrees, f"{words}; ONNX Runtime against itself {network.own_spread:.3g}; {seconds:.1f} s")
    check_verify(checks, label, onnxcnn, network.model, network.reference)


def check_random_networks(checks: Checks, onnxcnn: Onnxcnn, only: "list[str]") -> None:
    print("the same with seeded random weights, against ONNX Runtime")
    for network in light_networks():
        if only and network.name not in only:
            continue
        with checks.guarded(f"{network.name} with random weights"):
            check_random_network(checks, onnxcnn, random_network(network, NETWORKS, SEED, THREADS))


def check_opening(checks: Checks, onnxcnn: Onnxcnn, only: "list[str]") -> None:
    """The weights of a large file are mapped, not copied: `inspect` of VGG-19 takes next to no time and memory."""
    if only and "vgg19" not in only:
        return
    (vgg19,) = [network for network in light_networks() if network.name == "vgg19"]
    with checks.guarded("vgg19 opens quickly"):
        model = random_network(vgg19, NETWORKS, SEED, THREADS).model
        done, usage = min((onnxcnn.measured("inspect", model) for _ in range(5)), key=lambda run: run[1].processor_seconds)
        size = f"{model.stat().st_size / 1e6:.0f} MB"
        words = (
            f"best of five {usage.processor_seconds:.3f} s of processor time ({usage.seconds:.3f} s on the clock), "
            f"{usage.private_bytes / 1e6:.1f} MB private memory for {size}"
        )
        fast = usage.processor_seconds < OPENING_SECONDS and usage.private_bytes < OPENING_BYTES
        checks.check("vgg19 opens quickly", done.code == 0 and fast, words if done.code == 0 else done.described())


def check_torch_networks(checks: Checks, onnxcnn: Onnxcnn, only: "list[str]") -> None:
    import torch  # Here, because the light oracles run without it.
    from oracles import torch_networks

    print("networks that torchvision builds and PyTorch exports, against ONNX Runtime and PyTorch")
    torch.set_num_threads(THREADS)
    for name in torch_networks.NAMES:
        if only and name not in only:
            continue
        network = torch_networks.network(name, SEED)
        value = torch_networks.images(BATCH, SEED)
        with torch.no_grad():
            torch_output = network(torch.from_numpy(value)).numpy()
        for exporter in torch_networks.EXPORTERS:
            label = f"{name} by the {exporter} exporter"
            with checks.guarded(label), tempfile.TemporaryDirectory() as folder_name:
                folder = Path(folder_name)
                model = folder / "model.onnx"
                torch_networks.export(network, model, exporter)
                expected = evaluate(model, {"image": value}, threads=THREADS)["logits"]
                optimised = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"]).run(
                    None, {"image": value}
                )[0]
                ours, seconds = run_network(onnxcnn, model, "image", value, folder)
                atol = VERIFY_ATOL_OF_LARGEST * float(np.abs(expected).max())
                agrees, words = difference(ours, expected, VERIFY_RTOL, atol)
                own = float(np.abs(optimised - expected).max())
                checks.check(label, agrees, f"{words}; ONNX Runtime against itself {own:.3g}; {seconds:.1f} s")
                agrees, words = difference(ours, torch_output, VERIFY_RTOL, atol)
                checks.check(f"{label}: PyTorch itself", agrees, words)
                facts = provenance(model=name, exporter=exporter, seed=SEED)
                write_npz(folder / "ref.npz", {"image": value, "logits": expected, PROVENANCE: facts})
                check_verify(checks, label, onnxcnn, model, folder / "ref.npz")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_binary_option(parser)
    parser.add_argument("--torch", action="store_true", help="networks exported by PyTorch too")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="only these networks")
    parser.add_argument("--make-only", action="store_true", help="make the random networks, print their folder and stop")
    options = parser.parse_args()
    if options.make_only:
        for network in light_networks():
            random_network(network, NETWORKS, SEED, THREADS)
        print(NETWORKS)
        return 0
    onnxcnn = find_binary(options.onnxcnn)
    checks = Checks("oracle_networks")
    check_light_networks(checks, onnxcnn, options.only)
    check_random_networks(checks, onnxcnn, options.only)
    check_opening(checks, onnxcnn, options.only)
    if options.torch:
        check_torch_networks(checks, onnxcnn, options.only)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
