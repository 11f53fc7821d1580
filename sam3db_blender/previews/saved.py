"""Which pictures are made of a scene or a .blend file: one set for the people of each photo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

import bpy

from native_runtime.batch.names import clean_name, short_name
from native_runtime.errors import Sam3dbError

from ..files.blend import open_blend
from ..scene.provenance import is_character, read_origin
from .subject import groups_of


@dataclass(frozen=True)
class Group:
    """The characters of one photo.

    Attributes:
        photo: the photo's name.
        stem: what the names of their pictures begin with.
        rigs: the characters, of the current scene.
    """

    photo: str
    stem: str
    rigs: tuple[bpy.types.Object, ...]


def named_groups(scene: bpy.types.Scene, stem: str) -> list[Group]:
    """The characters of a scene that are to be seen, by photo.

    Args:
        stem: of all pictures; the photo's name follows where there are several.

    Raises:
        Sam3dbError: there is nobody.
    """
    found = groups_of(scene)
    if not found:
        raise Sam3dbError("No character made from a photo is visible in this scene.")
    groups: list[Group] = []
    taken: set[str] = set()
    for rigs in found:
        photo = PurePath(str(read_origin(rigs[0]).details["photo"]).replace("\\", "/")).name or rigs[0].name
        own = short_name(stem if len(found) == 1 else f"{stem}_{clean_name(PurePath(photo).stem)}")
        name, number = own, 2
        while name.casefold() in taken:
            name, number = f"{own}-{number}", number + 1
        taken.add(name.casefold())
        groups.append(Group(photo, name, tuple(rigs)))
    return groups


def groups_of_file(file: Path, stem: str) -> Iterator[Group]:
    """Opens a .blend and goes through its scenes; each group is to be drawn before the next one is asked for.

    Blender's current file is replaced: this is for processes that have no other work in it. Scripts of the file are not
    run.

    Raises:
        Sam3dbError: it is no .blend file, or holds no character.
    """
    open_blend(file)
    scenes = [scene for scene in bpy.data.scenes if any(map(is_character, scene.objects))]
    if not scenes:
        raise Sam3dbError(f"{file} holds no character made from a photo.")
    for number, scene in enumerate(scenes):
        bpy.context.window.scene = scene
        yield from named_groups(scene, stem if number == 0 else f"{stem}_{clean_name(scene.name)}")
