"""The last estimates of a character, to go back to.

A rig carries them as one text in a custom property that library overrides may change. Of each there is what cannot be
had from the body again: the numbers, the edits and what was said about handles.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from native_runtime.engines.looks import LOOKS
from native_runtime.files.formats import Format
from native_runtime.prompts.prompt import keypoint_titles, kind_of

from ..rig.properties import slider_path
from .edits import TOUCHED, Memory
from .prompt_keys import keypoint_at
from .provenance import undamaged

if TYPE_CHECKING:
    import bpy

    from native_runtime.mhr import Body
    from native_runtime.prompts.prompt import Prompt

#: The custom property of a rig.
PROPERTY = "sam3db_snapshots"
FORMAT = Format("sam3db-snapshot", unversioned=True)
_TITLE = "The record of an earlier estimate"
#: How many are kept, the first and the latest; fewer where they take more characters than this.
KEPT, ROOM = 10, 48_000
IMPORTED, BY_HAND, AGAIN = "Import", "Edited by Hand", "Updated from Photo"
_VERBS = {"place": "Dragged", "ignore": "Ignored", "incorrect": "Marked as Wrong"}
_SAME_PX = 0.01
#: What an engine says about prompts, which handles show, and about the person's looks.
_JUDGEMENT = ("prompt_warnings", "suggested_keypoints", "pins_out_of_reach", LOOKS, "views")

Said = dict[int, tuple[int, float, float]]
"""key (``prompt_keys``) -> (state, x, y), px, of the handles whose state was set."""


@dataclass(frozen=True)
class Snapshot:
    """A character at some time.

    Attributes:
        name: what it was due to.
        when: seconds since 1970; no two of a character are of the same time.
        memory: its numbers and edits.
        said: about its handles.
        details: what the engine said about these.
    """

    name: str
    when: float
    memory: Memory
    said: Said
    details: Mapping[str, Any]

    def is_like(self, other: Snapshot) -> bool:
        """Whether both are of the same pose, shape and pins."""
        if self.memory.slots != other.memory.slots or self.said.keys() != other.said.keys():
            return False
        if np.abs(self.memory.applied - other.memory.applied).max() > TOUCHED:
            return False
        pairs = ((self.said[index], other.said[index]) for index in self.said)
        return all(np.abs(np.subtract(one, another)).max() <= _SAME_PX for one, another in pairs)


def begin(rig: bpy.types.Object) -> None:
    """Makes room on a new rig, see ``edits.begin``."""
    rig[PROPERTY] = ""
    rig.property_overridable_library_set(slider_path(PROPERTY), True)


@undamaged(_TITLE)
def entries(rig: bpy.types.Object) -> list[tuple[str, float]]:
    """Name and time of all of a character, the oldest first."""
    return [(entry["name"], entry["when"]) for entry in _entries(rig)]


def snapshot_of(rig: bpy.types.Object, when: float) -> Snapshot | None:
    """The one of a time; None where there is none any more."""
    return next((_read(entry) for entry in _entries(rig) if entry["when"] == when), None)


def take(rig: bpy.types.Object, body: Body, name: str, memory: Memory, said: Said, details: Mapping[str, Any]) -> None:
    """Adds one; the oldest but the first give way."""
    found = _entries(rig)
    entry = {
        "format": str(FORMAT),
        "name": name,
        "when": max(round(time.time(), 3), *(entry["when"] + 0.001 for entry in found), 0.0),
        "memory": memory.to_text(body, "<f4"),
        "said": [[index, state, round(x, 3), round(y, 3)] for index, (state, x, y) in said.items()],
        "details": {key: details[key] for key in _JUDGEMENT if key in details},
    }
    found.append(entry)
    while len(found) > KEPT or (len(found) > 2 and _room(found) > ROOM):
        del found[1]
    if rig.get(PROPERTY) is None:
        begin(rig)
    rig[PROPERTY] = json.dumps(found, ensure_ascii=False)


def keep(rig: bpy.types.Object, body: Body, name: str, memory: Memory, said: Said, details: Mapping[str, Any]) -> None:
    """Adds one, unless one is like it."""
    present = Snapshot(name, 0.0, memory, said, details)
    if not any(present.is_like(_read(entry)) for entry in _entries(rig)):
        take(rig, body, name, memory, said, details)


def cause_of(before: Sequence[Prompt], now: Sequence[Prompt]) -> str:
    """What changed between two requests, in words; empty where nothing did."""
    old, new = ({prompt[0]: (kind_of(prompt), *prompt[1:3]) for prompt in prompts} for prompts in (before, now))
    changes: dict[str, list[int]] = {}
    for index in sorted(old.keys() | new.keys()):
        if index not in new:
            changes.setdefault("Unpinned", []).append(index)
        elif index not in old or _differs(old[index], new[index]):
            changes.setdefault(_VERBS[new[index][0]], []).append(index)
    for verb, indices in changes.items():
        others = f" and {len(indices) - 1} More" if len(indices) > 1 else ""
        return f"{keypoint_titles()[keypoint_at(indices[0])]}{others} {verb}"
    return ""


def _differs(one: tuple[str, float, float], other: tuple[str, float, float]) -> bool:
    moved = max(abs(one[1] - other[1]), abs(one[2] - other[2])) > _SAME_PX
    return one[0] != other[0] or (moved and one[0] != "ignore")


@undamaged(_TITLE)
def _entries(rig: bpy.types.Object) -> list[dict[str, Any]]:
    text = rig.get(PROPERTY)
    return [FORMAT.checked(entry, _TITLE) for entry in json.loads(text)] if text else []


@undamaged(_TITLE)
def _read(entry: Mapping[str, Any]) -> Snapshot:
    said = {int(index): (int(state), float(x), float(y)) for index, state, x, y in entry["said"]}
    return Snapshot(entry["name"], entry["when"], Memory.from_text(entry["memory"], "<f4"), said, entry["details"])


def _room(found: Sequence[Mapping[str, Any]]) -> int:
    return len(json.dumps(found, ensure_ascii=False))
