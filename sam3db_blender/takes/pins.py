"""What an artist says of keypoints on frames of a take: where they are seen, and what becomes of what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import blender_camera_matrix
from native_runtime.errors import Sam3dbError
from native_runtime.prompts.prompt import keypoint_titles
from native_runtime.prompts.spots import Spots, thin_out
from native_runtime.takes.prompted import missed as missed_pins
from native_runtime.takes.request import CorrectTakeRequest
from native_runtime.takes.take import Take

from .. import places
from ..files import bodies
from ..scene.bodies import body_of
from ..scene.provenance import read_origin
from ..scene.readback import estimate_of
from .record import TakeRecord, prompts_of, read_record
from .refit import footage_frame, scene_frame

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

#: What becomes of a keypoint on a frame: it lies at a place, what was seen of it does not count, nothing is said.
Saying = Literal["PLACE", "IGNORE", "FORGET"]
#: px of the region, at the usual size of the user interface: of a spot, and between two of one joint.
SPOT, APART = 6.0, 22.0


@dataclass(frozen=True)
class Pinned:
    """A character's take on a frame of the scene.

    Attributes:
        record: what the character remembers; take: the file that it names.
        frame: the footage's number of the frame that is shown.
    """

    record: TakeRecord
    take: Take
    frame: int

    @property
    def said(self) -> dict[int, tuple[Any, ...]]:
        """By keypoint, what is said of the frame."""
        return self.record.prompts_on(self.frame)


def record_of_take(rig: bpy.types.Object) -> TakeRecord:
    """The record of a character that was made of a take.

    Raises:
        Sam3dbError: it was not, or the take's file is gone.
    """
    record = read_record(rig)
    if record is None:
        raise Sam3dbError(f"'{rig.name}' was not made of a take.")
    if not record.take or not Path(record.take).is_file():
        raise Sam3dbError(
            f"The file of the take of '{rig.name}' is not where it was ('{record.take}'): put it back, or import the "
            "take again."
        )
    return record


def pinned_on(rig: bpy.types.Object, frame: int) -> Pinned:
    """A character's take on a frame of the scene.

    Raises:
        Sam3dbError: there is none, or the frame shows nothing of it.
    """
    record = record_of_take(rig)
    take = Take.load(record.take)
    return Pinned(record, take, footage_frame(record, take, frame))


def with_saying(
    record: TakeRecord, frame: int, keypoint: int, saying: Saying, place: ArrayLike = (0.0, 0.0)
) -> tuple[tuple[Any, ...], ...]:
    """All prompts, with what is said of a keypoint on a frame of the footage; ``place`` px of the footage.

    Raises:
        Sam3dbError: nothing was said that could be forgotten.
    """
    others = [prompt for prompt in record.prompts if tuple(prompt[:2]) != (frame, keypoint)]
    if saying == "FORGET":
        if len(others) == len(record.prompts):
            raise Sam3dbError(f"Nothing is said of {keypoint_titles()[keypoint]} on frame {frame} of the video.")
        return tuple(others)
    x, y = (float(number) for number in np.asarray(place, dtype=np.float64))
    new: tuple[Any, ...] = (frame, keypoint, x, y) if saying == "PLACE" else (frame, keypoint, x, y, "ignore")
    return tuple(sorted([*others, new], key=lambda prompt: prompt[:2]))


def request_for(rig: bpy.types.Object, record: TakeRecord, prompts: tuple[tuple[Any, ...], ...]) -> CorrectTakeRequest:
    """What the worker is asked: the take with these prompts, instead of those that the character has."""
    models = places.models_folder()
    name = str(read_origin(rig).details["body_name"])
    return CorrectTakeRequest(
        take=Path(record.take),
        prompts=prompts,
        before=record.prompts,
        body=bodies.for_worker(name, models),
        models=models,
    )


def in_words(prompt: tuple[Any, ...], record: TakeRecord) -> str:
    """A prompt in a line, with the frame of the scene that shows it, or the video's where the take's file is gone."""
    ignored = " ignored" if len(prompt) > 4 else ""
    path = Path(record.take)
    try:
        frame = f"Frame {scene_frame(record, _take(path, path.stat().st_mtime_ns), prompt[0])}"
    except (OSError, Sam3dbError):
        frame = f"Video's {prompt[0]}"
    return f"{frame}: {keypoint_titles()[prompt[1]]}{ignored}"


@lru_cache(maxsize=4)
def _take(path: Path, changed: int) -> Take:
    return Take.load(path)


def missed(take: Take, known: Sequence[tuple[Any, ...]]) -> list[str]:
    """Says which joints of a take are not where they were placed.

    Args:
        known: prompts of before, which are not spoken of again.
    """
    new = {tuple(prompt[:2]) for prompt in prompts_of(take) if prompt not in set(known)}
    notes = [str(pin) for pin in missed_pins(take) if (pin.frame, pin.keypoint) in new]
    return [note[:1].upper() + note[1:] for note in notes]


def keypoints_in_world(rig: bpy.types.Object, body: Body | None = None) -> Array:
    """(70, 3) world places of a character's keypoints on the frame that is shown.

    Raises:
        Sam3dbError: it cannot be read back.
    """
    origin = read_origin(rig)
    seen = estimate_of(rig, body or body_of(rig)).keypoints_3d
    placed = np.eye(4) if origin.placed is None else origin.placed
    eye = placed @ blender_camera_matrix(origin.arrays["camera_translation"])
    return np.asarray(seen * (1.0, -1.0, -1.0) @ eye[:3, :3].T + eye[:3, 3])


def spots_in(region: Any, view: Any, world: Array, scale: float, always: Any = ()) -> Spots:
    """Where keypoints (70, 3) are seen in a region, but for those that crowd.

    Args:
        view: the region's ``RegionView3D``.
        scale: of the user interface.
        always: keypoints that are shown however near they lie to others.
    """
    clip = np.column_stack([world, np.ones(len(world))]) @ np.array(view.perspective_matrix, dtype=np.float64).T
    before = np.flatnonzero(clip[:, 3] > 0)
    centres = (clip[before, :2] / clip[before, 3:] + 1.0) / 2.0 * np.array([region.width, region.height])
    spots = Spots(tuple(before.tolist()), centres, np.full(len(before), SPOT * scale))
    return thin_out(spots, APART * scale, always)
