"""Pictures of characters: on their photo, beside it, from all around, as wire and shaded, and three panels at a glance.

What is drawn is the mesh as Blender evaluates it from the armature and the sliders, seen through the photo's camera as
it stands in the scene, so that edits show and so does a mistake anywhere in the rig. The scene is only read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import bpy

from native_runtime.errors import Sam3dbError
from native_runtime.render.files import save_picture
from native_runtime.render.pictures import KINDS, OF_PHOTO, Kind, OwnRenderer, PhotoView, Renderer, Stage

from .blender_engines import Engine, blender_renderer
from .subject import heading_of, photo_view_of, surface_of

if TYPE_CHECKING:
    from native_runtime.image.reading import Photo
    from native_runtime.render.colour import Pixels
    from native_runtime.render.raster import Surface

__all__ = [
    "KINDS",
    "LOOKS",
    "RENDERERS",
    "Kind",
    "Look",
    "RendererName",
    "preview_steps",
    "render_panels",
    "render_previews",
    "save_picture",
]

RendererName = Literal["own", Engine]
RENDERERS: tuple[RendererName, ...] = ("own", *get_args(Engine))
Look = Literal["textured", "clay"]
LOOKS: tuple[Look, ...] = get_args(Look)

_ENDING = ".jpg"


def render_previews(
    rigs: Sequence[bpy.types.Object],
    kinds: Sequence[Kind],
    folder: Path,
    stem: str,
    size: int = 768,
    photo: Photo | None = None,
    renderer: RendererName = "own",
    look: Look = "textured",
) -> dict[Kind, Path]:
    """Draws the characters of one photo together and writes ``STEM_KIND.jpg`` for each kind.

    Args:
        rigs: of the current scene, all of one photo; each gets a tint of its own, in this order.
        size: height of a picture, px; those that are wider than high become less high, and a turntable has two rows.
        photo: as it was read, where it is at hand; else it is found by the .blend.
        renderer: this project's own, or one of Blender's engines.
        look: with the pictures that the characters' materials show, or all in the tints.

    Raises:
        Sam3dbError: a kind could not be drawn (the photo is gone) or written. The others were written before.
    """
    written: dict[Kind, Path] = {}
    refused: list[Sam3dbError] = []
    for kind, outcome in preview_steps(rigs, kinds, folder, stem, size, photo, renderer, look):
        if isinstance(outcome, Path):
            written[kind] = outcome
        else:
            refused.append(outcome)
    if refused:
        raise refused[0]
    return written


def preview_steps(
    rigs: Sequence[bpy.types.Object],
    kinds: Sequence[Kind],
    folder: Path,
    stem: str,
    size: int = 768,
    photo: Photo | None = None,
    renderer: RendererName = "own",
    look: Look = "textured",
) -> Iterator[tuple[Kind, Path | Sam3dbError]]:
    """As ``render_previews``, one kind at a time: the file, or why there is none.

    What the scene holds is read once, before the first kind.

    Raises:
        Sam3dbError: the characters belong to several photos, or there is nothing to be seen of them.
    """
    surface = surface_of(rigs, look == "textured")
    heading = heading_of(rigs[0])
    seen: PhotoView | Sam3dbError | None = None
    if OF_PHOTO.intersection(kinds):
        try:
            seen = photo_view_of(rigs[0], photo)
        except Sam3dbError as error:
            seen = error
    with _opened(renderer, rigs, surface, look) as drawing:
        stage = Stage(surface, drawing, heading)
        for kind in kinds:
            try:
                yield kind, save_picture(folder / f"{stem}_{kind}{_ENDING}", _draw(stage, kind, seen, size))
            except Sam3dbError as error:
                yield kind, error


def _opened(
    name: RendererName, rigs: Sequence[bpy.types.Object], surface: Surface, look: Look
) -> AbstractContextManager[Renderer]:
    if name == "own":
        return nullcontext(OwnRenderer(surface))
    return blender_renderer(name, rigs, surface, look == "clay")


def _draw(stage: Stage, kind: Kind, photo: PhotoView | Sam3dbError | None, size: int) -> Pixels:
    if kind == "shaded":
        return stage.shaded(size)
    if kind == "wire":
        return stage.wire(size)
    if kind == "turntable":
        return stage.turntable(size)
    if not isinstance(photo, PhotoView):
        raise photo or AssertionError
    if kind == "panels":
        return stage.panels(photo, size)
    return stage.overlay(photo, size) if kind == "overlay" else stage.beside(photo, size)


def render_panels(rigs: Sequence[bpy.types.Object], photo: Photo, size: int = 720) -> Pixels:
    """RGB pixels that show a new character at a glance: photo | character over the photo | character turned."""
    surface = surface_of(rigs)
    stage = Stage(surface, OwnRenderer(surface), heading_of(rigs[0]))
    return stage.panels(photo_view_of(rigs[0], photo), size)
