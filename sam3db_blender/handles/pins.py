"""What the artist says about keypoints, and what the engine says back: states, prompts, warnings, suggestions.

Nothing here infers again: see ``watch.refresh``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from native_runtime.prompts.prompt import PromptKind, keypoint_names, kind_of

from ..scene.lookup import rig_with
from ..scene.viewpoints import view_of, viewpoint_of
from .handles import (
    CHARACTER,
    STATE,
    SUGGESTED,
    WARNING,
    State,
    by_keypoint,
    group_of,
    handles_of,
    in_all_views,
    keypoint_of,
    mirror_of,
    place,
    put,
    refresh_look,
    settle,
    state_of,
)

if TYPE_CHECKING:
    import bpy

    from native_runtime.prompts.prompt import Prompt

_KINDS: dict[State, PromptKind] = {State.PINNED: "place", State.IGNORED: "ignore", State.INCORRECT: "incorrect"}


def set_state(handle: bpy.types.Object, state: State) -> None:
    """Says something about a keypoint. Unpinned, its handle goes back to where the pose has it."""
    handle[STATE] = int(state)
    handle[WARNING] = ""
    if state is State.PREDICTED:
        rig = rig_with(str(handle[CHARACTER]))
        pixel = None if rig is None else viewpoint_of(rig, view_of(handle)).keypoints_2d[keypoint_of(handle)]
        if pixel is not None and np.isfinite(pixel).all():
            put(handle, pixel)
    settle(handle)
    refresh_look(handle)


def pinned(rig: bpy.types.Object) -> list[bpy.types.Object]:
    """The handles that the artist has pinned in the view that is worked in, by keypoint."""
    return [handle for handle in handles_of(rig) if state_of(handle) is State.PINNED]


def prompts(rig: bpy.types.Object) -> list[Prompt]:
    """All that the artist says: (key, x, y, kind), px of the original photos, as they lie now. The key is the number of
    the keypoint on the first photo (``scene.prompt_keys``).
    """
    return prompts_of(in_all_views(rig))


def prompts_in(rig: bpy.types.Object, view: int = 0) -> list[Prompt]:
    """All that the artist says on one photo, for an engine: (keypoint, x, y, kind), px of the original photo."""
    return prompts_of(by_keypoint(rig, view))


def prompts_of(handles: Mapping[int, bpy.types.Object]) -> list[Prompt]:
    """What the artist says by some handles, by the numbers that they have here."""
    said = {index: (handle, state_of(handle)) for index, handle in handles.items()}
    return [(index, *place(handle), _KINDS[state]) for index, (handle, state) in said.items() if state in _KINDS]


def say(handles: Mapping[int, bpy.types.Object], prompts: Iterable[Prompt]) -> None:
    """Makes handles say what prompts say, in the pixels of the original photo."""
    states = {kind: state for state, kind in _KINDS.items()}
    for prompt in prompts:
        handle, state = handles[prompt[0]], states[kind_of(prompt)]
        if state is not State.IGNORED:  # which goes where the pose goes
            put(handle, prompt[1:3])
        set_state(handle, state)


def reset(rig: bpy.types.Object, group: str | None = None) -> None:
    """Takes back all that was said about the character's keypoints, or about those of one group, on all photos."""
    for handle in in_all_views(rig).values():
        if (group is None or group_of(handle) == group) and state_of(handle) is not State.PREDICTED:
            set_state(handle, State.PREDICTED)


def symmetric(handle: bpy.types.Object) -> bpy.types.Object | None:
    """The handle on the other side; None for those in the middle, or where it was deleted."""
    rig, other = rig_with(str(handle[CHARACTER])), mirror_of(keypoint_of(handle))
    return None if rig is None or other == keypoint_of(handle) else by_keypoint(rig, view_of(handle)).get(other)


def next_suggested(rig: bpy.types.Object) -> bpy.types.Object | None:
    """The handle whose true place would help the engine most, of those that nothing was said about."""
    ranked = [
        (int(handle.get(SUGGESTED, 0)), handle) for handle in handles_of(rig) if state_of(handle) is State.PREDICTED
    ]
    return min(((rank, handle) for rank, handle in ranked if rank > 0), key=lambda pair: pair[0], default=(0, None))[1]


def warnings(rig: bpy.types.Object) -> list[tuple[bpy.types.Object, str]]:
    """The handles that contradict the rest on the photo that is worked in, and why."""
    return warnings_in(rig, view_of(rig))


def warnings_in(rig: bpy.types.Object, view: int) -> list[tuple[bpy.types.Object, str]]:
    """As ``warnings``, on the photo of a view."""
    return [(handle, str(handle[WARNING])) for handle in by_keypoint(rig, view).values() if handle.get(WARNING)]


def judgement_in(details: Mapping[str, Any], view: int) -> Mapping[str, Any]:
    """What an answer says about the prompts on one of a character's photos; of a single photo all that it says."""
    prompts = details.get("views", {}).get("prompts")
    return details if prompts is None else dict(prompts.get(str(view), {}))


def note_judgement(handles: Mapping[int, bpy.types.Object], details: Mapping[str, Any]) -> None:
    """Writes an engine's judgement of the prompts (``Estimate.details``) onto the handles, and updates the look of
    those whose judgement changed.
    """
    reasons: dict[int, list[str]] = {}
    for warning in details.get("prompt_warnings", ()):
        reasons.setdefault(int(warning["keypoint"]), []).append(_in_words(warning))
    out_of_reach = set(details.get("pins_out_of_reach", ()))
    for index in handles:
        if keypoint_names()[index] in out_of_reach:
            reasons.setdefault(index, []).append("The body cannot reach it in this pose.")
    suggested = details.get("suggested_keypoints", ())
    ranks = {int(suggestion["keypoint"]): rank for rank, suggestion in enumerate(suggested, start=1)}
    for index, handle in handles.items():
        said, rank = " ".join(reasons.get(index, ())), ranks.get(index, 0)
        if handle.get(WARNING) != said or handle.get(SUGGESTED) != rank:
            handle[WARNING], handle[SUGGESTED] = said, rank
            refresh_look(handle)


def _in_words(warning: Mapping[str, Any]) -> str:
    return " ".join(text for text in (warning.get("message"), warning.get("suggestion")) if text)
