"""What a run of the benchmark is asked to do, and where it keeps its files."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Iterator

from benchmarks import machine, ncnn_conversion
from benchmarks.contenders import Absent, Task
from benchmarks.networks import Network
from oracles.array_files import write_npz
from oracles.command import Onnxcnn


@dataclass
class Settings:
    onnxcnn: Onnxcnn
    threads: list[int]
    batches: list[int]
    rounds: int
    peers: list[str]
    quick: bool
    #: Inputs, outputs and archives; gone at the end.
    scratch: Path
    #: Peers that no network can have, with the reason.
    absent_peers: dict[str, str] = field(default_factory=dict)
    _inputs: dict[tuple[str, int], Path] = field(default_factory=dict)

    @property
    def most_threads(self) -> int:
        return max(self.threads)

    def cores(self, threads: int) -> list[int]:
        return machine.physical_cores()[:threads]

    @contextlib.contextmanager
    def on_cores(self, threads: int) -> Iterator[None]:
        with machine.pinned(self.cores(threads)):
            yield

    def task(self, network: Network, threads: int, batch: int) -> Task:
        """The network with seeded inputs, which every contender reads from the same file."""
        path = self._inputs.get((network.name, batch))
        if path is None:
            path = self.scratch / f"{network.name}-{batch}.npz"
            write_npz(path, network.feeds(batch))
            self._inputs[network.name, batch] = path
        return Task(network.path, path, list(network.shapes(batch)), network.outputs, threads)

    def peer_task(self, peer: str, task: Task, network: Network) -> Task:
        """What a peer needs besides: for ncnn its own files.

        - Raises: `Absent` if they cannot be made.
        """
        if peer != "ncnn":
            return task
        try:
            converted = ncnn_conversion.converted(network)
        except ncnn_conversion.ConversionError as error:
            raise Absent(str(error)) from error
        return replace(task, converted=converted)

    def forget(self, network: Network) -> None:
        """Deletes the network's inputs, which at a large batch are large."""
        for key in [key for key in self._inputs if key[0] == network.name]:
            self._inputs.pop(key).unlink(missing_ok=True)


def progress(text: str) -> None:
    """Says on standard error what begins, after the minutes and seconds since the start."""
    minutes, seconds = divmod(int(time.monotonic() - _BEGINNING), 60)
    print(f"{minutes:3}:{seconds:02}  {text}", file=sys.stderr, flush=True)


_BEGINNING = time.monotonic()
