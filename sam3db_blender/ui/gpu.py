"""Graphics cards in the preferences: what is there, what is installed for it, and how fast networks are with it."""

from __future__ import annotations

from typing import Any

from native_runtime.gpu_support.sets import KINDS
from native_runtime.gpu_support.table import in_milliseconds

from ..files import gpu
from ..jobs.gpu import slot
from ..layout_text import draw_lines
from .long_jobs import draw_end, draw_running

_TITLES = {"cpu": "Processor", "coreml": "Apple CoreML", "tensorrt": "NVIDIA TensorRT", "migraphx": "AMD MIGraphX"} | {
    kind.provider: kind.title for kind in KINDS.values()
}


def draw_gpu(layout: Any, settings: Any, width: int) -> None:
    """Draws the section.

    Args:
        settings: the extension's preferences.
        width: where lines break, characters.
    """
    _draw_cards(layout.column(align=True), width)
    state = gpu.state()
    _draw_installed(layout, state, width)
    if not draw_running(layout, slot.job, "sam3db.cancel_gpu"):
        draw_end(layout, slot.job, width)
    row = layout.row()
    row.operator("sam3db.test_gpu", icon="PLAY")
    row.operator("sam3db.copy_gpu_table", icon="COPYDOWN")
    times = gpu.last_times()
    if times is not None:
        _draw_times(layout.box(), times, width)


def _draw_cards(column: Any, width: int) -> None:
    gpu.search.start()
    cards = gpu.search.cards
    if cards is None:
        column.label(text="Looking for graphics cards", icon="TIME")
        return
    for card in cards:
        draw_lines(column, card.described, width, "OUTLINER_OB_LIGHTPROBE")
    if not cards:
        column.label(text="No graphics card was found; the processor computes", icon="INFO")


def _draw_installed(layout: Any, state: Any, width: int) -> None:
    column = layout.column(align=True)
    if not state.name:
        rest = f" {state.downloaded / 1e6:.0f} MB of a download are here; it continues." if state.downloaded else ""
        draw_lines(column, f"Nothing is installed for graphics cards.{rest}", width, "BLANK1")
        row = layout.row()
        row.operator("sam3db.install_gpu", text="Install GPU Support...", icon="IMPORT")
        if state.downloaded:
            row.operator("sam3db.remove_gpu", text="Remove the Download", icon="TRASH")
        return
    text = f"Installed: {state.title} {state.version} ({state.size / 1e6:.0f} MB)"
    draw_lines(column, text, width, "CHECKMARK" if not state.fault else "ERROR")
    if state.fault:
        alert = layout.column(align=True)
        alert.alert = True
        draw_lines(alert, f"It is not used: {state.fault}", width, "BLANK1")
    elif state.outdated:
        draw_lines(column, "This version of the extension comes with newer libraries.", width, "FILE_REFRESH")
    row = layout.row()
    update = "Update..." if state.outdated or state.fault else "Install Another..."
    row.operator("sam3db.install_gpu", text=update, icon="IMPORT")
    row.operator("sam3db.remove_gpu", text="Remove", icon="TRASH")


def _draw_times(box: Any, times: dict[str, Any], width: int) -> None:
    """Draws each provider with the time of all networks; why one does not work; the fastest is marked."""
    box.label(text=f"Last test, with ONNX Runtime {times.get('onnxruntime', '')}: all networks once")
    for one in times["providers"]:
        fastest = one["provider"] == times.get("fastest")
        title, total = _TITLES.get(one["provider"], one["provider"]), one.get("total")
        row = box.row()
        row.label(text=title, icon="CHECKMARK" if fastest else "BLANK1")
        row.label(text=f"{in_milliseconds(total)} ms" if total else "does not work" if one["fault"] else "in part")
        faults = [one["fault"], *(network.get("fault", "") for network in one.get("networks", ()))]
        for fault in dict.fromkeys(fault for fault in faults if fault):
            draw_lines(box.column(align=True), fault, width - 4, "BLANK1")
    if times.get("fault"):
        draw_lines(box.column(align=True), times["fault"], width - 4, "ERROR")
