"""Choosing what a character wears: one of each kind, made again for another mesh, nothing of an artist's lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import bpy

from native_runtime.characters.sliders import identity_sliders
from native_runtime.errors import Sam3dbError
from native_runtime.wearables import wardrobe
from native_runtime.wearables.choice import Choice, Wearer
from native_runtime.wearables.defaults import SHOWN, default_outfit, in_seen_colour, is_told

from ..rig.pose import read_settings
from ..rig.properties import read_sliders
from ..rig.worn import WORN_PROPERTY, chosen_kinds, mark_chosen, worn_by
from ..scene.provenance import read_origin
from ..scene.textured import texture_of
from .attaching import Worn, exchange, is_changed, make_again, put_on, take_off
from .materials import Colour, chosen_colour

if TYPE_CHECKING:
    from native_runtime.mhr import Body
    from native_runtime.wearables.wearable import Wearable


def worn_of(rig: bpy.types.Object, kind: str) -> bpy.types.Object | None:
    """What a character wears of a kind."""
    for obj in worn_by(rig):
        worn = Worn.of(obj)
        if worn is not None and worn.kind == kind:
            return obj
    return None


def outfit_of(rig: bpy.types.Object, mesh: bpy.types.Object, body: Body) -> list[Choice]:
    """What a character wears unless somebody says otherwise: by its shape, its texture and what its photo told."""
    identity = read_sliders(rig, identity_sliders(body))
    details = read_origin(rig).details["details"]
    return default_outfit(body, identity, details, texture_of(mesh) is not None)


def dress(rig: bpy.types.Object, mesh: bpy.types.Object, body: Body) -> list[str]:
    """Gives a new character what it wears by default, except of kinds that it wears already, or of which somebody
    chose that it wears none.

    Args:
        mesh: the character's own.
        body: the one that ``mesh`` was made of.

    Returns:
        What the artist should know; what does not fit the body is left out.
    """
    notes, chosen = [], chosen_kinds(rig)
    for choice in outfit_of(rig, mesh, body):
        if choice.kind not in chosen and worn_of(rig, choice.kind) is None:
            try:
                put_on(rig, mesh, body, _made(rig, body, choice), choice)
            except Sam3dbError as error:
                notes.append(str(error))
    return notes


def wear(rig: bpy.types.Object, mesh: bpy.types.Object, body: Body, choice: Choice) -> list[str]:
    """Lets a character wear something in place of what it wears of that kind.

    The object stays, with its modifiers and custom properties, and gets another mesh and materials. A mesh that an
    artist has worked on is not touched: it stays in the file, hidden, as a mesh of the artist's own. The choice is
    noted, so that defaults do not replace it.

    Args:
        mesh: the character's own.
        body: the one that ``mesh`` was made of.

    Returns:
        What the artist should know.

    Raises:
        Sam3dbError: there is no such style.
    """
    wearable = _made(rig, body, choice)
    worn = worn_of(rig, choice.kind)
    if worn is None or is_changed(worn):
        notes = remove(rig, choice.kind)
        put_on(rig, mesh, body, wearable, choice)
    else:
        notes = []
        exchange(worn, rig, mesh, body, wearable, choice)
    mark_chosen(rig, choice.kind, True)
    return notes


def dress_again(rig: bpy.types.Object, mesh: bpy.types.Object, body: Body) -> list[str]:
    """Gives a character what it wears by default in place of what it wears; see ``dress``. Meshes that an artist has
    worked on are left alone, and so is what somebody chose of kinds of which the photo told nothing.
    """
    notes = []
    outfit = {choice.kind: choice for choice in outfit_of(rig, mesh, body)}
    for kind in chosen_kinds(rig):
        if kind in outfit and is_told(outfit[kind]):
            mark_chosen(rig, kind, False)
    chosen = chosen_kinds(rig)
    for obj in worn_by(rig):
        worn = Worn.of(obj)
        if worn is None:
            continue
        if is_changed(obj):
            notes.append(f"'{obj.name}' was edited: it is kept.")
        elif worn.kind in chosen:
            notes.append(f"'{obj.name}' was chosen, and the photo tells nothing of it: it is kept.")
        elif worn.kind not in outfit:
            take_off(obj)
        elif worn.choice != (choice := outfit[worn.kind]):
            try:
                exchange(obj, rig, mesh, body, _made(rig, body, choice), choice)
            except Sam3dbError as error:
                notes.append(str(error))
    return notes + dress(rig, mesh, body)


def adapt(rig: bpy.types.Object, mesh: bpy.types.Object, body: Body) -> list[str]:
    """Takes off what a texture shows now, underwear where it has clothes and brows where it has some, and puts it on
    where none does any more. What somebody chose stays as it is.
    """
    if texture_of(mesh) is None:
        return dress(rig, mesh, body)
    wanted = {choice.kind for choice in outfit_of(rig, mesh, body)}
    for kind in set(SHOWN) - wanted - chosen_kinds(rig):
        obj = worn_of(rig, kind)
        if obj is not None and not is_changed(obj):
            take_off(obj)
    return []


def choice_of(rig: bpy.types.Object, kind: str, style: str) -> Choice:
    """A style that an artist chose: in the colour of what the character wears of that kind, where it has been given
    one; else in the photo's.
    """
    choice = in_seen_colour(read_origin(rig).details["details"], kind, style)
    colour = _colour_of(rig, kind)
    return choice if colour is None else replace(choice, colour=colour)


def _colour_of(rig: bpy.types.Object, kind: str) -> Colour | None:
    """The colour of what a character wears of a kind: chosen by somebody, or else what it was made in."""
    obj = worn_of(rig, kind)
    if obj is None:
        return None
    material = obj.material_slots[0].material if obj.material_slots else None
    chosen = None if material is None else chosen_colour(material)
    worn = Worn.of(obj)
    return chosen if chosen is not None or worn is None or worn.choice is None else worn.choice.colour


def style_title(obj: bpy.types.Object) -> str:
    """What artists call the style of something worn."""
    worn = Worn.of(obj)
    if worn is None:
        return obj.name
    style = None if worn.choice is None else wardrobe.STYLES.get(worn.kind, {}).get(worn.choice.style)
    return worn.name if style is None else style.title


def remove(rig: bpy.types.Object, kind: str) -> list[str]:
    """Takes off what a character wears of a kind, and notes that somebody chose this; see ``wear``."""
    notes = []
    mark_chosen(rig, kind, True)
    while (obj := worn_of(rig, kind)) is not None:
        if is_changed(obj):
            _release(obj)
            notes.append(f"'{obj.name}' was edited: it is kept, hidden.")
        else:
            take_off(obj)
    return notes


def renew(rig: bpy.types.Object, mesh: bpy.types.Object, body: Body) -> list[str]:
    """Makes what a character wears again for another mesh of it, another level of detail, say.

    What an artist has worked on stays as it is; it moves with the rig as before.

    Returns:
        What the artist should know.
    """
    notes = []
    for obj in worn_by(rig):
        worn = Worn.of(obj)
        if worn is None or worn.body_hash == body.hash:
            continue
        if worn.choice is None or is_changed(obj):
            notes.append(f"'{obj.name}' keeps its mesh, which was made or edited by hand.")
            continue
        make_again(obj, rig, body, _made(rig, body, worn.choice), worn.choice)
    return notes


def _made(rig: bpy.types.Object, body: Body, choice: Choice) -> Wearable:
    """A choice made for the character as its sliders are now."""
    style = wardrobe.STYLES.get(choice.kind, {}).get(choice.style)
    if style is None or style.fit is None:
        return wardrobe.make(body, choice)
    settings = read_settings(rig, body)
    return wardrobe.make(body, choice, Wearer(settings.model_parameters, settings.identity))


def _release(obj: bpy.types.Object) -> None:
    """Makes a worn mesh an artist's own, and hides it."""
    del obj[WORN_PROPERTY]
    obj.hide_viewport = obj.hide_render = True
