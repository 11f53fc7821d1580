"""Measures batches on a Dask cluster of this machine, and says from that what a hundred workers would do.

    python -m bench.cluster scale --set SET --work DIR [--workers 1 2] [--preview none]
    python -m bench.cluster serial --set SET --work DIR [--count 300]
    python -m bench.cluster paper --photo-s P --start-s S --scan-ms C --dask-ms D --deliver-ms E --sheet-ms F

* ``scale``: a batch of all photos of SET (``python -m bench.batch make`` makes some) without a cluster, and on clusters
  of so many workers: wall seconds, and processor seconds of all processes together;
* ``serial``: milliseconds of the batch's own process for each photo, which more workers do not shorten: looking for
  photos, Dask's client and scheduler, moving files and writing the manifest, the contact sheet. It needs the estimates
  and pictures that ``scale --preview panels`` has left in DIR, or some in their place, for their sizes;
* ``paper``: seconds by ``seconds`` below.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster

from bench.speed import ROOT
from native_runtime.batch.bookkeeping import Bookkeeping
from native_runtime.batch.journal import Journal, now
from native_runtime.batch.manifest import Head, manifest_path, manifests, read_records
from native_runtime.batch.outputs import Staging
from native_runtime.batch.photos import find_photos
from native_runtime.cluster.delivery import deliver
from native_runtime.cluster.job import Answer
from native_runtime.cluster.parcel import Parcel
from native_runtime.pipeline.reporting import Silent
from native_runtime.render.contact_sheet import Entry, write_contact_sheet

PLAIN = "plain"


def scale(photos: Path, work: Path, workers: Sequence[int], preview: str) -> dict[str, dict[str, float]]:
    """Wall and processor seconds of the same batch on different clusters."""
    figures = {}
    for count in (0, *workers):
        name = f"local:{count}" if count else PLAIN
        out = work / name.replace(":", "-")
        shutil.rmtree(out, ignore_errors=True)
        words = ["batch", str(photos), "-o", str(out), "--preview", preview, "--no-contact-sheet"]
        words += ["--no-blend"] if preview == "none" else []
        words += ["--cluster", name] if count else []
        before, started = _children_s(), time.perf_counter()
        subprocess.run([sys.executable, "-m", "native_runtime.cli", *words], cwd=ROOT, check=True, stdout=sys.stderr)
        figures[name] = {"wall s": time.perf_counter() - started, "processor s": _children_s() - before}
        print(f"{name}: {figures[name]}", file=sys.stderr)
    return figures


def serial(photos: Path, work: Path, count: int) -> dict[str, dict[str, float]]:
    """Milliseconds a photo, wall and processor, of what one process does for all."""
    many, out = work / "many", work / "delivered"
    for folder in (many, out):
        shutil.rmtree(folder, ignore_errors=True)
    done = next(folder for folder in sorted(work.iterdir()) if manifests(folder))
    record = next(record for record in read_records(manifests(done)).values() if record.state == "done")
    figures: dict[str, dict[str, float]] = {}

    def measured(name: str, times: int, started: tuple[float, float]) -> None:
        wall, processor = time.perf_counter() - started[0], time.process_time() - started[1]
        figures[name] = {"wall ms": 1000 * wall / times, "processor ms": 1000 * processor / times}

    def begin() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    source = find_photos(photos)[0].path
    many.mkdir()
    for number in range(count):
        os.link(source, many / f"{number}{source.suffix}")
    started = begin()
    find_photos(many)
    measured("looking for photos", count, started)

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=2, dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        content = Answer(record).to_json()
        answer_all(client, content, 20)
        started = begin()
        answer_all(client, content, count)
        measured("Dask's client and scheduler", count, started)

    out.mkdir()
    staging = Staging(out, {})
    journal = Journal(manifest_path(out), Head("photos", {}, now()), staging, {})
    books = Bookkeeping(journal, Silent(), count)
    answers = [_made(done, out, staging, number) for number in range(count)]
    started = begin()
    for answer in answers:
        books.finish(deliver(answer, out, staging, 0.0))
    measured("moving files and writing the manifest", count, started)
    journal.close()
    staging.close()

    pictures = sorted(done.rglob("*_panels.jpg"))
    if pictures:
        entries = [Entry(f"{number}.jpg", pictures[number % len(pictures)], {}) for number in range(count)]
        started = begin()
        write_contact_sheet(entries, out / "sheet.html", out / "sheet.png", "sheet")
        measured("the contact sheet", count, started)
    return figures


def answer_all(client: Client, content: dict[str, Any], count: int) -> None:
    """As many tasks as photos, which answer as if a photo had been done."""
    futures = [client.submit(same, content, number, pure=False) for number in range(count)]
    for future in futures:
        future.result()


def same(content: dict[str, Any], number: int) -> dict[str, Any]:
    return content


def _made(done: Path, out: Path, staging: Staging, number: int) -> Answer:
    """A photo's answer, with files as large as real ones."""
    record = next(record for record in read_records(manifests(done)).values() if record.state == "done")
    parcel = Parcel(out, staging.folder.relative_to(out).as_posix())
    stages = {}
    for name, stage in record.stages.items():
        with parcel.room() as room:
            for path in stage.outputs:
                shutil.copyfile(done / path, room / f"{number}_{Path(path).name}")
            stages[name] = type(stage)(stage.fingerprint, stage.estimate, parcel.publish(room, "."))
    made = type(record)(f"{number}.jpg", str(number), record.file, "done", stages=stages)
    return Answer(made, parcel.folder, parcel.files)


def seconds(photos: int, workers: int, facts: argparse.Namespace) -> float:
    """What a batch takes on paper.

    start + photos (scan + sheet) + max(photos p / workers, photos (dask + deliver)) + p

    with p seconds a worker spends on a photo. Workers and the batch's own process work at the same time, so that the
    slower of the two counts; the last p is the photo that everybody waits for.
    """
    before_and_after = photos * (facts.scan_ms + facts.sheet_ms) / 1000
    meanwhile = max(photos * facts.photo_s / workers, photos * (facts.dask_ms + facts.deliver_ms) / 1000)
    return float(facts.start_s + before_and_after + meanwhile + facts.photo_s)


def paper(facts: argparse.Namespace) -> list[str]:
    """A table of photos and workers."""
    lines = ["| photos | workers | seconds | times one worker | photos a second |", "| --- | --- | --- | --- | --- |"]
    for photos in (100, 1000, 10_000):
        alone = seconds(photos, 1, facts)
        for workers in (1, 2, 10, 100):
            took = seconds(photos, workers, facts)
            lines.append(f"| {photos} | {workers} | {took:.0f} | {alone / took:.1f} | {photos / took:.2f} |")
    busy = (facts.dask_ms + facts.deliver_ms) / 1000
    lines.append(f"The batch's own process is the limit from {facts.photo_s / busy:.0f} workers on.")
    return lines


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("scale", "serial"):
        command = commands.add_parser(name)
        command.add_argument("--set", type=Path, required=True)
        command.add_argument("--work", type=Path, required=True)
    commands.choices["scale"].add_argument("--workers", type=int, nargs="+", default=[1, 2])
    commands.choices["scale"].add_argument("--preview", default="none")
    commands.choices["serial"].add_argument("--count", type=int, default=300)
    facts = commands.add_parser("paper")
    for name in ("photo-s", "start-s", "scan-ms", "dask-ms", "deliver-ms", "sheet-ms"):
        facts.add_argument(f"--{name}", type=float, required=True)
    arguments = parser.parse_args()
    if arguments.command == "scale":
        print(json.dumps(scale(arguments.set, arguments.work, arguments.workers, arguments.preview), indent=1))
    elif arguments.command == "serial":
        print(json.dumps(serial(arguments.set, arguments.work, arguments.count), indent=1))
    else:
        print("\n".join(paper(arguments)))


if __name__ == "__main__":
    main()
