"""Shards: pictures and the rows of their people, which appear whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from native_runtime.dataset import shards
from native_runtime.dataset.rows import Row
from native_runtime.files.moving import replace

PICTURES = 256
"""In a shard."""
IMAGES, DEPTH = "images", "depth"


@dataclass(frozen=True)
class Picture:
    """A picture of a data set.

    Attributes:
        number: in the data set.
        image: the content of its JPEG file.
        rows: its people, whose ``image`` is ``image_name(number)``.
        depth: the content of a PNG file of 16 bits, mm, or None.
    """

    number: int
    image: bytes
    rows: list[Row]
    depth: bytes | None = None


def shards_of(count: int) -> int:
    """How many shards hold so many pictures."""
    return -(-count // PICTURES)


def pictures_of(shard: int, count: int) -> range:
    """The numbers of a shard's pictures where there are ``count`` of them in all."""
    return range(shard * PICTURES, min((shard + 1) * PICTURES, count))


def image_name(picture: int) -> str:
    """Where a picture is in the folder of pictures."""
    return f"{picture // PICTURES:06}/{picture:08}.jpg"


def is_complete(out: Path, shard: int, pictures: int) -> bool:
    """Whether a shard is there, with as many pictures as are wanted: a set's last one may be shorter."""
    folder = out / IMAGES / f"{shard:06}"
    return (out / shards.SHARD.format(shard)).is_file() and len(list(folder.glob("*.jpg"))) >= pictures


def write(out: Path, shard: int, pictures: Iterable[Picture]) -> int:
    """Write a shard; how many people it has. Its rows come last: without them, it counts as not there."""
    name = f"{shard:06}"
    staged: dict[str, Path] = {}
    rows: list[Row] = []
    try:
        for picture in pictures:
            for root, kind, data in ((IMAGES, "jpg", picture.image), (DEPTH, "png", picture.depth)):
                if data is not None:
                    if root not in staged:
                        staged[root] = _staging(out / root, name)
                    (staged[root] / f"{picture.number:08}.{kind}").write_bytes(data)
            rows += picture.rows
        (out / shards.SHARD.format(shard)).unlink(missing_ok=True)
        for root, folder in staged.items():
            if (out / root / name).exists():
                shutil.rmtree(out / root / name)
            replace(folder, out / root / name)
    except BaseException:
        for folder in staged.values():
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return shards.write(out / shards.SHARD.format(shard), rows)


def _staging(root: Path, name: str) -> Path:
    """A new folder for a shard's files beside where they will be; those of runs that were killed go."""
    root.mkdir(parents=True, exist_ok=True)
    for left in root.glob(f".{name}.*"):
        shutil.rmtree(left, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=root))
    made.chmod(0o755)
    return made
