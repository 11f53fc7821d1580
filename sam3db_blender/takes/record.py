"""What a character remembers of the take that it was made from: one text in a custom property of its rig."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from native_runtime.files.formats import Format
from native_runtime.files.names import as_text

from ..scene.provenance import undamaged

if TYPE_CHECKING:
    import bpy

    from native_runtime.takes.take import Take

    from .motion import Clock, PersonMotion

#: The custom property of a rig.
PROPERTY = "sam3db_take"
FORMAT = Format("sam3db-take-record")
_ADDED = ("prompts", "world", "home")


@dataclass(frozen=True)
class TakeRecord:
    """Where a character's motion comes from.

    Attributes:
        take: the take's file; footage: that of the footage; empty where it is not known.
        person: number in the footage, from 0.
        start, rate, zero: see ``motion.Clock``.
        first, last: frames of the scene.
        camera: "fixed" or "moving".
        quality: the take's figures.
        prompts: what is said of frames: the footage's number of a frame, then a prompt as in files of them
            (``native_runtime.prompts.prompt``), px of the footage.
        world: (4, 4) row by row, from the take's world to that in which its people were placed together.
        home: (3,) m, camera axes: where MHR's origin was in the first frame, when the character was made; empty in
            records of earlier versions.
    """

    take: str
    footage: str
    person: int
    start: int
    rate: float
    zero: float
    first: int
    last: int
    camera: str
    quality: dict[str, Any] = field(default_factory=dict)
    prompts: tuple[tuple[Any, ...], ...] = ()
    world: tuple[tuple[float, ...], ...] = ()
    home: tuple[float, ...] = ()

    def prompts_on(self, frame: int) -> dict[int, tuple[Any, ...]]:
        """By keypoint, what is said of a frame of the footage."""
        return {prompt[1]: prompt for prompt in self.prompts if prompt[0] == frame}


def record_of(person: PersonMotion, clock: Clock, frames: range, file: Path | None, footage: Path | None) -> TakeRecord:
    """What a character that moves as a person does is to remember.

    Args:
        frames: of the scene.
        file: the take's; footage: that of the footage; None where it is not at hand.
    """
    take = person.take
    return TakeRecord(
        take="" if file is None else as_text(str(file)),
        footage="" if footage is None else as_text(str(footage)),
        person=take.person,
        start=clock.start,
        rate=clock.rate,
        zero=clock.zero,
        first=frames.start,
        last=frames.stop - 1,
        camera=take.camera,
        quality=take.to_json()["quality"],
        prompts=prompts_of(take),
        world=tuple(map(tuple, person.world.tolist())),
        home=tuple(person.first.camera_translation.tolist()),
    )


def prompts_of(take: Take) -> tuple[tuple[Any, ...], ...]:
    """The prompts of a take as a record has them."""
    return tuple((frame, *prompt) for frame, given in sorted(take.prompts.items()) for prompt in given.keypoints)


def write_record(rig: bpy.types.Object, record: TakeRecord) -> None:
    """Writes the record."""
    rig[PROPERTY] = json.dumps({"format": str(FORMAT), **asdict(record)}, ensure_ascii=False)


def read_record(rig: bpy.types.Object) -> TakeRecord | None:
    """The record of a character; None where it is of no take.

    Raises:
        Sam3dbError: it is damaged, or of a newer version of the program.
    """
    text = rig.get(PROPERTY)
    if text is None:
        return None
    title = f"The record of the take of '{rig.name}'"
    with undamaged(title):
        content = FORMAT.checked(json.loads(text), title)
        # records of earlier versions lack what was added since
        known = {
            name: content[name] for name in TakeRecord.__dataclass_fields__ if name in content or name not in _ADDED
        }
        for name in ("prompts", "world"):
            known[name] = tuple(map(tuple, known.get(name, ())))
        return TakeRecord(**known)
