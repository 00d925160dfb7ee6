"""The machine: which cores are used, and the facts that make a number readable later."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Iterator, Optional, Sequence

ROOT = Path(__file__).resolve().parent.parent.parent

#: The processor flags that decide which kernels a runtime picks.
VECTOR_FLAGS = (
    "sse4_2",
    "avx",
    "f16c",
    "fma",
    "avx2",
    "avx512f",
    "avx512bw",
    "avx512vl",
    "avx512_vnni",
    "amx_tile",
    "asimd",
    "sve",
)
PACKAGES = ("onnxruntime", "openvino", "ncnn", "pnnx", "tract", "onnx", "numpy", "torch", "torchvision")


def physical_cores() -> list[int]:
    """A processor number of each core that this process may use, so that two threads never share one core's units."""
    if not hasattr(os, "sched_getaffinity"):
        return list(range(os.cpu_count() or 1))
    cores: list[int] = []
    taken: set[str] = set()
    for cpu in sorted(os.sched_getaffinity(0)):
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        core = siblings.read_text(encoding="ascii").strip() if siblings.exists() else str(cpu)
        if core not in taken:
            taken.add(core)
            cores.append(cpu)
    return cores


@contextmanager
def pinned(cores: Optional[Sequence[int]]) -> Iterator[None]:
    """Processes that start inside run on these cores only: a child inherits what its parent may use."""
    if cores is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def facts() -> dict[str, object]:
    """Processor, memory, system and load, as far as the system tells."""
    fields: dict[str, str] = {}
    for line in _lines("/proc/cpuinfo"):
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    memory = next((line.split() for line in _lines("/proc/meminfo") if line.startswith("MemTotal:")), None)
    return {
        "processor": fields.get("model name", platform.processor() or platform.machine()),
        "architecture": platform.machine(),
        "cores": len(physical_cores()),
        "vector_flags": [flag for flag in VECTOR_FLAGS if flag in flags],
        "memory_bytes": int(memory[1]) * 1024 if memory else None,
        "system": platform.platform(),
        "pinned": hasattr(os, "sched_setaffinity"),
        "load_average": list(os.getloadavg()),
    }


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """The commit that was measured; `+` where files differ from it."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        name = git("rev-parse", "HEAD")
        return name + ("+" if name and git("status", "--porcelain") else "")
    except OSError:
        return ""


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
