"""Runs the onnxcnn binary as a user's shell would, without colour, and measures it."""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Union

#: No single command of the oracle tests may take longer; a hang is a failure with a name.
TIMEOUT_SECONDS = 300


@dataclass(frozen=True)
class Finished:
    """What a finished command left behind. `code` is negative when a signal killed it."""

    arguments: "list[str]"
    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def described(self) -> str:
        """The command with its exit code and the ends of its streams, for a failure's message."""
        out = self.out[-1500:].decode("utf-8", "replace").strip()
        return f"onnxcnn {' '.join(self.arguments)} -> exit {self.code}\nstdout: {out}\nstderr: {self.err[-1500:].strip()}"


@dataclass(frozen=True)
class Usage:
    """Wall time, processor time, and the largest private memory seen at steps of a millisecond."""

    seconds: float
    #: User and system time of all threads: what the command costs, however busy the machine is.
    processor_seconds: float
    private_bytes: int


class Onnxcnn:
    def __init__(self, binary: Path) -> None:
        self.binary = binary

    def __call__(
        self,
        *arguments: "Union[str, Path]",
        cwd: "Optional[Path]" = None,
        stdin: bytes = b"",
        environment: "Optional[dict[str, str]]" = None,
    ) -> Finished:
        texts = [str(argument) for argument in arguments]
        try:
            done = subprocess.run(
                [str(self.binary), *texts],
                cwd=cwd,
                input=stdin,
                capture_output=True,
                timeout=TIMEOUT_SECONDS,
                env={**os.environ, "NO_COLOR": "1", **(environment or {})},
                check=False,
            )
        except subprocess.TimeoutExpired as expired:
            return Finished(texts, -1, expired.stdout or b"", f"no end after {TIMEOUT_SECONDS} s")
        return Finished(texts, done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))

    def measured(self, *arguments: "Union[str, Path]", cwd: "Optional[Path]" = None) -> "tuple[Finished, Usage]":
        """Runs without input and samples the process's private memory, which /proc tells only while it lives."""
        texts = [str(argument) for argument in arguments]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            start, processor_start = time.monotonic(), children_seconds()
            process = subprocess.Popen(
                [str(self.binary), *texts],
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, "NO_COLOR": "1"},
            )
            peak_private = 0
            while process.poll() is None and time.monotonic() - start < TIMEOUT_SECONDS:
                peak_private = max(peak_private, private_memory(process.pid))
                time.sleep(0.001)
            if process.poll() is None:
                process.kill()
                process.wait()
            seconds = time.monotonic() - start
            out.seek(0)
            err.seek(0)
            finished = Finished(texts, process.returncode, out.read(), err.read().decode("utf-8", "replace"))
        return finished, Usage(seconds, children_seconds() - processor_start, peak_private)


def children_seconds() -> float:
    """Processor time of all finished child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def private_memory(process: int) -> int:
    """The anonymous resident memory of a process in bytes; 0 where the system does not tell, or the process is gone."""
    try:
        for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    except (OSError, UnicodeDecodeError):
        pass
    return 0


def add_binary_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--onnxcnn",
        type=Path,
        metavar="PATH",
        help="the binary to test (default: the newest release build in this repository, else PATH)",
    )


def find_binary(given: Optional[Path]) -> Onnxcnn:
    """The binary that `--onnxcnn` names, else the newest one that was built here, else one on PATH."""
    if given is not None:
        if not os.access(given, os.X_OK):
            raise SystemExit(f"error: {given} is not an executable file")
        return Onnxcnn(given.resolve())
    root = Path(__file__).resolve().parent.parent.parent
    built = [path for folder in (".build-test", ".build") for path in root.glob(f"{folder}/release/onnxcnn")]
    if built:
        return Onnxcnn(max(built, key=lambda path: path.stat().st_mtime).resolve())
    found = shutil.which("onnxcnn")
    if found is None:
        raise SystemExit("error: no onnxcnn binary; build it with 'swift build -c release' or name one with --onnxcnn PATH")
    return Onnxcnn(Path(found).resolve())
