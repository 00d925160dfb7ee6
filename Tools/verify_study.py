#!/usr/bin/env python3
"""What 'onnxcnn verify' finds: seeded faults in small networks of every canonical architecture, and none at all.

    Tools/verify-study                  all tables, with OpenVINO and ncnn beside ONNX Runtime (half an hour at most)
    Tools/verify-study --quick          fewer trials (a minute or two); what Tools/test runs
    Tools/verify-study --part diagnosis --kind softmax

Its tables: false alarms on right references of other programs, for small networks and for those of Tools/bench at their true
size, layer by layer too; detection of a relative change of 1e-3 in one weight tensor;
localisation of a fault in one node from a reference with all layers, and by bisection without; diagnosis of known mistakes. Every
trial has its seed, so that it can be made again; those that came out wrong are listed with it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from typing import Callable, Sequence

from oracles import study_backends, study_canon, study_faults
from oracles.checks import Checks
from oracles.command import add_binary_option, find_binary
from oracles.study import Study, Trial
from oracles.study_networks import RECIPES, networks

#: One of each architecture; the rest are variants for mistakes that these have no room for.
CANON = ["lenet5", "alexnet", "zfnet", "vgg", "googlenet", "resnet", "densenet", "mobilenet", "squeezenet", "darknet"]
PARTS = ["alarms", "canon", "detection", "localisation", "bisection", "diagnosis"]
#: The relative change of a weight tensor that has to be detected.
DETECTED = 1e-3


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_binary_option(parser)
    parser.add_argument("--quick", action="store_true", help="fewer trials")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything (default 0)")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this table; repeatable")
    parser.add_argument("--kind", choices=[*study_faults.KINDS, "unexplainable"], action="append", help="only this mistake")
    parser.add_argument("--workers", type=int, default=2, help="trials at once (default 2)")
    parser.add_argument("--torch", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def table(title: str, rows: "dict[str, list[Trial]]") -> None:
    """A line a row: how many trials, how many right, how many had nothing to find."""
    print(f"\n{title}\n{'':32}{'trials':>8}{'right':>8}{'share':>9}{'no effect':>11}")
    for name, trials in rows.items():
        judged = [trial for trial in trials if trial.right is not None]
        right = sum(bool(trial.right) for trial in judged)
        share = f"{100 * right / len(judged):.1f} %" if judged else "-"
        print(f"{name:32}{len(judged):8}{right:8}{share:>9}{len(trials) - len(judged):11}")
    for trial in rows["all"]:
        if trial.right is False:
            print(f"  wrong: {trial.network}, {trial.what}, seed {list(trial.seed)}: {trial.said}")
    sys.stdout.flush()


def grouped(trials: Sequence[Trial], key: Callable[[Trial], str]) -> "dict[str, list[Trial]]":
    rows: "dict[str, list[Trial]]" = defaultdict(list)
    for trial in trials:
        rows[key(trial)].append(trial)
    rows["all"] = list(trials)
    return rows


def share(trials: Sequence[Trial]) -> float:
    judged = [trial for trial in trials if trial.right is not None]
    return sum(bool(trial.right) for trial in judged) / len(judged) if judged else 0.0


def alarms(study: Study, checks: Checks, quick: bool) -> None:
    backends = ["onnxruntime", "onnxruntime-optimised"] if quick else list(study_backends.BACKENDS)
    jobs = [(study.networks[n], b, i) for b in backends for n in study.networks for i in range(1 if quick else 5)]
    trials = study.map(study.false_alarm, jobs)
    table("False alarms: right references of other programs that are not accepted (right: accepted)", grouped(trials, lambda t: t.what))
    checks.check("no false alarm", all(trial.right for trial in trials) and bool(trials), f"{len(trials)} references")


def canon(study: Study, checks: Checks, seed: int) -> None:
    """What four programs compute from the networks of Tools/bench, and every layer of ONNX Runtime's."""
    networks, missing = study_canon.networks()
    for name, reason in missing.items():
        print(f"  not made: {name}: {reason}")
    print("\nFalse alarms at true size: the largest difference in σ (root mean square), by the program that made the reference")
    print(f"{'':16}" + "".join(f"{program:>26}" for program in study_canon.PROGRAMS) + f"{'allowed':>10}")
    trials = []
    for network in networks:
        row = [study_canon.judge(study.onnxcnn, network, program, seed) for program in study_canon.PROGRAMS]
        cells = "".join(f"{trial.cell:>26}" for trial in row)
        print(f"{network.name:16}{cells}{max(trial.allowed for trial in row):8.1f} σ", flush=True)
        trials += [trial for trial in row if not trial.absent]
        for trial in row:
            if trial.absent or trial.said:
                print(f"  {trial.program}: {trial.absent or trial.said}")
    checks.check("no false alarm at true size", all(t.accepted for t in trials) and bool(trials), f"{len(trials)} references")

    print("\nEvery layer as ONNX Runtime computes it, against its a-priori bound")
    print(f"{'':16}{'layers':>8}{'outside':>9}{'bound/error':>13}{'seconds':>9}{'memory':>10}")
    layers = []
    for network in networks:
        layers.append(trial := study_canon.judge_layers(study.onnxcnn, network, seed))
        slack = f"{trial.slack:.1f}" if trial.slack else "-"
        memory = f"{trial.peak_bytes / 2**20:.0f} MiB"
        print(f"{trial.network:16}{trial.checked:8}{trial.failing:9}{slack:>13}{trial.seconds:9.1f}{memory:>10}", flush=True)
        if trial.said:
            print(f"  {trial.said}")
    passed = all(trial.checked > 0 and trial.failing == 0 for trial in layers) and bool(layers)
    checks.check("no layer outside its bound", passed, f"{sum(trial.checked for trial in layers)} layers")


def detection(study: Study, checks: Checks, quick: bool) -> None:
    jobs = [(study.networks[n], i, DETECTED) for n in CANON for i in range(4 if quick else 40)]
    trials = study.map(study.detection, jobs)
    table(f"Detection: every weight of one tensor changed by {DETECTED:g} of itself", grouped(trials, lambda t: t.network))
    print("\nThe same by the effect on the outputs, in units of the largest difference between programs that round")
    for low, high in ((1, 3), (3, 10), (10, 100), (100, float("inf"))):
        members = [trial for trial in trials if low < trial.effect <= high]
        print(f"  {low:>4} to {high:<5} {len(members):6} trials, {100 * share(members):6.1f} % detected")
    checks.check("at least 99 % detected", share(trials) >= 0.99, f"{100 * share(trials):.2f} %")


def localisation(study: Study, checks: Checks, quick: bool) -> None:
    jobs = [(study.networks[n], i) for n in CANON for i in range(3 if quick else 30)]
    trials = study.map(study.localisation, jobs)
    table("Localisation: the node named for a fault in one node", grouped(trials, lambda t: t.network))
    checks.check("every node named right", share(trials) == 1.0, f"{len(trials)} trials")


def bisection(study: Study, checks: Checks, quick: bool) -> None:
    # Each run of another runtime starts a process; a chain, branches, shortcuts and dense blocks are the kinds of graph there are.
    names = ["lenet5", "googlenet", "resnet", "densenet"] if quick else CANON
    jobs = [(study.networks[n], i) for n in names for i in range(1 if quick else 4)]
    trials = study.map(study.bisection, jobs)
    table("Bisection: the node named and cut out, against another model file in ONNX Runtime", grouped(trials, lambda t: t.network))
    checks.check("every bisection right", share(trials) == 1.0, f"{len(trials)} trials")


def diagnosis(study: Study, checks: Checks, quick: bool, kinds: Sequence[str]) -> None:
    jobs = []
    for kind in kinds:
        # Each network that has room for the mistake, twice: whether all nodes make it or one is drawn by the seed.
        jobs += [(network, kind, i) for network in study.networks.values() for i in range(1 if quick else 2)]
    if quick:
        # A few networks of each kind will do, in an order that differs from kind to kind.
        jobs = [job for number, job in enumerate(jobs) if number % 5 == 0]
    trials = study.map(study.diagnosis, jobs)
    rows = grouped(trials, lambda t: t.what)
    table("Diagnosis: the mistake named first (unexplainable: none named)", rows)
    known = [trial for trial in trials if trial.what != "unexplainable"]
    checks.check("at least 95 % diagnosed", share(known) >= 0.95, f"{100 * share(known):.2f} % of {len(known)}")
    unexplained = [trial for trial in trials if trial.what == "unexplainable"]
    if unexplained:
        checks.check("nothing made up for the unexplainable", share(unexplained) == 1.0, f"{len(unexplained)} trials")
    if not quick:
        for kind in kinds:
            count = len({trial.network for trial in rows.get(kind, [])})
            checks.check(f"{kind} tried on at least three networks", count >= 3, str(count))


def main() -> int:
    options = arguments()
    start = time.monotonic()
    checks = Checks("verify_study.py")
    study = Study(find_binary(options.onnxcnn), networks(options.seed), options.seed, options.workers)
    parts = options.part or PARTS
    kinds = options.kind or [*study_faults.KINDS, "unexplainable"]
    print(f"{len(study.networks)} networks ({', '.join(['lenet5', *RECIPES])}), seed {options.seed}")
    # The short form makes no networks of hundreds of megabytes unless it is asked to.
    if "canon" in parts and (options.part or not options.quick):
        with checks.guarded("canon"):
            canon(study, checks, options.seed)
    for name, run in (("alarms", alarms), ("detection", detection), ("localisation", localisation), ("bisection", bisection)):
        if name in parts:
            with checks.guarded(name):
                run(study, checks, options.quick)
    if "diagnosis" in parts:
        with checks.guarded("diagnosis"):
            diagnosis(study, checks, options.quick, kinds)
    print(f"\n{time.monotonic() - start:.0f} s")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
