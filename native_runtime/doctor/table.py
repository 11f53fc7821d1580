"""What was measured as Markdown, ready to paste."""

from __future__ import annotations

from collections.abc import Sequence

from .machine import Machine
from .speed import Speed


def machine_lines(machine: Machine) -> list[str]:
    """A machine as lines of a list."""
    memory = "" if machine.memory_bytes is None else f", {machine.memory_bytes / 1e9:.0f} GB of memory"
    extras = f" ({', '.join(machine.instructions)})" if machine.instructions else ""
    works = f"; {machine.provider} works" if machine.provider else "; none works"
    providers = f"providers of ONNX Runtime {machine.onnxruntime}: {', '.join(machine.providers)}{works}"
    return [
        f"- system: {machine.system}",
        f"- processor: {machine.processor}{extras}, {machine.cores} cores used{memory}",
        f"- {providers if machine.onnxruntime else 'ONNX Runtime cannot be used'}",
        f"- sam3db {machine.program}, Python {machine.python}",
    ]


def speed_lines(speeds: Sequence[Speed]) -> list[str]:
    """What was measured of engines: one table of all, then the stages of each."""
    measured = [speed for speed in speeds if not speed.error]
    lines = [f"- {speed.engine} was not measured: {speed.error}" for speed in speeds if speed.error]
    if not measured:
        return lines
    lines += [
        "",
        "| seconds | opening | first pose, cold | all, cold | first pose, warm | all, warm | a drag | memory, GB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for speed in measured:
        times = (speed.opening, speed.cold.first, speed.cold.whole, speed.warm.first, speed.warm.whole, speed.drag)
        memory = "" if speed.peak_bytes is None else f"{speed.peak_bytes / 1e9:.1f}"
        lines.append(f"| {speed.engine} | {' | '.join(f'{time:.2f}' for time in times)} | {memory} |")
    for speed in measured:
        lines += ["", f"{speed.engine}: {speed.title}", "", "| stage | cold, s | warm, s |", "| --- | ---: | ---: |"]
        for stage in dict.fromkeys([*speed.cold.stages, *speed.warm.stages]):
            both = (f"{one.stages[stage]:.3f}" if stage in one.stages else "" for one in (speed.cold, speed.warm))
            lines.append(f"| {stage} | {' | '.join(both)} |")
    return lines
