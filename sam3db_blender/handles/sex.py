"""The sex that a character's body shows: as its face says, or as the artist chose, which every inference keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.errors import Sam3dbError

if TYPE_CHECKING:
    from native_runtime.fitting.shape_prior import Sex

    from ..scene.provenance import Origin

#: The custom property of a rig, and its value where the face decides although something else was chosen before.
SEX = "sam3db_sex"
AUTOMATIC = "automatic"

#: What a person reads.
TITLES: Mapping[str, str] = {AUTOMATIC: "Automatic", "female": "Woman", "male": "Man", "neutral": "Neutral"}

#: A slider that bodies with a sex have.
_SLIDER = "Body: gender"


def can_choose(rig: bpy.types.Object, origin: Origin) -> bool:
    """Whether there is anything to choose; it needs no body."""
    from ..jobs.engines import capabilities_of, engine_that_made

    return rig.get(_SLIDER) is not None and capabilities_of(engine_that_made(origin.details)).sexes


def looks_of(origin: Origin) -> Mapping[str, Any]:
    """What the character's estimate says of its looks (``engines.looks.Looks.to_json``); empty in older files."""
    from native_runtime.engines.details import part_of
    from native_runtime.engines.looks import LOOKS

    return part_of(origin.details["details"], LOOKS)


def chosen_sex(rig: bpy.types.Object, origin: Origin) -> Sex | None:
    """What was chosen for a character, in the panel or when it was made; None where the face decides."""
    from native_runtime.engines.looks import SEXES

    looks = looks_of(origin)
    said = str(rig.get(SEX, "")) or (looks.get("sex") if looks.get("stated") else None)
    return next((sex for sex in SEXES if sex == said), None)


def choose(rig: bpy.types.Object, choice: str) -> None:
    """Gives a character's sliders of sex the values of one, and remembers it for every inference.

    What was set on these sliders by hand gives way. Where the face is to decide, they change with the next answer.

    Args:
        choice: one of ``TITLES``.

    Raises:
        Sam3dbError: the character is linked, cannot be keyed, or its body shows no sex.
    """
    from native_runtime.engines.looks import SEXES
    from native_runtime.fitting.shape_prior import sliders_of

    from ..rig.animated import key_where_animated, require_keyable
    from ..rig.pose import read_shape, set_shape
    from ..scene import edits
    from ..scene.bodies import body_of
    from ..scene.lookup import require_own
    from .pins import prompts

    require_own(rig)
    require_keyable(rig)
    body = body_of(rig)
    sex = next((known for known in SEXES if known == choice), None)
    values = sliders_of(body, sex or "neutral")
    if not values:
        raise Sam3dbError("This character's body has no sliders that show a sex.")
    memory = edits.notice(rig, body, prompts(rig))
    slots = {index: memory.slots.identity[index] for index in values}
    applied = memory.applied.copy()
    identity, _ = read_shape(rig, body)
    if sex is not None:
        identity[list(values)] = list(values.values())
        set_shape(rig, body, identity, None)
        key_where_animated(rig)
    applied[list(slots.values())] = identity[list(slots)]
    memory = replace(memory.without(slots.values()), applied=applied, cause=f"Sex: {TITLES[choice]}")
    edits.remember(rig, body, memory)
    rig[SEX] = choice


def restore(rig: bpy.types.Object, details: Mapping[str, Any]) -> None:
    """Chooses again what an earlier estimate was made with."""
    from native_runtime.engines.details import part_of
    from native_runtime.engines.looks import LOOKS

    looks = part_of(details, LOOKS)
    if rig.get(SEX) is not None or looks.get("stated"):
        rig[SEX] = str(looks["sex"]) if looks.get("stated") else AUTOMATIC


def in_words(looks: Mapping[str, Any]) -> str:
    """What the face says, for a line of the panel; empty where nothing is known."""
    import numpy as np

    if looks.get("stated"):
        return "Chosen by you"
    age = f", about {looks['age']:.0f}" if isinstance(looks.get("age"), float) else ""
    age = f", aged {looks['age']:g} as you said" if looks.get("age_stated") else age
    sex = TITLES.get(str(looks.get("sex")))
    if sex is None:
        return f"Not clear from the face{age}" if looks else ""
    sure = float(np.clip(looks.get("certainty", 1.0), 0.0, 1.0))
    return f"{sex}{age}, by the face" if sure > 0.5 else f"Perhaps a {sex.lower()}{age}, by the face"
