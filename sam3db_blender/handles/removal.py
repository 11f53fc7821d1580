"""Removing a character from the scene with everything that came with it, whether by a button or after it was deleted.

With a person go their rig, body, handles and what was made for them to wear; with the last person of a photo its
camera, picture, lights and collections. What the artist made stays: whatever else hangs on the rig keeps its place, and
collections that hold anything else keep it. Copies of a rig share its id and its handles, which stay as long as one of
them does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import bpy

from ..controls.shapes import remove_shapes
from ..rig.control_pose import CONTROLS, controls_of
from ..rig.mesh import BODY_PROPERTY
from ..rig.resting import forget_stores
from ..rig.worn import is_worn
from ..rigify.parts import parts_of, remove_parts
from ..scene.camera import cameras_of
from ..scene.lookup import in_scenes, require_own
from ..scene.photo import OVERLAY
from ..scene.provenance import character_id, is_character
from ..scene.stage import STAGE
from .handles import CHARACTER, is_handle
from .plane import PLANE

#: How the name of a collection with lights ends that older versions made for each photo.
_STAGE_NAME = " Stage"


@dataclass(frozen=True)
class Belongings:
    """What came with a character, by the names of objects and collections.

    Attributes:
        cameras: of the photos; none where they were deleted.
        bodies: the meshes that this extension made for the rig, what is worn among them.
        homes: the collections in which these and the rig lie.
    """

    cameras: tuple[str, ...]
    bodies: tuple[str, ...]
    homes: tuple[str, ...] = ()

    @classmethod
    def of(cls, rig: bpy.types.Object) -> Belongings:
        """Those of a rig."""
        cameras = list(cameras_of(rig).values())
        bodies = [child for child in rig.children if _is_part(child)]
        homes = {home.name for obj in (rig, *cameras, *bodies) for home in obj.users_collection}
        names = tuple(body.name for body in bodies)
        return cls(tuple(camera.name for camera in cameras), names, tuple(sorted(homes)))

    def with_copy(self, other: Belongings) -> Belongings:
        """These and those of a copy of the rig."""
        return Belongings(self.cameras, self.bodies + other.bodies, self.homes + other.homes)


def characters() -> dict[str, Belongings]:
    """All characters of all scenes by their ids, and what came with them; linked ones are nobody's to clean up."""
    found: dict[str, Belongings] = {}
    for rig in (obj for obj in in_scenes() if is_character(obj) and not obj.library):
        own, known = Belongings.of(rig), found.get(character_id(rig))
        # copies of a rig share its id: the bodies of all are needed as long as one is there
        found[character_id(rig)] = own if known is None else known.with_copy(own)
    return found


def remove_character(rig: bpy.types.Object) -> None:
    """Removes a character and what came with it.

    Raises:
        Sam3dbError: it is linked from another file.
    """
    require_own(rig)
    character, own = character_id(rig), Belongings.of(rig)
    remove_parts(parts_of(rig))
    for child in list(rig.children):
        if child.name not in own.bodies:
            world = child.matrix_world.copy()
            child.parent = None
            child.matrix_world = world
    _remove([rig, *_named(own.bodies)])
    clean_up({character: own})


def clean_up(gone: dict[str, Belongings]) -> int:
    """Removes what is left of characters whose rigs are gone; how many objects and collections that were."""
    left = characters()
    leftovers = [obj for obj in in_scenes() if is_handle(obj) and obj[CHARACTER] in gone and obj[CHARACTER] not in left]
    for character, own in gone.items():
        if character not in left:
            leftovers += [body for body in _named(own.bodies) if _is_left_alone(body)]
            _remove_mask(character)
    cameras = _cameras_of_all(gone) - _cameras_of_all(left)
    for camera in _named(cameras):
        leftovers += _of_photo(camera, everything=not left)
    leftovers = [obj for obj in dict.fromkeys(leftovers) if not obj.library]
    _remove(leftovers)
    empty = _empty_homes(gone)
    for home in empty:
        _remove_empty(home)
    if gone:
        remove_shapes()  # of controls
    forget_stores()  # of drivers, if the character was at rest
    return len(leftovers) + len(empty)


def _cameras_of_all(characters: dict[str, Belongings]) -> set[str]:
    return {camera for own in characters.values() for camera in own.cameras}


def _empty_homes(characters: dict[str, Belongings]) -> list[bpy.types.Collection]:
    """The collections of some characters and their handles that hold nothing."""
    homes = {name for own in characters.values() for name in own.homes}
    return [
        home
        for home in bpy.data.collections
        if (home.name in homes or home.get(CHARACTER) in characters)
        and not (home.objects or home.children or home.library)
    ]


def _named(names: Collection[str]) -> list[bpy.types.Object]:
    """The objects of this file by their names."""
    return [obj for obj in bpy.data.objects if obj.name in names and not obj.library]


def ownerless(known: dict[str, Belongings]) -> set[str]:
    """What of characters lies in scenes without a rig: handles by their character's id, bodies and photos' cameras by
    their names, and the empty collections of those of the known characters that are gone.
    """
    there = characters()
    used = _cameras_of_all(there)
    found = {str(obj[CHARACTER]) for obj in in_scenes() if is_handle(obj)} - there.keys()
    for obj in in_scenes():
        if obj.get(PLANE) is not None and obj.parent is not None and obj.parent.name not in used:
            found.add(obj.parent.name)
        elif _is_part(obj) and _is_left_alone(obj):
            found.add(obj.name)
    gone = {character: own for character, own in known.items() if character not in there}
    return found | {home.name for home in _empty_homes(gone)}


def _is_part(obj: bpy.types.Object) -> bool:
    """Whether an object is the body of a character, what was made for it to wear, or its control rig."""
    return obj.get(BODY_PROPERTY) is not None or is_worn(obj) or bool(obj.get(CONTROLS))


def _is_left_alone(body: bpy.types.Object) -> bool:
    """Whether a body stands in its rest pose, as nothing moves it any more; or controls move nobody."""
    if body.get(CONTROLS):
        return bool(body.users_scene) and not any(controls_of(rig) == body for rig in in_scenes() if is_character(rig))
    modifiers = [modifier for modifier in body.modifiers if isinstance(modifier, bpy.types.ArmatureModifier)]
    scenes = set(body.users_scene)
    moved = (modifier.object for modifier in modifiers)
    return bool(modifiers and scenes) and not any(rig is not None and set(rig.users_scene) & scenes for rig in moved)


def _of_photo(camera: bpy.types.Object, everything: bool) -> list[bpy.types.Object]:
    """The objects that came with a photo; the scene's lights and floor only with the last of all photos."""
    found = [camera, *(child for child in camera.children if child.get(PLANE) is not None)]
    above = [top for top in bpy.data.collections if set(camera.users_collection) & set(top.children)]
    stages = [part for top in above for part in top.children if part.name.endswith(_STAGE_NAME)]
    if everything:
        stages += [part for part in bpy.data.collections if part.get(STAGE)]
    return found + [obj for part in stages for obj in part.objects if obj.type == "LIGHT" or obj.is_shadow_catcher]


def _remove_mask(character: str) -> None:
    """Removes the picture of a person's mask from over the photo."""
    for data in bpy.data.cameras:
        for entry in list(data.background_images):
            if entry.image is not None and entry.image.get(OVERLAY) == character:
                image = entry.image
                data.background_images.remove(entry)
                bpy.data.images.remove(image)


def _remove(objects: Iterable[bpy.types.Object]) -> None:
    """Removes objects, what nothing else needs of their data, and the collections that are empty without them."""
    objects = list(objects)
    homes = [home for obj in objects for home in obj.users_collection]
    data = [block for obj in objects for block in _data_of(obj)]
    bpy.data.batch_remove(objects)
    _purge(data)
    for home in dict.fromkeys(homes):
        _remove_empty(home)


def _data_of(obj: bpy.types.Object) -> list[bpy.types.ID]:
    """The data-blocks that an object brought, in the order in which they need each other."""
    data: Any = obj.data
    found: list[bpy.types.ID | None] = [data]
    if isinstance(data, bpy.types.Camera):
        found += [entry.image for entry in data.background_images if entry.image]
    found += [slot.material for slot in obj.material_slots]
    return [block for block in found if block is not None]


def _purge(blocks: Iterable[bpy.types.ID]) -> None:
    """Removes those of the data-blocks that nothing uses."""
    for block in dict.fromkeys(blocks):
        if block.users == 0 and not block.library:
            bpy.data.batch_remove([block])


def _remove_empty(home: bpy.types.Collection) -> None:
    """Removes a collection that holds nothing, and those above it that hold nothing else."""
    if home not in set(bpy.data.collections) or home.objects or home.children or home.library:
        return
    above = [top for top in bpy.data.collections if home.name in top.children]
    bpy.data.collections.remove(home)
    for top in above:
        _remove_empty(top)
