"""Counts checks, prints a line for each, and ends with the line that Tools/test adds up."""

from __future__ import annotations

import sys
import traceback
from contextlib import contextmanager
from typing import Iterator


class Checks:
    """The checks of one oracle script. A check that raises is a failed check, and the rest still runs."""

    def __init__(self, name: str, verbose: bool = True) -> None:
        self.name = name
        self.verbose = verbose
        self.passed = 0
        self.failed = 0

    def check(self, label: str, passed: bool, detail: str = "") -> bool:
        """Records one check. `detail` is what a reader needs when it failed; a passed check shows its first line too."""
        if passed:
            self.passed += 1
            if self.verbose:
                first = detail.split("\n", 1)[0]
                print(f"  ok    {label}{': ' + first if first else ''}", flush=True)
        else:
            self.failed += 1
            indented = detail.strip().replace("\n", "\n        ")
            print(f"  FAIL  {label}{': ' + indented if indented else ''}", flush=True)
        return passed

    @contextmanager
    def guarded(self, label: str) -> Iterator[None]:
        """Turns an exception inside into one failed check."""
        try:
            yield
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            self.check(label, False, f"{type(error).__name__}: {error} ({last.name}, line {last.lineno})")

    def finish(self) -> int:
        """Prints the closing line and returns the exit code."""
        print(f"{self.name}: {self.passed} passed, {self.failed} failed", flush=True)
        sys.stdout.flush()
        return 1 if self.failed or self.passed == 0 else 0
