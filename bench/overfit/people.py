"""Rendered people as the trainer reads them from a data set, without the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from native_runtime.dataset.annotations import stacked
from native_runtime.dataset.rows import Row
from native_runtime.dataset.runs import Runs, encode
from native_runtime.errors import FileError
from native_runtime.mhr import Body
from native_runtime.synthetic.library import library, pose_parameters, varied
from native_runtime.synthetic.pictures import Photographer
from native_runtime.synthetic.poses import LIBRARY, Pose
from native_runtime.synthetic.truth import Annotator
from native_runtime.training.data import CropSettings, PeopleInPictures
from native_runtime.training.models import BodyBranch, Crops
from native_runtime.training.people import People
from native_runtime.training.rounds import Batch
from native_runtime.training.surface import Surface


@dataclass(frozen=True)
class Learnt:
    """People in memory: the trainer's ``Data``."""

    crops: Crops
    people: People

    def __len__(self) -> int:
        return len(self.crops.pixels)

    def batch(self, numbers: Sequence[int]) -> Batch:
        """See ``trainer.Data``."""
        index = torch.tensor(list(numbers))
        return Batch(list(numbers), self.crops.each(lambda a: a[index]), self.people.each(lambda a: a[index]))


class _InMemory:
    """``dataset.pictures.Pictures`` that were never written."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def read(self, name: str) -> bytes:
        if name not in self.files:
            raise FileError(f"There is no picture {name}.")
        return self.files[name]


def learnt(branch: BodyBranch, body: Body, count: int) -> Learnt:
    """People in poses of the library, one a picture, for a network; everything follows from their number.

    Args:
        body: the network's.
    """
    photographer, annotator, pictures = Photographer(body), Annotator(body), _InMemory()
    rows: list[tuple[Row, Runs | None]] = []
    names = list(library()["poses"])
    for number in range(count):
        rng = np.random.default_rng([7, number])
        name = str(rng.choice(names))
        pose = Pose(varied(body, rng, name, pose_parameters(body, name))[0], LIBRARY + name, False)
        shot = photographer.shoot(lambda _, pose=pose: pose, rng, company=0.0)  # type: ignore[misc]
        image = f"{number}.png"
        pictures.files[image] = cv2.imencode(".png", shot.pixels[..., ::-1])[1].tobytes()
        for row in annotator.rows(shot, image, number)[:1]:
            mask = row.mask
            rows.append((row, None if mask is None else Runs(encode(mask), *mask.shape)))
    head = branch.network.part("head_pose", "body")
    data = PeopleInPictures(
        stacked(rows),
        pictures,
        {name: buffer.numpy() for name, buffer in head.named_buffers()},
        # their bones differ in more ways than the network can say; by a millimetre
        CropSettings(branch.network.configuration.image_size[0], body=body.hash, scale_off=1.0),
        Surface(branch.support, branch.surface) if branch.has_surface else None,
    )
    batch = data.batch(range(count))
    return Learnt(batch.crops, batch.people)
