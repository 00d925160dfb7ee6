"""The results as Markdown."""

from __future__ import annotations

import statistics
from typing import Any, Iterable, Sequence

from benchmarks.contenders import LABELS
from benchmarks.latency import OURS, STRICT, medians, ratios, spread
from benchmarks.start import FROM_ARCHIVE, FROM_ONNX
from benchmarks.targets import MEBI, geometric_mean, memory_limit


def markdown(results: dict[str, Any]) -> str:
    sections = [
        _heading(results), _latency(results), _throughput(results), _start(results), _memory(results), _accuracy(results),
        _absent(results), _targets(results),
    ]  # fmt: skip
    return "\n\n".join(section for section in sections if section) + "\n"


def _heading(results: dict[str, Any]) -> str:
    machine, versions = results["machine"], results["versions"]
    memory = f", {machine['memory_bytes'] / (1 << 30):.0f} GiB" if machine["memory_bytes"] else ""
    peers = ", ".join(f"{LABELS[peer]} {versions[peer]}" for peer in results["options"]["peers"] if peer in versions)
    pinned = "pinned to cores" if machine["pinned"] else "not pinned: this system cannot"
    return "\n".join([
        f"# onnxcnn {results['onnxcnn']} ({results['commit'][:10]}), {results['date']}",
        "",
        f"{machine['processor']}, {machine['cores']} cores{memory}, {' '.join(machine['vector_flags'])}; {pinned}. {peers}.",
        f"`{results['command']}`",
        "",
        "Medians over the rounds; ±: the interquartile range relative to the median. Ratios are taken round by round to the "
        "best peer of the round; below 1 onnxcnn is faster. Float32 throughout.",
    ])  # fmt: skip


def _lines(results: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    for name, network in results["networks"].items():
        for line in network.get("latency", []):
            yield name, line


def _latency(results: dict[str, Any]) -> str:
    rows: list[list[str]] = []
    found: dict[int, list[float]] = {}
    peers = [LABELS[peer] for peer in results["options"]["peers"]]
    for name, line in sorted(_lines(results), key=lambda pair: pair[1]["threads"]):
        if line["batch"] != 1:
            continue
        times, values = medians(line), ratios(line)
        cells = [_time(line, label, times) for label in (OURS, STRICT, *peers)]
        rows.append([name, str(line["threads"]), *cells, _ratio(values)])
        found.setdefault(line["threads"], []).extend([statistics.median(values)] if values else [])
    for threads, values in found.items():
        if len(values) > 1:
            blank = [""] * (len(peers) + 2)
            rows.append(["**geometric mean**", str(threads), *blank, f"**{geometric_mean(values):.2f}**"])
    header = ["network", "threads", "onnxcnn", "strict", *peers, "ratio"]
    return _section("Latency, batch 1, milliseconds", header, rows)


def _throughput(results: dict[str, Any]) -> str:
    rows = []
    peers = [LABELS[peer] for peer in results["options"]["peers"]]
    for name, line in sorted(_lines(results), key=lambda pair: (pair[1]["batch"], pair[1]["threads"])):
        if line["batch"] == 1:
            continue
        times, values = medians(line), ratios(line)
        rates = [f"{line['batch'] / times[label] * 1e3:.1f}" if label in times else "–" for label in (OURS, *peers)]
        best = f"{1 / statistics.median(values):.2f}" if values else "–"
        rows.append([name, str(line["batch"]), str(line["threads"]), *rates, best])
    header = ["network", "batch", "threads", "onnxcnn", *peers, "times the best peer"]
    note = "\n\nncnn has no batch: its images run one by one." if "ncnn" in peers else ""
    note += " tract's Python package runs on one thread." if "tract" in peers else ""
    return _section("Throughput, images a second", header, rows, note)


def _start(results: dict[str, Any]) -> str:
    rows = []
    labels = [FROM_ONNX, FROM_ARCHIVE, *(LABELS[peer] for peer in results["options"]["peers"])]
    for name, network in results["networks"].items():
        start = network.get("start")
        if not start:
            continue
        cells = []
        for label in labels:
            values = [times[label] for times in start["rounds"] if label in times]
            inside = (
                f" ({start['load_ms'][label]:.0f} + {start['first_run_ms'][label]:.0f})" if label in start["load_ms"] else ""
            )
            cells.append(f"{statistics.median(values):.0f}{inside}" if values else "–")
        rows.append([name, *cells])
    note = (
        "\n\nWhole process with the files in the page cache; in brackets what opening and the first run take inside it. "
        "onnxcnn is measured to the end of `onnxcnn run`, a peer to its first result, in Python."
    )
    return _section("Process start to first result, milliseconds", ["network", *labels], rows, note)


def _memory(results: dict[str, Any]) -> str:
    rows = []
    peers = [LABELS[peer] for peer in results["options"]["peers"]]

    def mebibytes(number: float | None) -> str:
        return "–" if number is None else f"{number / MEBI:.0f}"

    for name, network in results["networks"].items():
        memory = network.get("start", {}).get("memory", {})
        ours = memory.get(FROM_ONNX)
        if not ours:
            continue
        planned = [f"{ours[field] / MEBI:.1f}" for field in ("activations_bytes", "activations_lower_bound_bytes")]
        peaks = [mebibytes(memory.get(label, {}).get("peak_resident_bytes")) for label in (FROM_ONNX, FROM_ARCHIVE)]
        limit = mebibytes(memory_limit(ours))
        rows.append([name, mebibytes(ours["weights_bytes"]), *planned, mebibytes(ours["packed_bytes"]), limit, *peaks])
        for peer in (memory.get(label, {}) for label in peers):
            rows[-1].append(
                f"{mebibytes(peer['peak_resident_bytes'])} ({mebibytes(peer['before_model_bytes'])})" if peer else "–"
            )
    own = ["weights", "activations", "lower bound", "packed", "limit", "peak .onnx", "peak archive"]
    header = ["network", *own, *(f"peak {peer}" for peer in peers)]
    note = (
        "\n\nPeak of the resident memory, mapped files included; of a peer in brackets what Python and its libraries take "
        "before the model."
    )
    return _section("Memory of a process that runs one image, MiB", header, rows, note)


def _accuracy(results: dict[str, Any]) -> str:
    labels = [OURS, STRICT, *(LABELS[peer] for peer in results["options"]["peers"])]
    rows = []
    for name, network in results["networks"].items():
        errors = network.get("accuracy", {}).get("errors")
        if errors:
            cells = [f"{errors[label]['max']:.1e} / {errors[label]['rms']:.1e}" if label in errors else "–" for label in labels]
            rows.append([name, *cells])
    return _section(
        "Error against the evaluation in Double: largest / RMS, relative to the largest output", ["network", *labels], rows
    )


def _absent(results: dict[str, Any]) -> str:
    reasons: dict[str, None] = {}
    nowhere = [LABELS[peer] for peer in results["absent_peers"]]
    for peer, reason in results["absent_peers"].items():
        reasons[f"- {LABELS[peer]}: {reason}"] = None
    for name, network in results["networks"].items():
        for line in network.get("latency", []):
            for label, reason in line["absent"].items():
                if label not in nowhere:
                    reasons[f"- {name}, batch {line['batch']}, threads {line['threads']}: {label}: {reason}"] = None
        for label, reason in network.get("start", {}).get("absent", {}).items():
            if label not in nowhere:
                reasons[f"- {name}, start: {label}: {reason}"] = None
        for reason in network.get("skipped", []):
            reasons[f"- {name}: {reason}"] = None
    for name, reason in results["missing_networks"].items():
        reasons[f"- {name}: {reason}"] = None
    return "## Not measured\n\n" + "\n".join(reasons) if reasons else ""


def _targets(results: dict[str, Any]) -> str:
    rows = [[verdict["target"], verdict["status"], verdict["detail"]] for verdict in results["targets"]]
    return _section("Targets", ["target", "", "numbers"], rows)


def _time(line: dict[str, Any], label: str, times: dict[str, float]) -> str:
    if label not in times:
        return "–"
    values = [turns[label]["median_ms"] for turns in line["rounds"] if label in turns]
    milliseconds = times[label]
    text = f"{milliseconds:.4f}" if milliseconds < 0.1 else f"{milliseconds:.3f}" if milliseconds < 1 else f"{milliseconds:.1f}"
    return f"{text} ±{100 * spread(values):.0f} %" if len(values) > 1 else f"{text} (once)"


def _ratio(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ±{100 * spread(values):.0f} %" if values else "–"


def _section(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> str:
    if not rows:
        return ""
    lines = [header, ["---"] * len(header), *rows]
    return f"## {title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines) + note
