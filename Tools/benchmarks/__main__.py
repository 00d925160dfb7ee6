"""onnxcnn beside ONNX Runtime, OpenVINO, ncnn and tract: latency, throughput, start, memory, accuracy; and the targets.

All runtimes compute float32 on the same cores and take turns, a fraction of a second each, round by round. Networks with seeded
weights are made once, in .build-bench; model files of your own may be named instead. The tables go to standard output,
progress to standard error, every raw number to the file of --json. The exit code is 1 when outputs disagree.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import signal
import sys
import tempfile
from importlib import util
from itertools import chain, count
from pathlib import Path
from types import FrameType
from typing import Any, Callable, Optional

from benchmarks import accuracy, growth, latency, machine, networks, profile, start, targets
from benchmarks.contenders import Absent
from benchmarks.networks import Network, NetworkError
from benchmarks.peers import PEERS
from benchmarks.report import markdown
from benchmarks.settings import Settings, progress
from oracles.command import add_binary_option, find_binary

BATCH = 32


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="Tools/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_binary_option(parser)
    parser.add_argument(
        "models", type=Path, nargs="*", metavar="MODEL.onnx", help="model files of your own, in place of the networks"
    )
    parser.add_argument("--networks", nargs="+", choices=networks.KNOWN, metavar="NAME", help=f"of {', '.join(networks.KNOWN)}")
    parser.add_argument("--threads", type=positive, nargs="+", help="numbers of threads (default: 1 2)")
    parser.add_argument("--batch", type=positive, nargs="+", help=f"batch sizes (default: 1 {BATCH}; with --quick 1)")
    parser.add_argument("--rounds", type=positive, help="how often everyone takes a turn (default: 5; with --quick 2)")
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), metavar="PEER", help=f"of {', '.join(PEERS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help=f"two rounds, batch 1, of {', '.join(networks.QUICK)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where every number goes")
    options = parser.parse_args()
    cores = len(machine.physical_cores())
    if options.threads and max(options.threads) > cores:
        parser.error(f"--threads {max(options.threads)}: this machine has {cores} cores for it")
    return options


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def chosen(options: argparse.Namespace) -> tuple[list[Network], dict[str, str]]:
    """The networks to measure, and those that cannot be, with the reason."""
    names = options.networks or ([] if options.models else networks.QUICK if options.quick else networks.CANON)
    found: list[Network] = []
    for path in options.models:
        found.append(networks.own_network(path, own_name(path, {*names, *(other.name for other in found)})))
    missing: dict[str, str] = {}
    failures = networks.make_torchvision([name for name in names if name in networks.TORCHVISION])
    for name in names:
        if name in failures:
            missing[name] = failures[name]
            progress(f"{name}: {failures[name]}")
            continue
        try:
            found.append(networks.network(name))
        except Exception as error:  # Whatever fails in making one network, the others are measured.
            missing[name] = f"{type(error).__name__}: {error}"
            progress(f"{name}: {missing[name]}")
    return found, missing


def own_name(path: Path, taken: set[str]) -> str:
    """Two files of one name in different folders are two networks."""
    names = chain([path.stem, f"{path.resolve().parent.name}-{path.stem}"], (f"{path.stem}-{index}" for index in count(2)))
    return next(name for name in names if name not in taken)


def measure(settings: Settings, network: Network) -> dict[str, Any]:
    """Everything about one network, the cheap and important first."""
    entry: dict[str, Any] = {
        "model": {"file": network.path.name, "bytes": network.path.stat().st_size, "source": network.source},
        "latency": [],
        "skipped": [],
    }
    batches = [batch for batch in settings.batches if batch == 1 or network.has_free_batch]
    if len(batches) < len(settings.batches):
        entry["skipped"].append("batches: its inputs have a fixed first axis")
    outputs: accuracy.Outputs = {}
    for batch in batches:
        for threads in settings.threads:
            progress(f"  batch {batch}, threads {threads}")
            line, outputs[batch] = latency.measure(settings, network, threads, batch, entry["latency"])
            entry["latency"].append(line)
    parts: dict[str, Callable[[], Any]] = {
        "profile": lambda: profile.measure(settings, network),
        "start": lambda: start.measure(settings, network),
        "accuracy": lambda: accuracy.measure(settings, network, outputs),
    }
    if {1, 2} <= set(settings.threads):
        parts["threads"] = lambda: growth.with_threads(settings, network, single_ms(settings, entry))
    if not settings.quick and network.has_free_batch:
        parts["growth"] = lambda: growth.with_batch(settings, network, single_ms(settings, entry))
    for name, part in parts.items():
        progress(f"  {name}")
        try:
            entry[name] = part()
        except Absent as reason:
            entry["skipped"].append(f"{name}: {reason}")
    settings.forget(network)
    return entry


def single_ms(settings: Settings, entry: dict[str, Any]) -> float:
    """About what one image takes on all threads; a millisecond if it was not measured."""
    for line in entry["latency"]:
        if line["batch"] == 1 and line["threads"] == settings.most_threads:
            return latency.medians(line).get(latency.OURS, 1.0)
    return 1.0


def run(options: argparse.Namespace, results: dict[str, Any], scratch: Path) -> None:
    cores = len(machine.physical_cores())
    peers = list(PEERS) if options.peers is None else list(dict.fromkeys(options.peers))
    settings = Settings(
        onnxcnn=find_binary(options.onnxcnn),
        threads=sorted(set(options.threads or [threads for threads in (1, 2) if threads <= cores])),
        batches=sorted(set(options.batch or ([1] if options.quick else [1, BATCH]))),
        rounds=options.rounds or (2 if options.quick else 5),
        peers=peers,
        quick=options.quick,
        scratch=scratch,
        absent_peers={peer: "its Python package is not installed" for peer in peers if util.find_spec(peer) is None},
    )
    version = settings.onnxcnn("doctor", "--json")
    if version.code != 0:
        raise SystemExit(f"error: {version.described()}")
    results.update({
        "schema": 1,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": machine.commit(),
        "command": shlex.join(["Tools/bench", *sys.argv[1:]]),
        "onnxcnn": version.json["version"],
        "options": {
            "threads": settings.threads, "batches": settings.batches, "rounds": settings.rounds, "peers": peers,
            "quick": settings.quick,
        },
        "machine": machine.facts(),
        "versions": machine.versions(),
        "absent_peers": settings.absent_peers,
        "missing_networks": {},
        "networks": {},
    })  # fmt: skip
    for peer, reason in settings.absent_peers.items():
        progress(f"{peer}: {reason}")
    found, results["missing_networks"] = chosen(options)
    for index, network in enumerate(found):
        progress(f"[{index + 1}/{len(found)}] {network.name}")
        results["networks"][network.name] = measure(settings, network)
    if not options.models:
        progress("chains of layers")
        try:
            results["chain"] = growth.with_layers(settings)
        except Absent as reason:
            results["missing_networks"]["chain"] = str(reason)


def write(options: argparse.Namespace, results: dict[str, Any]) -> None:
    results["targets"] = [verdict.as_json() for verdict in targets.verdicts(results)]
    print(markdown(results), flush=True)
    if options.json is not None:
        partial = options.json.with_name(options.json.name + ".partial")
        partial.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        os.replace(partial, options.json)


def main() -> int:
    options = parse()

    def end(number: int, frame: Optional[FrameType]) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    results: dict[str, Any] = {}
    networks.FOLDER.mkdir(exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=networks.FOLDER, prefix="run-") as scratch:
            run(options, results, Path(scratch))
    except NetworkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        progress("interrupted")
        if results.get("networks"):
            write(options, results)
        return 130
    write(options, results)
    compared = [network["accuracy"] for network in results["networks"].values() if "accuracy" in network]
    return 1 if any(accuracy.disagreements(entry) for entry in compared) else 0


if __name__ == "__main__":
    sys.exit(main())
