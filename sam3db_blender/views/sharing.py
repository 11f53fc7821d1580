"""One skeleton and shape for the characters of one body that stand in photos of different moments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from native_runtime.errors import Sam3dbError
from native_runtime.mhr import SCALE

from ..handles.measures import state_of
from ..handles.session import stand_by_hand
from ..scene.bodies import body_of
from ..scene.lookup import require_own
from ..scene.viewpoints import characters_of_body

if TYPE_CHECKING:
    import bpy


def share_body(rig: bpy.types.Object) -> list[bpy.types.Object]:
    """Gives the other characters of a body the skeleton and shape that this one has now, as an edit by hand; their
    poses stay until they are inferred again.

    Returns:
        The rigs that have changed.

    Raises:
        Sam3dbError: there are no others, they have other bodies, or one of them cannot be changed.
    """
    others = [other for other in characters_of_body(rig) if other != rig]
    if not others:
        raise Sam3dbError(f"'{rig.name}' is the only character of its body.")
    body = body_of(rig)
    mine = state_of(rig, body)
    states = []
    for other in others:
        require_own(other)
        theirs = state_of(other, body_of(other))
        if len(theirs.identity) != len(mine.identity):
            raise Sam3dbError(f"'{other.name}' has another body than '{rig.name}' now.")
        parameters = theirs.model_parameters.copy()
        parameters[SCALE] = mine.model_parameters[SCALE]
        states.append(replace(theirs, model_parameters=parameters, identity=mine.identity.copy()))
    for other, state in zip(others, states, strict=True):
        stand_by_hand(other, body_of(other), state)
    return others
