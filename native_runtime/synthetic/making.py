"""Data sets of made pictures: in parts, by several processes or machines, and going on where they were broken off.

Everything of a picture follows from the seed and its number. A shard of ``PICTURES`` pictures appears whole or not at
all: its rows come last.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.dataset import shards
from native_runtime.dataset.rows import Row
from native_runtime.errors import UsageError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.hashes import sha256_of
from native_runtime.files.locks import HeldError, lock
from native_runtime.mhr import Body
from native_runtime.models.store import lists_body

from .anatomy import Anatomy
from .pictures import shoot
from .poses import Poses
from .truth import VERSION, rows_of

PICTURES = 256
"""In a shard."""
IMAGES, SETTINGS = "images", "synthesis.json"
_BODIES = "mhr-lod3", "default-lod1"
_QUALITY = 70, 96
"""Of JPEG files."""


def default_body(models: str | os.PathLike[str] | None = None) -> str:
    """The name of the body to show: MHR's own where it is installed, at a level of detail that is quick to draw."""
    return next((name for name in _BODIES if lists_body(name, models)), _BODIES[-1])


@dataclass(frozen=True)
class Synthesis:
    """What a data set is made of; one folder has one.

    Attributes:
        seed: of all choices.
        authored: the share of poses that are variations of the project's own.
        body: the name and hash of the body.
        poses: the hash of the file of poses.
        maker: its version.
    """

    seed: int
    authored: float
    body: str
    poses: str
    maker: str = VERSION


@dataclass(frozen=True)
class Part:
    """Part ``number`` of ``count``, from 1: every ``count``-th shard."""

    number: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise UsageError(f"There is no part {self.number} of {self.count}: parts are 1/N to N/N.")

    def of(self, count: int) -> range:
        """The part's own of some shards."""
        return range(self.number - 1, count, self.count)


@dataclass(frozen=True)
class Made:
    """What a run did: shards written and kept, and the pictures and people of those that were written."""

    written: int
    kept: int
    pictures: int
    people: int


def synthesize(
    body: Body, poses: Path, out: Path, count: int, seed: int = 0, part: Part = Part(), authored: float = 0.3,
    tell: Callable[[float, str], None] = lambda fraction, text: None,
) -> Made:  # fmt: skip
    """Write ``out/000000.parquet`` and so on with the people of ``count`` pictures, and these below ``out/images``.

    Args:
        body: whose people are shown.
        poses: a file of ``python -m native_runtime.build.pose_prior poses``.
        authored: the share of the project's own poses.
        tell: told which share of the part is done, 0..1, and what is next.

    Raises:
        UsageError: an argument is impossible, the folder holds another set, or another process makes the same part.
        OSError: something cannot be written.
    """
    if count < 1 or seed < 0 or not 0.0 <= authored <= 1.0:
        raise UsageError("A data set needs at least one picture, a seed of 0 or more, and a share from 0 to 1.")
    if not poses.is_file():
        raise UsageError(f"There is no file of poses {poses}.")
    out.mkdir(parents=True, exist_ok=True)
    try:
        held = lock(out / f".part-{part.number}-of-{part.count}.lock")
    except HeldError as error:
        raise UsageError(f"Another process makes part {part.number}/{part.count} of {out}.") from error
    with held:
        maker = _Maker(Anatomy(body), Poses(body, poses, authored, seed), seed)
        _settle(out, Synthesis(seed, authored, f"{body.name} {body.hash}", sha256_of(poses)))
        mine = part.of(-(-count // PICTURES))
        written = people = pictures = 0
        for done, number in enumerate(mine):
            wanted = range(number * PICTURES, min((number + 1) * PICTURES, count))
            if _complete(out, number, len(wanted)):
                continue
            tell(done / len(mine), f"shard {number + 1} of {-(-count // PICTURES)}")
            people += _write(out, number, wanted, maker)
            written, pictures = written + 1, pictures + len(wanted)
    return Made(written, len(mine) - written, pictures, people)


class _Maker:
    def __init__(self, anatomy: Anatomy, poses: Poses, seed: int) -> None:
        self._anatomy, self._poses, self._seed = anatomy, poses, seed

    def picture(self, number: int, image: str) -> tuple[NDArray[np.uint8], list[Row]]:
        """The JPEG file of a number as bytes (L,), and its rows."""
        pose = self._poses.pose(number)
        rng = np.random.default_rng([self._seed, number, 1])
        shot = shoot(self._anatomy, pose.parameters, rng)
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*_QUALITY))]
        encoded = cv2.imencode(".jpg", np.ascontiguousarray(shot.pixels[..., ::-1]), quality)[1]
        return np.asarray(encoded, np.uint8), rows_of(self._anatomy.body, shot, pose, image, number)


def _settle(out: Path, wanted: Synthesis) -> None:
    """Note what the folder's set is made of.

    Raises:
        UsageError: it is made of something else.
    """
    path, content = out / SETTINGS, asdict(wanted)
    if not path.exists():
        write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())
        return
    try:
        found: Any = json.loads(path.read_text())
    except ValueError as error:
        raise UsageError(f"{path} is damaged ({error}). Choose another folder.") from error
    other = sorted(key for key in content if not isinstance(found, dict) or found.get(key) != content[key])
    if other:
        raise UsageError(f"{out} holds a set with another {' and '.join(other)}. Choose another folder.")


def _complete(out: Path, number: int, pictures: int) -> bool:
    """Whether a shard is there, with as many pictures as are wanted: a set's last one may be shorter."""
    folder = out / IMAGES / f"{number:06}"
    return (out / shards.SHARD.format(number)).is_file() and len(list(folder.glob("*.jpg"))) >= pictures


def _write(out: Path, number: int, wanted: range, maker: _Maker) -> int:
    """Write a shard; how many people it has."""
    name = f"{number:06}"
    images = out / IMAGES
    images.mkdir(exist_ok=True)
    for left in images.glob(f".{name}.*"):  # of a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=images))
    try:
        rows: list[Row] = []
        for picture in wanted:
            file = f"{picture:08}.jpg"
            encoded, found = maker.picture(picture, f"{name}/{file}")
            (staged / file).write_bytes(encoded.tobytes())
            rows += found
        staged.chmod(0o755)
        target = images / name
        (out / shards.SHARD.format(number)).unlink(missing_ok=True)
        if target.exists():
            shutil.rmtree(target)
        os.replace(staged, target)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    shards.write(out / shards.SHARD.format(number), rows)
    return len(rows)
