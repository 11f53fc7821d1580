"""Ends installations at random moments and lets them go on: nothing wrong may ever lie where it would be used.

    python -m bench.install_kills [--kills 20] [--seed 0] [--json FILE]

A made-up release of SAM 3D Body (a few megabytes, in small blocks) is installed from a hub on this machine by a process
of its own, which is killed (SIGKILL): after a random time, or at a random report of its progress. After each kill all
that lies in the models folder is looked at; after one to four kills the installation is let through. Meanwhile the
servers misbehave in turn: refusals, broken connections, no ranges, wrong bytes, a slow line, a file that changes, a
repository that moved on.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from native_runtime.build.install import STAGE
from native_runtime.files.hashes import sha256_of
from native_runtime.models import manifest
from native_runtime.models.download.part import Part
from native_runtime.models.shelf import ShelfItem, state_of
from native_runtime.models.shelf.state import downloads_folder, entries_of
from tests.support import toy_sam3d_body
from tests.support.hub import COMMIT, Hub, hub
from tests.support.toy_shelf import CHECKPOINT, files_of, item_of, proving, write_release

MACCAP = "cristianAdi13/maccap-model"
SPEED = 250_000.0
PATIENCE_S = 120.0
ROOT = Path(__file__).resolve().parents[1]


def own(service: Hub, path: str = CHECKPOINT) -> Any:
    """The server of the first source's file."""
    return service.storage[f"{MACCAP}:{path}"]


def refuse(status: int) -> Callable[[Hub], None]:
    return lambda service: service.refuses.update({MACCAP: status})


def storage_status(status: int) -> Callable[[Hub], None]:
    def apply(service: Hub) -> None:
        own(service).status = status

    return apply


def cut(service: Hub) -> None:
    own(service).cut_after, own(service).cuts = 30_000, 20


def truncate(service: Hub) -> None:
    own(service).cut_after, own(service).cuts = 0, 10**9


def no_ranges(service: Hub) -> None:
    for server in service.storage.values():
        server.ranges = False


def wrong_bytes(service: Hub) -> None:
    """The service says that it is the right file, and the storage sends another."""
    own(service).content = own(service).content[::-1]
    service.says[CHECKPOINT] = {"X-Linked-ETag": None}


def other_version(service: Hub) -> None:
    own(service).content = own(service).content[:-7] + b"changed"


def new_etag(service: Hub) -> None:
    own(service).etag = f'"{random.random()}"'


def moved_on(service: Hub) -> None:
    service.says[CHECKPOINT] = {"X-Repo-Commit": COMMIT[::-1]}


def one_connection(service: Hub) -> None:
    for server in service.storage.values():
        server.at_once = 1


TROUBLES: dict[str, Callable[[Hub], None]] = {
    "none": lambda service: None,
    "401": refuse(401),
    "403": refuse(403),
    "404": refuse(404),
    "503": refuse(503),
    "storage 403": storage_status(403),
    "connections break": cut,
    "sends nothing": truncate,
    "no ranges": no_ranges,
    "wrong bytes": wrong_bytes,
    "another version": other_version,
    "new ETag": new_etag,
    "repository moved on": moved_on,
    "one connection": one_connection,
}


class WrongError(Exception):
    """Something lies where it would be used, and is not what it should be."""


def inspect(item: ShelfItem, models: Path, release: Path) -> str:
    """Look at everything that would be used; the item's state."""
    state = state_of(item, models).state
    downloads = downloads_folder(item, models)
    for name, entry in entries_of(downloads).items():
        right = sha256_of(release / ("assets" if name.startswith("mhr") else "") / name)
        if entry["sha256"] != right or sha256_of(downloads / name) != right:
            raise WrongError(f"{name} is listed and is not the released file")
    networks = models / "sam3d_body"
    if (networks / manifest.NAME).is_file():
        manifest.verify(networks)
        if not proving()(["sam3d_body"], models, lambda fraction, text: None).passed:
            raise WrongError("the networks in place are wrong")
        if state != "ready":
            raise WrongError(f"the networks are in place, but the state is {state}")
    elif state in ("ready", "broken"):
        raise WrongError(f"the state is {state} without networks")
    if (models / "bodies" / manifest.NAME).is_file():
        manifest.verify(models / "bodies")
    data = release / CHECKPOINT
    part = Part(downloads / CHECKPOINT, sha256_of(data))
    if part.path.is_file() and part.length > data.stat().st_size:
        raise WrongError("the part is longer than the file")
    return state


def moment(choose: random.Random) -> Callable[[float, int, bool], bool]:
    """When to kill, by the seconds since it began, the lines that it wrote, and whether all is downloaded."""
    seconds, line, late = choose.uniform(0.0, 4.0), choose.randint(1, 60), choose.randint(1, 25)
    seen = 0

    def after_downloads(now: float, lines: int, downloaded: bool) -> bool:
        nonlocal seen
        seen += downloaded
        return seen >= late

    return choose.choice(
        [lambda now, lines, downloaded: now > seconds, lambda now, lines, downloaded: lines >= line, after_downloads]
    )


def attempt(arguments: list[str], kill: Callable[[float, int, bool], bool] | None) -> tuple[bool, str, int]:
    """One process: whether it came to its end, its last line, and how many lines it wrote."""
    command = [sys.executable, "-m", "tests.support.toy_shelf", *arguments]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    assert child.stderr is not None
    last, lines, began = "", 0, 0.0
    for line in child.stdout:
        last, lines = line.strip(), lines + 1
        began = began or time.monotonic()
        downloaded = line[0].isdigit() and float(line.split()[0]) >= 0.75
        if kill is not None and kill(time.monotonic() - began, lines, downloaded):
            child.kill()
            break
        if time.monotonic() - began > PATIENCE_S:
            child.kill()
            raise WrongError(f"it does not come to an end: {last}")
    rest = child.stdout.read().strip().splitlines()
    code = child.wait()
    last = rest[-1] if rest else last
    if code not in (0, -9):
        raise WrongError(f"it failed: {child.stderr.read()[-2000:]}")
    return code == 0, last, lines


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    choose = random.Random(options.seed)
    random.seed(options.seed)
    kills: list[dict[str, Any]] = []
    installed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as work:
        release = write_release(Path(work) / "release")
        templates = toy_sam3d_body.write_templates(Path(work) / "templates")
        item = item_of(release)
        files = files_of(release)
        everything = files | {f"{MACCAP}:{path}": content for path, content in files.items()}
        names = list(TROUBLES)
        choose.shuffle(names)
        number = 0
        while len(kills) < options.kills or number < len(names):
            models = Path(work) / f"models{number}"
            trouble = names[number % len(names)]
            with hub(everything, token=None) as service:
                for server in service.storage.values():
                    server.speed = SPEED
                arguments = [str(release), str(templates), str(models), service.address]
                at_once, turns = choose.random() < 0.5, choose.randint(1, 3)
                if at_once:
                    TROUBLES[trouble](service)
                for turn in range(turns):
                    if turn == 1 and not at_once:
                        TROUBLES[trouble](service)  # it begins between two attempts
                    done, last, _ = attempt(arguments, moment(choose))
                    state = inspect(item, models, release)
                    if done:
                        break
                    kills.append({"round": number, "trouble": trouble, "at": last, "state": state})
                    print(f"kill {len(kills):3}  {trouble:20} {state:10} at {last}", flush=True)
                done, last, _ = attempt(arguments, None)
                if not done or inspect(item, models, release) != "ready" or (models / STAGE).exists():
                    raise WrongError(f"round {number} did not come to its end: {last}")
                installed[last.removeprefix("done").strip() or "before"] += 1
                number += 1
    phases = Counter(kill["at"].partition(" ")[2].partition(" ")[0] for kill in kills)
    print(f"{len(kills)} kills in {number} installations, all of which came to their end; nothing wrong was in place.")
    print(f"killed while: {dict(phases)}; sources in the end: {dict(installed)}")
    if options.json:
        options.json.write_text(json.dumps({"kills": kills, "installations": number, "sources": installed}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
