"""Cards, providers and times as Markdown, ready to paste into a bug report: nothing names the user's folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .cards import Card
from .install import State
from .timing import Times


def gpu_lines(cards: Sequence[Card], state: State | None, times: Times) -> list[str]:
    """What is there, what works and why not, and how long each network takes on each provider."""
    lines = [f"- graphics card: {card.described}{f' ({card.vendor})' if card.vendor else ''}" for card in cards]
    lines = lines or ["- graphics card: none found"]
    lines.append(f"- GPU support: {state_line(state or State())}")
    trial = times.trial
    lines.append(f"- ONNX Runtime {trial.onnxruntime or 'could not be loaded'}")
    lines += [f"- {without_folders(fault)}" for fault in (trial.error, trial.fault) if fault]
    for one in times.providers:
        works = "works" if not one.fault else f"does not work. {without_folders(one.fault)}"
        lines.append(f"- {one.provider}: {works}{' (fastest)' if one.provider == times.fastest else ''}")
    return lines + time_lines(times)


def time_lines(times: Times) -> list[str]:
    """The table of times, milliseconds; nothing where nothing was timed."""
    measured = [one for one in times.providers if one.networks]
    if not measured:
        return []
    names = list(dict.fromkeys(time.network for one in measured for time in one.networks))
    lines = [
        "",
        f"| milliseconds | {' | '.join(one.provider for one in measured)} |",
        f"| --- |{' ---: |' * len(measured)}",
    ]
    for name in names:
        cells = []
        for one in measured:
            seconds = next((time.seconds for time in one.networks if time.network == name), None)
            cells.append("does not run" if seconds is None else in_milliseconds(seconds))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    totals = ["" if one.total is None else in_milliseconds(one.total) for one in measured]
    lines.append(f"| all | {' | '.join(totals)} |")
    faults = {time.fault for one in measured for time in one.networks if time.fault}
    return lines + ([""] + [f"- {without_folders(fault)}" for fault in sorted(faults)] if faults else [])


def in_milliseconds(seconds: float) -> str:
    """To three digits."""
    return f"{seconds * 1e3:.3g}" if seconds < 1.0 else f"{seconds * 1e3:.0f}"


def state_line(state: State) -> str:
    """What is installed, for people."""
    if not state.name:
        return "none installed"
    text = f"{state.title} {state.version}, {state.size / 1e6:.0f} MB"
    if state.fault:
        return f"{text}; not used: {state.fault}"
    return f"{text}; this version of the program has another one" if state.outdated else text


def without_folders(text: str) -> str:
    """A text without the user's own folder."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text
