"""A set of pictures that Cycles rendered as shards of a data set, beside those of ``sam3db dataset synthesize``.

    python -m bench.accuracy render --out SET --kind harder --count 500
    python -m bench.accuracy dataset --set SET --out DATA

What a set's truth does not say is left out: masks, and which keypoints furniture hides. Children of the harder sets are
the adult's body made smaller after it was posed, so that no parameters say what they are: their rows have keypoints
only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.dataset.rows import SHAPE, PlacedBody, Row
from native_runtime.files.atomic import write_atomically
from native_runtime.mhr import Body
from native_runtime.models.sam3d_body_layout import MODEL_PARAMETERS
from native_runtime.synthetic.shard_files import Picture, image_name, is_complete, pictures_of, shards_of, write
from native_runtime.synthetic.truth import OFFICIAL, pixels_within

from .truth import BODY_FILE, Person, Truth, about_of, split_of

Array = NDArray[np.float64]

VERSION = "cycles-1"
_CARD = """# Data card

{pictures} pictures of people who do not exist, rendered by Cycles (`python -m bench.accuracy render`), {people} people,
{held} of them held out. The set was: {about}. The body is {body}; poses, clothes and rooms are the project's own, but
for poses of motion capture (CMU Graphics Lab Motion Capture Database, free for all uses).
"""


def convert(folder: Path, out: Path, every: int = 3) -> int:
    """Write a set's shards; how many people they have. Those that are there are kept.

    Args:
        folder: the set.
        every: one picture in so many is for tuning (``truth.split_of``); the others are held out.

    Raises:
        FileNotFoundError: the folder holds no set.
    """
    body = Body.load(folder / BODY_FILE)
    files = sorted(folder.glob("[0-9]*.npz"))
    if not files:
        raise FileNotFoundError(f"{folder} holds no rendered pictures")
    for shard in range(shards_of(len(files))):
        mine = pictures_of(shard, len(files))
        if not is_complete(out, shard, len(mine)):
            write(out, shard, (_picture(body, files[number], number, every) for number in mine))
    people = [(path, len(about_of(path)["people"])) for path in files]
    held = sum(count for path, count in people if split_of(int(path.stem), every) == "held-out")
    total = sum(count for _, count in people)
    about = {key: value for key, value in about_of(files[0]).items() if isinstance(value, (str, int, float))}
    said = ", ".join(f"{key} {value}" for key, value in about.items())
    text = _CARD.format(pictures=len(files), people=total, held=held, about=said, body=f"{body.name} {body.hash}")
    write_atomically(out / "data_card.md", text.encode())
    return total


def _picture(body: Body, path: Path, number: int, every: int) -> Picture:
    truth = Truth.load(path)
    held = split_of(int(path.stem), every) == "held-out"
    rows = [_row(body, truth, person, number, subject, held) for subject, person in enumerate(truth.people)]
    return Picture(number, path.with_suffix(".jpg").read_bytes(), rows)


def _row(body: Body, truth: Truth, person: Person, number: int, subject: int, held: bool) -> Row:
    grown = "size" not in person.about
    official = grown and body.name.startswith(OFFICIAL)
    outline = truth.pixels(person.vertices.astype(np.float64))
    limit = np.array(truth.size) - 1.0
    return Row(
        image=image_name(number),
        person=number,
        subject=subject,
        subjects=len(truth.people),
        keypoints_2d=pixels_within(person.keypoints, truth.intrinsics, truth.size),
        keypoints_3d=np.c_[person.keypoints, np.ones(len(person.keypoints))],
        model_parameters=person.model_parameters if official else np.zeros(MODEL_PARAMETERS),
        shape=person.identity if official else np.zeros(SHAPE),
        mhr_valid=official,
        date=VERSION,
        box=np.concatenate([np.clip(outline.min(axis=0), 0, limit), np.clip(outline.max(axis=0), 0, limit)]),
        intrinsics=truth.intrinsics,
        placed=PlacedBody(
            body.name, body.hash, person.model_parameters, person.identity, person.camera_translation, person.expression
        )
        if grown
        else None,
        pose=str(person.about.get("pose", "")),
        held_out=held,
    )
