"""What still has to be requested from the engine, according to the scene.

A character's pose is pending as long as one of its handles is not where it was last settled, or an operator
requested a new pose and the request was not taken up. All of it is kept in the objects, so that Blender's history knows
which of its steps are only half of what the artist did: the request, and not yet the pose that followed.
"""

from __future__ import annotations

import bpy

from ..scene.lookup import in_scenes, rig_with
from ..scene.provenance import character_id, is_character
from .handles import CHARACTER, STATE, State, handles_of, is_handle, moved, refresh_look, settle, state_of

#: Custom properties of a rig: whether a new pose is requested, and how many requests have ended.
REQUESTED = "sam3db_wished"
ENDED = "sam3db_ended"


def request(rig: bpy.types.Object) -> None:
    """Notes that a new pose is requested, whether or not a handle was moved."""
    rig[REQUESTED] = True


def take_up(rig: bpy.types.Object) -> bool:
    """Pins the handles that were moved where they lie now, and clears the request; whether there was one."""
    found = [handle for handle in handles_of(rig) if moved(handle)]
    for handle in found:
        if state_of(handle) is not State.PINNED:
            handle[STATE] = int(State.PINNED)
        settle(handle)
        refresh_look(handle)
    requested = bool(rig.get(REQUESTED, False))
    if requested:
        rig[REQUESTED] = False
    return requested or bool(found)


def ended(rig: bpy.types.Object) -> int:
    """How many requests about a character have ended: answered, failed or given up."""
    return int(rig.get(ENDED, 0))


def end(rig: bpy.types.Object) -> None:
    """Notes that one more has."""
    rig[ENDED] = ended(rig) + 1


def all_ended() -> dict[str, int]:
    """``ended`` of every character, by its id."""
    return {character_id(rig): ended(rig) for rig in _rigs()}


def unanswered() -> dict[str, int]:
    """The characters with a pending pose by their ids, with ``ended``."""
    touched = dict.fromkeys(str(obj[CHARACTER]) for obj in in_scenes() if is_handle(obj) and moved(obj))
    touched |= dict.fromkeys(character_id(rig) for rig in _rigs() if rig.get(REQUESTED, False))
    rigs = {character: rig_with(character) for character in touched}
    return {character: 0 if rig is None else ended(rig) for character, rig in rigs.items()}


def _rigs() -> list[bpy.types.Object]:
    return [obj for obj in in_scenes() if is_character(obj)]
