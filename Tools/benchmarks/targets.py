"""What onnxcnn is meant to reach, and whether the numbers of this run do."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass
from typing import Any, Callable, Iterable, Optional

from benchmarks.accuracy import THRESHOLD, disagreements
from benchmarks.latency import OURS, STRICT, ratios
from benchmarks.start import FROM_ARCHIVE, FROM_ONNX

MET, NOT_MET, NOT_MEASURED = "met", "not met", "not measured"
TINY = "lenet5"
LARGE_FILE = "vgg19"
#: The runtime that start times are compared with.
START_RIVAL = "ONNX Runtime"
#: A network is bound by its convolutions when they take this share of its time on one thread.
CONVOLUTION_BOUND = 0.8
MEBI = 1 << 20


@dataclass(frozen=True)
class Verdict:
    target: str
    status: str
    detail: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def verdicts(results: dict[str, Any]) -> list[Verdict]:
    networks: dict[str, Any] = results["networks"]
    return [
        *(_every_latency(networks, threads) for threads in results["options"]["threads"]),
        *(_mean_latency(networks, threads) for threads in results["options"]["threads"]),
        *(_throughput(networks, threads) for threads in results["options"]["threads"]),
        _scaling(networks),
        *(_tiny(networks, threads) for threads in results["options"]["threads"]),
        _start(networks, FROM_ARCHIVE, 0.25),
        _start(networks, FROM_ONNX, 1 / 3),
        _memory(networks),
        _memory_plan(networks),
        _batches(networks),
        _chain(results.get("chain")),
        _strict(networks),
        _agreement(networks),
    ]


# MARK: latency


def ratio(network: dict[str, Any], threads: int, batch: int, ours: str = OURS, to: Optional[str] = None) -> Optional[float]:
    """The median over the rounds of our time over the best peer's."""
    found = next((line for line in network.get("latency", []) if line["threads"] == threads and line["batch"] == batch), None)
    values = ratios(found, ours, to) if found else []
    return statistics.median(values) if values else None


def geometric_mean(values: Iterable[float]) -> float:
    return math.exp(statistics.fmean(math.log(value) for value in values))


def _ratios(networks: dict[str, Any], threads: int, batch: int) -> dict[str, float]:
    found = {name: ratio(network, threads, batch) for name, network in networks.items()}
    return {name: value for name, value in found.items() if value is not None}


def _every_latency(networks: dict[str, Any], threads: int) -> Verdict:
    found = _ratios(networks, threads, 1)
    return _all_of(
        f"latency on {_threads(threads)}: no slower than the best peer, every network", found, lambda value: value <= 1
    )


def _mean_latency(networks: dict[str, Any], threads: int) -> Verdict:
    target = f"latency on {_threads(threads)}: geometric mean at most 0.75 of the best peer"
    found = _ratios(networks, threads, 1)
    if not found:
        return Verdict(target, NOT_MEASURED, "")
    mean = geometric_mean(found.values())
    return _verdict(target, mean <= 0.75, f"{mean:.3f} over {len(found)} networks")


def _throughput(networks: dict[str, Any], threads: int) -> Verdict:
    target = f"batch 32 on {_threads(threads)}: images a second at least 1.2 times the best peer in the geometric mean"
    found = _ratios(networks, threads, 32)
    if not found:
        return Verdict(target, NOT_MEASURED, "")
    mean = 1 / geometric_mean(found.values())
    each = ", ".join(f"{name} {1 / value:.2f}" for name, value in found.items())
    return _verdict(target, mean >= 1.2, f"{mean:.3f} over {len(found)} networks ({each})")


def _tiny(networks: dict[str, Any], threads: int) -> Verdict:
    found = ratio(networks.get(TINY, {}), threads, 1)
    target = f"{TINY} on {_threads(threads)}: at most 0.5 of the best peer"
    return Verdict(target, NOT_MEASURED, "") if found is None else _verdict(target, found <= 0.5, f"{found:.2f}")


def _scaling(networks: dict[str, Any]) -> Verdict:
    """The median over pairs of turns."""
    found: dict[str, float] = {}
    for name, network in networks.items():
        share = network.get("profile", {}).get("convolution_share", 0)
        pairs = network.get("threads", [])
        if name != TINY and share >= CONVOLUTION_BOUND and pairs:
            found[name] = statistics.median(pair["1"] / pair["2"] for pair in pairs)
    target = (
        f"two threads at least 1.8 times one, where convolutions take {CONVOLUTION_BOUND:.0%} of the time or more "
        f"(without {TINY}, which has its own target)"
    )
    return _all_of(target, found, lambda value: value >= 1.8)


def _strict(networks: dict[str, Any]) -> Verdict:
    found: dict[str, float] = {}
    for name, network in networks.items():
        for line in network.get("latency", []):
            values = ratios(line, STRICT, OURS) if line["batch"] == 1 else []
            if values:
                found[f"{name} ({line['threads']})"] = statistics.median(values)
    return _all_of("strict within 2 times of fast (threads in brackets)", found, lambda value: value <= 2)


# MARK: start and memory


def _start(networks: dict[str, Any], ours: str, limit: float) -> Verdict:
    target = f"{LARGE_FILE}, process start to first result, {ours}: at most {limit:.2f} of {START_RIVAL}"
    rounds = networks.get(LARGE_FILE, {}).get("start", {}).get("rounds", [])
    pairs = [(times[ours], times[START_RIVAL]) for times in rounds if ours in times and START_RIVAL in times]
    if not pairs:
        return Verdict(target, NOT_MEASURED, "")
    value = statistics.median(mine / theirs for mine, theirs in pairs)
    mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return _verdict(target, value <= limit, f"{value:.2f} ({mine:.0f} ms to {theirs:.0f} ms)")


def memory_limit(memory: dict[str, Any]) -> float:
    return 1.15 * (memory["weights_bytes"] + memory["activations_bytes"]) + 30 * MEBI


def _memory(networks: dict[str, Any]) -> Verdict:
    found: dict[str, float] = {}
    for name, network in networks.items():
        for label in (FROM_ONNX, FROM_ARCHIVE):
            memory = network.get("start", {}).get("memory", {}).get(label)
            if memory and memory.get("peak_resident_bytes"):
                found[f"{name} {label.rsplit(' ', 1)[1]}"] = memory["peak_resident_bytes"] / memory_limit(memory)
    target = "peak resident memory at most 1.15 x (weights + planned activations) + 30 MiB (the number is peak/limit)"
    return _all_of(target, found, lambda value: value <= 1)


def _memory_plan(networks: dict[str, Any]) -> Verdict:
    found: dict[str, float] = {}
    for name, network in networks.items():
        memory = network.get("start", {}).get("memory", {}).get(FROM_ONNX)
        if memory and memory["activations_lower_bound_bytes"]:
            found[name] = memory["activations_bytes"] / memory["activations_lower_bound_bytes"]
    return _all_of("memory plan within 5 % of the largest live set", found, lambda value: value <= 1.05)


# MARK: growth


def _batches(networks: dict[str, Any]) -> Verdict:
    found: dict[str, float] = {}
    for name, network in networks.items():
        growth = network.get("growth")
        if growth:
            found[name] = growth["ms_a_sample"]["64"] / growth["ms_a_sample"]["4"]
    target = "time linear in the batch: a sample of 64 costs what one of 4 does, +-10 %"
    verdict = _all_of(target, found, lambda value: 0.9 <= value <= 1.1)
    slower = [name for name, value in found.items() if value > 1.1]
    if verdict.status == NOT_MET and not slower:
        return Verdict(target, NOT_MET, verdict.detail + "; outside are only networks that get cheaper a sample")
    return verdict


def _chain(chain: Optional[list[dict[str, float]]]) -> Verdict:
    target = "a chain of 10,000 layers is opened, compiled and packed in under a second, in linear time"
    if not chain:
        return Verdict(target, NOT_MEASURED, "")
    seconds = {int(entry["layers"]): entry["ready"] * 1e-3 for entry in chain}
    least, most = min(seconds), max(seconds)
    growth = (seconds[most] / most) / (seconds[least] / least)
    detail = ", ".join(f"{layers}: {value:.3f} s" for layers, value in seconds.items())
    # Linear as the batch is judged, but upwards only: a fixed part makes small chains dearer a layer.
    return _verdict(
        target, seconds[most] < 1 and growth <= 1.1, f"{detail}; a layer of {most} costs {growth:.2f} of one of {least}"
    )


# MARK: agreement


def _agreement(networks: dict[str, Any]) -> Verdict:
    target = f"all outputs agree within {THRESHOLD:g} of the largest output (the relative tolerance of ONNX's backend tests)"
    measured = {name: network["accuracy"] for name, network in networks.items() if "accuracy" in network}
    if not measured:
        return Verdict(target, NOT_MEASURED, "")
    wrong = [f"{name} {text}" for name, accuracy in measured.items() for text in disagreements(accuracy)]
    compared = sum(len(accuracy["errors"]) for accuracy in measured.values())
    return _verdict(target, not wrong, "; ".join(wrong) or f"{compared} results of {len(measured)} networks")


# MARK: wording


def _threads(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def _verdict(target: str, met: bool, detail: str) -> Verdict:
    return Verdict(target, MET if met else NOT_MET, detail)


def _all_of(target: str, found: dict[str, float], holds: Callable[[float], bool]) -> Verdict:
    """Met if it holds for all. The numbers that miss stand first."""
    if not found:
        return Verdict(target, NOT_MEASURED, "")
    missed = [name for name, value in found.items() if not holds(value)]
    parts = []
    if missed:
        parts.append(f"{len(found) - len(missed)} of {len(found)}; missed by " + _list(found, missed))
    parts.append(("reached by " if missed else "") + _list(found, [name for name in found if name not in missed]))
    return _verdict(target, not missed, "; ".join(part for part in parts if not part.endswith("by ")))


def _list(found: dict[str, float], names: list[str]) -> str:
    return ", ".join(f"{name} {found[name]:.2f}" for name in names)
