"""Measures batches over a folder of pictures.

    python -m bench.batch make --photos FOLDER --out SET [--count 200] [--broken 0]
    python -m bench.batch speed --set SET --work DIR [--loop 20] [--preview KIND]
    python -m bench.batch memory --set SET --work DIR [--preview KIND] [--posed]
    python -m bench.batch kills --set SET --work DIR [--kills 20] [--preview KIND] [--posed]

* ``make``: as many photos as wished for of those in FOLDER (``python -m bench.accuracy render`` makes some), mirrored,
  cut and encoded anew, and among them files that are no photos;
* ``speed``: seconds a photo of ``sam3db batch``; of ``sam3db character``, a process for each of the first photos; and
  of one ``sam3db character`` with the same photos. All make the same files;
* ``memory``: what the batch and its Blender hold, every second, in tenths of the run;
* ``kills``: a batch that is killed (``kill -9``) at random moments, spread over its photos, and then run to its end,
  against one that was left alone: every file's content, times aside, and the manifest.

``--posed`` takes an engine that sees no picture, and the coarsest body, so that the time goes into what is measured.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.speed import ROOT, run_measured
from native_runtime.batch.photos import find_photos
from native_runtime.files.streams import take_stdout

_BROKEN = (b"", b"no picture at all", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", b"%PDF-1.7\n", bytes(5000))


def make_set(photos: Path, out: Path, count: int, broken: int) -> None:
    """Write ``count`` files to ``out``, of which ``broken`` are no photos, in a few sub-folders."""
    sources = [photo.path for photo in find_photos(photos)]
    dice = np.random.default_rng(20261122)
    bad = set(dice.choice(count, broken, replace=False).tolist())
    for number in range(count):
        path = out / f"day {number % 4 + 1}" / f"IMG_{number:04d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number in bad:
            path.write_bytes(_BROKEN[number % len(_BROKEN)])
            continue
        pixels = cv2.imread(str(sources[number % len(sources)]))
        height, width = pixels.shape[:2]
        left, top, right, bottom = (dice.uniform(0.0, 0.04, 4) * (width, height, width, height)).astype(int)
        pixels = pixels[top : height - bottom, left : width - right]
        pixels = pixels[:, ::-1] if number // len(sources) % 2 else pixels
        done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(dice.integers(80, 96))])
        assert done
        path.write_bytes(data.tobytes())


def batch_command(photos: Path, out: Path, preview: str, posed: bool = False) -> list[str]:
    """A batch as a program; the contact sheet is left out, since `character` makes none."""
    if posed:
        return [sys.executable, "-m", "tests.support.batch_program", str(photos), str(out), preview]
    words = ["batch", str(photos), "-o", str(out), "--preview", preview, "--no-contact-sheet", "--json"]
    return [sys.executable, "-m", "native_runtime.cli", *words]


def character_command(photos: Sequence[Path], out: Path) -> list[str]:
    """`sam3db character`, which makes the preview "panels"."""
    return [sys.executable, "-m", "native_runtime.cli", "character", *map(str, photos), "-o", str(out), "--json"]


def speed(photos: Path, work: Path, loop: int, preview: str) -> dict[str, float]:
    """Seconds a photo, each way."""
    files = [photo.path for photo in find_photos(photos)]
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    figures = {}
    seconds, _ = run_measured(batch_command(photos, work / "batch", preview), cwd=ROOT)
    figures["batch"] = seconds / len(files)
    _say(f"batch: {figures['batch']:.2f} s a photo")
    chosen = files[:: max(1, len(files) // loop)][:loop]
    seconds = sum(run_measured(character_command([file], work / "loop"), cwd=ROOT)[0] for file in chosen)
    figures["a process for each photo"] = seconds / len(chosen)
    _say(f"loop: {figures['a process for each photo']:.2f} s a photo")
    seconds, _ = run_measured(character_command(files, work / "one"), cwd=ROOT)
    figures["one process for all"] = seconds / len(files)
    for name in ("a process for each photo", "one process for all"):
        figures[f"{name}, times the batch"] = figures[name] / figures["batch"]
    return figures


class MemoryWatch:
    """Samples what a process and its children hold, MB, with the time since the start."""

    def __init__(self, pid: int) -> None:
        self.samples: list[tuple[float, float, float]] = []
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        started = time.monotonic()
        while not self._stop.wait(1.0):
            children = sum(resident_mb(pid) for pid in children_of(self._pid))
            self.samples.append((time.monotonic() - started, resident_mb(self._pid), children))


def resident_mb(pid: int) -> float:
    """What a process holds in memory; 0 when it has gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6
    except OSError:
        return 0.0


def children_of(pid: int) -> list[int]:
    """Processes that any thread of a process has started."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    except OSError:
        pass
    return found


def memory(command: Sequence[str]) -> list[dict[str, float]]:
    """Peaks of a batch and of its Blender in each tenth of the run."""
    program = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    watch = MemoryWatch(program.pid)
    program.wait()
    watch.stop()
    tenths = np.array_split(np.array(watch.samples), 10)
    return [
        {"until_s": round(t[-1, 0], 1), "batch_mb": round(t[:, 1].max()), "blender_mb": round(t[:, 2].max())}
        for t in tenths
        if len(t)
    ]


def kills(photos: Path, work: Path, times: int, preview: str, posed: bool) -> dict[str, Any]:
    """What differs between a batch that was killed and one that was not."""
    from tests.support.batch_results import results_of

    undisturbed, killed = work / "undisturbed", work / "killed"
    count = len(find_photos(photos))
    shutil.rmtree(killed, ignore_errors=True)
    memories = memory(batch_command(photos, undisturbed, preview, posed))
    _say(f"undisturbed: {_done(undisturbed)} photos done")
    dice, finished = random.Random(20261122), []
    for number in range(times):
        program = subprocess.Popen(batch_command(photos, killed, preview, posed), cwd=ROOT, stdout=subprocess.DEVNULL)
        wanted = (number + dice.random()) * 0.98 * _done(undisturbed) / times
        while _done(killed) < wanted and program.poll() is None:
            time.sleep(0.05)
        time.sleep(dice.uniform(0.0, 1.0))
        program.send_signal(signal.SIGKILL)
        program.wait()
        finished.append(_done(killed))
        _say(f"killed with {finished[-1]} photos done")
    subprocess.run(batch_command(photos, killed, preview, posed), cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    expected, found = results_of(undisturbed), results_of(killed)
    return {
        "photos": count,
        "done": _done(killed),
        "done after each kill": finished,
        "files": len(expected),
        "missing": sorted(expected.keys() - found.keys()),
        "too many": sorted(found.keys() - expected.keys()),
        "different": sorted(name for name in expected.keys() & found.keys() if expected[name] != found[name]),
        "memory of the undisturbed": memories,
    }


def _done(out: Path) -> int:
    from native_runtime.batch.manifest import manifests, read_records

    return sum(record.state == "done" for record in read_records(manifests(out)).values())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make")
    make.add_argument("--photos", type=Path, required=True)
    make.add_argument("--out", type=Path, required=True)
    make.add_argument("--count", type=int, default=200)
    make.add_argument("--broken", type=int, default=0)
    for name in ("speed", "memory", "kills"):
        command = commands.add_parser(name)
        command.add_argument("--set", type=Path, required=True)
        command.add_argument("--work", type=Path, required=True)
        command.add_argument("--preview", default="panels")
        if name == "speed":
            command.add_argument("--loop", type=int, default=20, help="photos that get a process of their own")
        else:
            command.add_argument("--posed", action="store_true", help="an engine that sees no picture")
        if name == "kills":
            command.add_argument("--kills", type=int, default=20)
    arguments = parser.parse_args()
    if arguments.command == "make":
        make_set(arguments.photos, arguments.out, arguments.count, arguments.broken)
        return
    out = take_stdout(sys.stderr)  # Blender tells of every file that it reads
    photos, work, preview = arguments.set.absolute(), arguments.work.absolute(), arguments.preview
    figures: Any
    if arguments.command == "speed":
        figures = speed(photos, work, arguments.loop, preview)
    elif arguments.command == "memory":
        figures = memory(batch_command(photos, work, preview, arguments.posed))
    else:
        figures = kills(photos, work, arguments.kills, preview, arguments.posed)
    out.write(json.dumps(figures, indent=1) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
