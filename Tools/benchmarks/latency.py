"""Turns: every contender runs for a fraction of a second, one after the other, round by round on the same cores.

A machine's speed drifts from minute to minute and a shared one is disturbed; what is compared has run within the same seconds.
"""

from __future__ import annotations

import contextlib
import math
import statistics
from functools import partial
from typing import Any, Callable, Iterator, Optional

import numpy as np

from benchmarks.contenders import LABELS, Absent, Contender, OnnxcnnContender, PeerContender, Task
from benchmarks.networks import Network
from benchmarks.settings import Settings

OURS, STRICT = "onnxcnn", "onnxcnn strict"
#: A turn runs for about so long, but so often at the least and at the most.
TURN_MS, WARMUP_MS = 200.0, 50.0
FEWEST_RUNS, MOST_RUNS = 3, 2000
#: A run beyond this needs no company: its length averages what disturbs it.
LONG_RUN_MS = 400.0
#: Batches and very long runs get fewer rounds, or they alone would take an hour.
BATCH_ROUNDS, VERY_LONG_ROUNDS, VERY_LONG_RUN_MS = 3, 2, 1500.0
#: A peer this much slower than the best is not measured again: it cannot become the best one.
HOPELESS = 2.0


def measure(
    settings: Settings, network: Network, threads: int, batch: int, known: list[dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]]:
    """One line of the table: rounds of turns at one number of threads and one batch.

    - Parameter known: the network's lines so far. They tell which peer is hopeless, and about what a large batch takes.
    - Returns: the line, and what each peer computed.
    """
    task = settings.task(network, threads, batch)
    single = next((line for line in known if line["threads"] == threads and line["batch"] == 1), None)
    absent: dict[str, str] = {}
    with contextlib.ExitStack() as stack, settings.on_cores(threads):
        contenders: list[Contender] = []
        for label, make in _makers(settings, network, task, batch, single):
            try:
                contender = make()
            except Absent as reason:
                absent[label] = str(reason)
                continue
            stack.callback(contender.close)
            contenders.append(contender)
        rounds = _rounds(min(settings.rounds, BATCH_ROUNDS if batch > 1 else settings.rounds), contenders, absent)
        outputs: dict[str, list[np.ndarray]] = {}
        for contender in contenders:
            if isinstance(contender, PeerContender) and contender.label not in absent:
                try:
                    outputs[contender.label] = contender.outputs(settings.scratch)
                except Absent as reason:
                    absent[contender.label] = str(reason)
    return {"threads": threads, "batch": batch, "rounds": rounds, "absent": absent}, outputs


def _makers(
    settings: Settings, network: Network, task: Task, batch: int, single: Optional[dict[str, Any]]
) -> Iterator[tuple[str, Callable[[], Contender]]]:
    """Every contender's label, and how it is started; that raises `Absent` if it is not there."""
    ours = medians(single).get(OURS) if single else None
    expected_ms = ours * batch if ours is not None and batch > 1 else None
    yield OURS, partial(OnnxcnnContender, settings.onnxcnn, task, "fast", expected_ms)
    if batch == 1:
        yield STRICT, partial(OnnxcnnContender, settings.onnxcnn, task, "strict", None)
    for peer in settings.peers:
        yield LABELS[peer], partial(_peer, settings, peer, network, task, batch, single)


def _peer(
    settings: Settings, peer: str, network: Network, task: Task, batch: int, single: Optional[dict[str, Any]]
) -> PeerContender:
    if peer in settings.absent_peers:
        raise Absent(settings.absent_peers[peer])
    if single and batch > 1 and LABELS[peer] in _hopeless(medians(single)):
        raise Absent(f"more than {HOPELESS:g} times the best at batch 1")
    folder = settings.scratch / f"{network.name}-{task.threads}-{batch}-{peer}"
    folder.mkdir(exist_ok=True)
    return PeerContender(peer, settings.peer_task(peer, task, network), folder)


def _rounds(count: int, contenders: list[Contender], absent: dict[str, str]) -> list[dict[str, Any]]:
    rounds: list[dict[str, Any]] = []
    while contenders and len(rounds) < count:
        # Each round begins with another contender: whoever follows a long turn meets warmer or colder cores.
        first = len(rounds) % len(contenders)
        turns: dict[str, Any] = {}
        for contender in contenders[first:] + contenders[:first]:
            try:
                turn = contender.turn(*_size(contender.expected_ms))
            except Absent as reason:
                absent[contender.label] = str(reason)
                continue
            contender.expected_ms = turn.median_ms
            turns[contender.label] = turn.as_json()
        rounds.append(turns)
        times = {label: turn["median_ms"] for label, turn in turns.items()}
        if max(times.values(), default=0) > VERY_LONG_RUN_MS:
            count = min(count, VERY_LONG_ROUNDS)
        dropped = {*_hopeless(times), *absent}
        contenders = [contender for contender in contenders if contender.label not in dropped]
    return rounds


def _size(expected_ms: float) -> tuple[int, int]:
    """How many runs are measured in a turn, and how many run before. Everyone has run once when a turn begins."""
    if expected_ms > LONG_RUN_MS:
        return 1, 0

    def fitting(milliseconds: float, least: int) -> int:
        return min(MOST_RUNS, max(least, math.ceil(milliseconds / max(expected_ms, 1e-3))))

    return fitting(TURN_MS, FEWEST_RUNS), fitting(WARMUP_MS, 1)


def _hopeless(times: dict[str, float]) -> set[str]:
    peers = {label: milliseconds for label, milliseconds in times.items() if not label.startswith(OURS)}
    best = min(peers.values(), default=0)
    return {label for label, milliseconds in peers.items() if milliseconds > HOPELESS * best}


def medians(line: dict[str, Any], of_peers: bool = False) -> dict[str, float]:
    """Each contender's median over the rounds, in milliseconds a run."""
    found: dict[str, list[float]] = {}
    for turns in line["rounds"]:
        for label, turn in turns.items():
            if not (of_peers and label.startswith(OURS)):
                found.setdefault(label, []).append(turn["median_ms"])
    return {label: statistics.median(values) for label, values in found.items()}


def ratios(line: dict[str, Any], ours: str = OURS, to: Optional[str] = None) -> list[float]:
    """Round by round, our time over that of the best peer of the round, or of the contender named `to`."""
    found: list[float] = []
    for turns in line["rounds"]:
        others = [turn["median_ms"] for label, turn in turns.items() if (label == to if to else not label.startswith(OURS))]
        if ours in turns and others:
            found.append(turns[ours]["median_ms"] / min(others))
    return found


def spread(values: list[float]) -> float:
    """The interquartile range, relative to the median; 0 for fewer than two values."""
    if len(values) < 2:
        return 0.0
    first, middle, third = statistics.quantiles(values, n=4, method="inclusive")
    return (third - first) / middle
