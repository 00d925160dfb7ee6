"""onnxcnn beside ONNX Runtime, OpenVINO, ncnn and tract: latency, throughput, start, memory, accuracy; and the targets.

All runtimes compute float32 on the same cores and take turns, a fraction of a second each, round by round. Networks with seeded
weights are made once, in .build-bench; model files of your own may be named instead. The tables go to standard output,
progress to standard error, every raw number to the file of --json.
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
from pathlib import Path
from types import FrameType
from typing import Any, Optional

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
    found = [networks.own_network(path) for path in options.models]
    names = options.networks or ([] if options.models else networks.QUICK if options.quick else networks.CANON)
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
    for batch in batches:
        for threads in settings.threads:
            entry["latency"].append(latency.measure(settings, network, threads, batch, entry["latency"]))
    try:
        entry["profile"] = profile.measure(settings, network)
        archive = start.archived(settings, network)
        entry["start"] = start.measure(settings, network, archive)
        archive.unlink()
        entry["accuracy"] = accuracy.measure(settings, network, next((batch for batch in batches if batch > 1), None))
        if not settings.quick and network.has_free_batch:
            image_ms = entry["start"]["first_run_ms"].get(start.FROM_ONNX, 1.0)
            for line in entry["latency"]:
                if line["batch"] == 1 and line["threads"] == settings.most_threads:
                    image_ms = latency.medians(line).get(latency.OURS, image_ms)
            entry["growth"] = growth.with_batch(settings, network, image_ms)
    except Absent as reason:
        entry["skipped"].append(str(reason))
    settings.forget(network)
    return entry


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
    return 0


if __name__ == "__main__":
    sys.exit(main())
