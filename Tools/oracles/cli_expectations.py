"""What the contract promises of every command: exit codes, streams, and folders that stay as they were."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Sequence

from oracles.checks import Checks
from oracles.command import Finished

DONE, MISMATCH, INVALID, INCOMPLETE, USAGE = 0, 1, 2, 3, 64


@contextmanager
def empty_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="onnxcnn-oracle-") as name:
        yield Path(name).resolve()


def snapshot(folder: Path) -> "dict[str, str]":
    """Every path below `folder` with its kind and content, so that two snapshots differ when anything changed."""
    state: "dict[str, str]" = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            state[str(path)] = "link " + os.readlink(path)
        elif path.is_file():
            state[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            state[str(path)] = "other"
    return state


def expect_code(checks: Checks, label: str, done: Finished, code: int) -> bool:
    return checks.check(label, done.code == code, "" if done.code == code else f"expected exit {code}\n{done.described()}")


def expect_error(
    checks: Checks,
    label: str,
    done: Finished,
    mentions: Sequence[str] = (),
    codes: Sequence[int] = (INVALID,),
    untouched: "Optional[tuple[Path, dict[str, str]]]" = None,
) -> bool:
    """One clear message on stderr, nothing on stdout, the right exit code, and the folder as it was.

    `mentions` are words that the message must hold, whatever its wording; `untouched` is a folder and its snapshot
    from before the command.
    """
    faults = []
    if done.code not in codes:
        faults.append(f"exit {done.code} instead of {' or '.join(map(str, codes))}")
    errors = [line for line in done.err.splitlines() if line.lower().startswith("error:")]
    if len(errors) != 1:
        faults.append(f"{len(errors)} lines begin with 'error:' instead of one")
    if any(word in done.err for word in ("Fatal error", "Swift/", "Stack dump", "Program crashed")):
        faults.append("a crash report instead of a message")
    if done.out:
        faults.append("something on stdout")
    faults += [f"stderr does not mention '{word}'" for word in mentions if word not in done.err]
    if untouched is not None and snapshot(untouched[0]) != untouched[1]:
        before, after = untouched[1], snapshot(untouched[0])
        changed = sorted(set(before.items()) ^ set(after.items()))
        faults.append(f"the folder changed: {changed}")
    first_line = errors[0] if errors else ""
    return checks.check(label, not faults, first_line if not faults else "; ".join(faults) + "\n" + done.described())


def expect_json_error(checks: Checks, label: str, done: Finished, command: str, mentions: Sequence[str] = ()) -> bool:
    """Exit 2, and one JSON object that says of which command and why; the same on stderr for people."""
    try:
        found = done.json
        parts = [found, *found.get("models", [])]
        errors = [error for part in parts for error in part.get("errors", [])]
        text = " ".join(str(error["cause"]) + " ".join(error["places"]) + str(error["hint"]) for error in errors)
        is_sound = found["schema"] == 1 and found["command"] == command and all(word in text for word in mentions) and errors
    except (ValueError, KeyError, TypeError):
        is_sound = False
    passed = bool(is_sound) and done.code == INVALID and "error:" in done.err
    return checks.check(label, passed, "" if passed else done.described())


def expect_json(checks: Checks, label: str, done: Finished, code: int = DONE) -> bool:
    """stdout is one JSON object of schema 1, whatever the verdict."""
    try:
        is_schema_one = isinstance(done.json, dict) and done.json.get("schema") == 1
    except ValueError:
        is_schema_one = False
    return checks.check(
        label, is_schema_one and done.code == code, "" if is_schema_one and done.code == code else done.described()
    )
