"""Data sets of made pictures: in parts, by several processes or machines, and going on where they were broken off.

Everything of a picture follows from the seed and its number.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import UsageError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.hashes import sha256_of
from native_runtime.mhr import Body
from native_runtime.models.store import lists_body

from .card import write_card
from .part_locks import alone
from .pictures import Photographer
from .poses import Poses
from .shard_files import Picture, image_name, is_complete, pictures_of, shards_of, write
from .truth import VERSION, Annotator

SETTINGS = "synthesis.json"
_BODIES = "mhr-lod3", "default-lod1"
_QUALITY, _POOR = (70, 97), (25, 70)
"""Of JPEG files; every fifth is poor."""
_FARTHEST = 65.0
"""Metres that depth is kept of."""


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
        depth: whether there are pictures of depth.
        maker: its version.
    """

    seed: int
    authored: float
    body: str
    poses: str
    depth: bool = False
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
    depth: bool = False, coarsest: Body | None = None,
    tell: Callable[[float, str], None] = lambda fraction, text: None,
) -> Made:  # fmt: skip
    """Write ``out/000000.parquet`` and so on with the people of ``count`` pictures, and these below ``out/images``.

    Args:
        body: whose people are shown.
        poses: a file of ``python -m native_runtime.build.pose_prior poses``.
        authored: the share of the project's own poses.
        depth: write ``out/depth`` as well: PNG of 16 bits, mm, 0 where only the background is.
        coarsest: MHR's LOD 6 where the body is another level of it, for the dense keypoints.
        tell: told which share of the part is done, 0..1, and what is next.

    Raises:
        UsageError: an argument is impossible, the folder holds another set, or another process makes the same part,
            or one of another number of parts.
        OSError: something cannot be written.
    """
    if count < 1:
        raise UsageError(f"A data set needs at least one picture, not {count}.")
    if seed < 0:
        raise UsageError(f"A seed is 0 or more, not {seed}.")
    if not 0.0 <= authored <= 1.0:
        raise UsageError(f"The share of the project's own poses is from 0 to 1, not {authored:g}.")
    if part.count > shards_of(count):
        raise UsageError(
            f"{part.count} parts are more than there are shards: {count} pictures make {shards_of(count)}. "
            "Choose fewer parts."
        )
    if not poses.is_file():
        raise UsageError(
            f"There is no file of poses {poses}. `python -m native_runtime.build.pose_prior poses` makes one of motion "
            "capture."
        )
    out.mkdir(parents=True, exist_ok=True)
    with alone(out, part.number, part.count):
        maker = _Maker(body, coarsest, Poses(body, poses, authored, seed), seed)
        settings = Synthesis(seed, authored, f"{body.name} {body.hash}", sha256_of(poses), depth)
        _settle(out, settings)
        mine = part.of(shards_of(count))
        written = people = pictures = 0
        for done, number in enumerate(mine):
            wanted = pictures_of(number, count)
            if is_complete(out, number, len(wanted)):
                continue
            tell(done / len(mine), f"shard {number + 1} of {shards_of(count)}")
            people += write(out, number, (maker.picture(picture, depth) for picture in wanted))
            written, pictures = written + 1, pictures + len(wanted)
        write_card(out, {key: str(value) for key, value in asdict(settings).items()})
    return Made(written, len(mine) - written, pictures, people)


class _Maker:
    def __init__(self, body: Body, coarsest: Body | None, poses: Poses, seed: int) -> None:
        self._photographer, self._annotator = Photographer(body), Annotator(body, coarsest)
        self._poses, self._seed = poses, seed

    def picture(self, number: int, depth: bool) -> Picture:
        """The picture of a number, everything that is true of it, and its depth if that is wanted."""
        rng = np.random.default_rng([self._seed, number, 1])
        shot = self._photographer.shoot(lambda other: self._poses.pose(number, other), rng)
        quality = int(rng.integers(*_QUALITY) if rng.random() < 0.8 else rng.integers(*_POOR))
        image = _encoded(".jpg", np.ascontiguousarray(shot.pixels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
        away = shot.depth
        millimetres = np.where(away < _FARTHEST, 1000 * np.minimum(away, _FARTHEST), 0.0)
        return Picture(
            number, image, self._annotator.rows(shot, image_name(number), number),
            _encoded(".png", np.round(millimetres).astype(np.uint16), []) if depth else None,
        )  # fmt: skip


def _encoded(kind: str, pixels: NDArray, settings: list[int]) -> bytes:
    return bytes(cv2.imencode(kind, pixels, settings)[1].tobytes())


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
    if not isinstance(found, dict):
        raise UsageError(f"{path} is damaged (it holds no settings). Choose another folder.")
    other = [
        f"{_NAMES[key]}: {found.get(key, 'not stated')} there, {value} wanted"
        for key, value in content.items()
        if found.get(key) != value
    ]
    if other:
        raise UsageError(
            f"{out} holds a set that was made otherwise ({'; '.join(other)}). Choose another folder, or the same "
            "settings."
        )


_NAMES = {
    "seed": "seed",
    "authored": "share of the project's own poses",
    "body": "body",
    "poses": "SHA-256 of the file of poses",
    "depth": "pictures of depth",
    "maker": "version of the maker",
}
"""What the settings are called."""
