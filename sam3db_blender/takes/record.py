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

    from .motion import Clock

#: The custom property of a rig.
PROPERTY = "sam3db_take"
FORMAT = Format("sam3db-take-record")


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


def write_record(
    rig: bpy.types.Object, take: Take, clock: Clock, frames: range, file: Path | None, footage: Path | None
) -> None:
    """Writes the record."""
    record = TakeRecord(
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
    )
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
        return TakeRecord(**{name: content[name] for name in TakeRecord.__dataclass_fields__})
