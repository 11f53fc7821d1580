"""The measurements as a table in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from .places import PRECISIONS

Row = tuple[str, str, str, str]


def table(results: Mapping[str, Any]) -> str:
    """What was measured: our precisions side by side, the yardstick, and how many times faster each is."""
    stages = results["stages"]
    precisions = sorted({name.split()[1] for name in stages if " " in name}, key=PRECISIONS.index)
    eager = stages.get("eager", {})
    title = f"SAM 3D Body {results['variant']}, random weights, {results['provider']}, {results['threads']} threads"
    head = ["", *precisions, "eager PyTorch fp32", *(f"eager / {precision}" for precision in precisions)]
    lines = [title, "", _line(head), _line(["---"] + ["---:"] * (len(head) - 1))]

    def add(label: str, ours: Mapping[str, float | None], theirs: float | None = None) -> None:
        cells = [_seconds(ours.get(precision)) for precision in precisions] + [_seconds(theirs)]
        cells += [_ratio(theirs, ours.get(precision)) for precision in precisions]
        if any(cells):
            lines.append(_line([label, *cells]))

    def each(stage: str, *path: str) -> dict[str, float | None]:
        return {precision: _at(stages.get(f"{stage} {precision}"), *path) for precision in precisions}

    body, hand = (_median(_at(eager, "decoders", kind)) for kind in ("body", "hand"))
    add("conversion", each("convert", "seconds"))
    add("opening all networks", each("load", "seconds"), _at(eager, "load"))
    turns = stages.get("encoders", {})
    one = {precision: _at(turns, precision, "best") for precision in precisions}
    add("encoder, one crop, in turns, fastest", one, _at(turns, "eager", "best"))
    worked = {precision: _at(turns, precision, "processor") for precision in precisions}
    add("the same, processor time", worked, _at(turns, "eager", "processor"))
    add("encoder, one crop, alone", each("encoder", "seconds"), _median(_at(eager, "encoder")))
    two = {name: value and value / 2 for name, value in each("encoder", "two_crops", "seconds").items()}
    add("encoder, two crops at once, each", two, _median(_at(eager, "encoder")))
    for kind, theirs in (("body", body), ("hand", hand)):
        context, decoder = (each("decoders", f"{kind}_{part}", "seconds") for part in ("context", "decoder"))
        add(f"{kind}: what depends on the image alone", context)
        add(f"{kind}: decoder on a prepared image", decoder, theirs)
        add(f"{kind}: both, the first pass", {name: _sum(context[name], decoder[name]) for name in precisions}, theirs)
    for name in ("elbow", "wrist", "finger"):
        add(f"prompt at the {name}, through the engine", each("full", "prompted", name, "seconds"))
    add("its first step, the body", each("full", "first", "seconds"))
    add("a full estimate, without detection", each("full", "seconds"), _at(eager, "seconds"))
    add("the same, processor time", each("full", "processor"), _at(eager, "processor"))
    add("the same on crops of 384 pixels", each("full", "fast", "seconds"), _at(eager, "seconds"))
    add("the same, processor time", each("full", "fast", "processor"), _at(eager, "processor"))
    add("the mesh", each("full", "mesh", "seconds"))

    lines += ["", *_memory(stages, precisions), *_notes(stages, precisions, eager)]
    return "\n".join(lines)


def _memory(stages: Mapping[str, Any], precisions: list[str]) -> list[str]:
    columns = ("convert", "load", "encoder", "decoders", "full")
    lines = [_line(["peak memory, GB", *columns, "eager"]), _line(["---"] + ["---:"] * 6)]
    for precision in precisions:
        cells = [_gigabytes(stages.get(f"{stage} {precision}")) for stage in columns]
        lines.append(_line([precision, *cells, _gigabytes(stages.get("eager")) if precision == precisions[0] else ""]))
    return lines


def _notes(stages: Mapping[str, Any], precisions: list[str], eager: Mapping[str, Any]) -> list[str]:
    notes = []
    for precision in precisions:
        share = _at(stages.get(f"decoders {precision}"), "mhr", "share")
        if share is not None:
            notes.append(f"MHR's part of the body decoder's time ({precision}): {100 * share:.1f} %")
        full = stages.get(f"full {precision}", {})
        if "passes" in full:
            notes.append(f"the full estimate's passes ({precision}): {'; '.join(full['passes'])}")
        for what, name in (("estimate", "full estimate"), ("first_pass", "first pass of the body decoder")):
            off = _at(stages.get(f"rounding {precision}"), what)
            if off is not None:
                notes.append(f"keypoints of {precision} against fp32, {name}: {_distances(off)}")
        other = _at(stages.get(f"decoders {precision}"), "other_picture")
        if other is not None:
            notes.append(f"to compare, keypoints of another picture ({precision}): {_distances(other)}")
    if "difference" in eager:
        ours = eager.get("record", "fp32")
        notes.append(f"{ours} against eager, all outputs of all passes: within {eager['difference']:.1e} relative")
    failed = [f"{name}: {stage['error']}" for name, stage in stages.items() if "error" in stage]
    return ["", *(f"* {note}" for note in notes + failed)]


def _distances(off: Mapping[str, float]) -> str:
    pixels = f"{off['px_mean']:.3f} px on average, {off['px_max']:.3f} at most"
    return f"{pixels}; {off['mm_mean']:.3f} mm, {off['mm_max']:.3f} at most"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _at(node: Any, *path: str) -> Any:
    for name in path:
        node = node.get(name) if isinstance(node, dict) else None
    return node


def _median(values: list[float] | None) -> float | None:
    return median(values) if values else None


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1f} s" if value >= 1 else f"{1000 * value:.0f} ms"


def _ratio(theirs: float | None, ours: float | None) -> str:
    return "" if theirs is None or not ours else f"{theirs / ours:.1f}"


def _gigabytes(stage: Any) -> str:
    peak = _at(stage, "peak_mb")
    return "" if peak is None else f"{peak / 1000:.1f}"
