"""Times posing by handles in a windowed Blender, with a real mouse.

    python -m bench.window --blender EXECUTABLE --photo PHOTO [--drags 50] [--window plain] [--json FILE]

The extension is built, and installed for a user of its own. In each window the right wrist is dragged to and fro, and
measured are

* from pressing the mouse button to the first mesh that follows, and from letting it go to the updated mesh of the last
  answer;
* the beats of a 5 ms timer in Blender's main thread while dragging: what a beat is late by is a stall, and as much
  of it as the viewport was being drawn is told apart;
* what the extension itself does in the main thread.

The window ``plain`` is 640 x 480, with nothing but handles and boxes in it: as near to a graphics card as software
drawing gets. Needs Xvfb and xdotool.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.models import store
from tests.support.real_blender import build_extension, install, python_of
from tests.window.artist import Artist
from tests.window.blender import Blender
from tests.window.screen import Screen

PLAIN = "plain"
_PLAIN_SIZE = (640, 480)
_REACH_PX = 12
_STEP_S = 0.016
_STEPS = 12
_MAKING_S = 180.0
_BEAT_S = 0.005
_BEATS, _DRAWING = "beats", "drawing"

Spans = list[tuple[float, float]]


def drags(artist: Artist, count: int) -> list[dict[str, Any]]:
    """What was measured in each drag: spans and moments, with the moments of pressing and letting go."""
    blender, screen = artist.blender, artist.screen
    blender.call("scene.take_tool", name="builtin.select")
    name = blender.call("scene.handle_name", keypoint="right_wrist")
    out = []
    for number in range(count + 1):
        x, y = blender.call("scene.on_screen", name=name)
        right = _REACH_PX * (1 if number % 2 else -1)
        screen.move(x, y)
        time.sleep(0.1)
        blender.call("timing.taken")
        pressed = time.monotonic()
        screen.press()
        for step in range(1, _STEPS + 1):
            screen.move(x + right * step / _STEPS, y)
            time.sleep(_STEP_S)
        released = time.monotonic()
        screen.release()
        blender.wait(lambda: bool(blender.call("scene.modal")) is False, 60.0)
        time.sleep(0.2)
        blender.wait(lambda: not blender.call("scene.waiting"), 60.0)
        time.sleep(0.2)
        out.append(blender.call("timing.taken") | {"pressed": pressed, "released": released})
    return out[1:]  # the first opens the body and the networks


def figures(measured: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Milliseconds by what they are of."""
    until_follows, until_mesh, stalls, undrawn = [], [], [], []
    work: dict[str, list[float]] = {}
    for drag in measured:
        during = [moment for moment in drag["meshes"] if drag["pressed"] < moment < drag["released"]]
        if during:
            until_follows.append(during[0] - drag["pressed"])
        after = [moment for moment in drag["meshes"] if moment > drag["released"]]
        if after:
            until_mesh.append(after[-1] - drag["released"])
        drawing = drag["spans"][_DRAWING]
        for begin, end in drag["spans"][_BEATS]:
            if begin < drag["released"] and end > drag["pressed"]:
                stalls.append(end - begin - _BEAT_S)
                undrawn.append(stalls[-1] - overlap(drawing, begin, end))
        for name, spans in drag["spans"].items():
            if name != _BEATS:
                work.setdefault(name, []).extend(end - begin for begin, end in spans)
    rows = {
        "pressing to the first mesh that follows": until_follows,
        "letting go to the updated mesh": until_mesh,
        "late beats while dragging": stalls,
        "late beats, drawing taken off": undrawn,
    } | work
    return {name: summary(seconds) for name, seconds in rows.items() if seconds}


def overlap(spans: Spans, begin: float, end: float) -> float:
    """Seconds of a stretch of time that spans cover."""
    return sum(max(0.0, min(end, last) - max(begin, first)) for first, last in spans)


def summary(seconds: list[float]) -> dict[str, float]:
    """Number, median, 95th percentile and worst, ms."""
    ms = 1e3 * np.array(seconds)
    return {
        "number": len(ms),
        "median": round(float(np.median(ms)), 2),
        "95 %": round(float(np.quantile(ms, 0.95)), 2),
        "worst": round(float(ms.max()), 2),
    }


def measure(command: str, user: dict[str, str], photo: Path, window: str, count: int, log: Path) -> dict[str, Any]:
    """The figures of one window."""
    width, height = _PLAIN_SIZE if window == PLAIN else map(int, window.split("x"))
    with Screen(width, height) as screen, Blender(command, user, screen, log) as blender:
        artist = Artist(blender, log.parent)
        blender.call("scene.empty")
        blender.call("scene.make_character", photo=str(photo))
        blender.wait(lambda: bool(blender.call("scene.rigs")), _MAKING_S)
        if window == PLAIN:
            blender.call("scene.look_plainly")
        artist.work_with_empties()
        blender.call("timing.start")
        return figures(drags(artist, count))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.window", description=__doc__.splitlines()[0])
    parser.add_argument("--blender", required=True, help="the executable")
    parser.add_argument("--photo", type=Path, required=True)
    parser.add_argument("--drags", type=int, default=50)
    parser.add_argument("--window", action="append", metavar="WxH|plain", help="again for more (default: both)")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()

    report = {}
    with tempfile.TemporaryDirectory(prefix="window-") as name:
        folder = Path(name)
        (folder / "user").mkdir()
        extension = build_extension(python_of(arguments.blender), store.models_dir(), folder)
        user = install(arguments.blender, extension, folder / "user") | {"MESA_SHADER_CACHE_DIR": str(folder)}
        for window in arguments.window or (PLAIN, "1280x800"):
            report[window] = measure(
                arguments.blender, user, arguments.photo.resolve(), window, arguments.drags, folder / f"{window}.log"
            )
            print(f"\n{window}, ms")
            for row, columns in report[window].items():
                print(f"    {row:40s}" + "".join(f"  {key} {value:8.1f}" for key, value in columns.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
