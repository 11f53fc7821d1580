"""File names for the pictures that are packed in the .blend, for exporters that write names of files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

import bpy

#: How the content of a picture begins, and how its file is called.
_SUFFIXES = ((b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"\x76\x2f\x31\x01", ".exr"))
#: What Windows, macOS or Linux allows in no file name.
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


@contextmanager
def packed_pictures_named(scene: bpy.types.Scene) -> Iterator[None]:
    """Inside the block each packed picture that the scene's materials show has the path of a file of its own name.

    A picture that was made inside Blender has none, and those that were packed from several folders may share one;
    FBX keeps its pictures apart by these names.
    """
    shown = _pictures(scene)
    taken = {_file_name(picture.filepath).lower() for picture in shown if picture.packed_file is None}
    before = [(picture, picture.filepath_raw) for picture in shown if picture.packed_file is not None]
    try:
        for picture, _ in before:
            name = _free(_proposed(picture), taken)
            taken.add(name.lower())
            picture.filepath_raw = f"//{name}"  # unlike filepath, it does not read the picture again
        yield
    finally:
        for picture, path in before:
            picture.filepath_raw = path


def _pictures(scene: bpy.types.Scene) -> list[Any]:
    """The pictures in the materials of a scene's objects, each once."""
    materials = dict.fromkeys(slot.material for obj in scene.objects for slot in obj.material_slots)
    trees = [material.node_tree for material in materials if material is not None and material.node_tree is not None]
    images = (node.image for tree in trees for node in tree.nodes if node.type == "TEX_IMAGE")
    return list(dict.fromkeys(image for image in images if image is not None))


def _proposed(picture: Any) -> tuple[str, str]:
    """The name and the ending of a packed picture's file."""
    earlier = PurePosixPath(_file_name(picture.filepath) or picture.name)
    start = bytes(picture.packed_file.data[:4])
    suffix = next((suffix for content, suffix in _SUFFIXES if start.startswith(content)), earlier.suffix)
    stem = earlier.stem if earlier.suffix.lower() in (suffix, ".jpeg") else earlier.name
    return _FORBIDDEN.sub("_", stem).strip(" .") or "Picture", suffix


def _file_name(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name


def _free(name: tuple[str, str], taken: set[str]) -> str:
    """A name that no other file has, also where capitals make no difference."""
    stem, suffix = name
    found, number = f"{stem}{suffix}", 2
    while found.lower() in taken:
        found, number = f"{stem} {number}{suffix}", number + 1
    return found
