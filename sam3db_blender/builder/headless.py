"""From an estimate to a .blend file and a preview, without a window: what the command line calls."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.errors import Sam3dbError

from ..files.blend import save_blend
from ..handles.photo_scene import build_photo_scene
from ..previews.making import render_panels, save_picture
from ..scene.character import PhotoScene
from ..textures.projecting import Bools, texture_people
from ..wearables.dressing import dress

if TYPE_CHECKING:
    from native_runtime.engines.estimate import Estimate
    from native_runtime.image.reading import Photo
    from native_runtime.mhr import Body


def write_character(
    estimate: Estimate | Sequence[Estimate],
    photo: Photo,
    body: Body,
    blend_path: str | Path,
    preview_path: str | Path | None = None,
    size: int = 720,
    controls: bool = True,
    textures: bool = False,
    mask: Bools | None = None,
    worn: bool = True,
) -> dict[str, Any]:
    """Builds the characters of one photo in a new file and saves it.

    Blender's current file is replaced: this is for processes that have no other work in it.

    Args:
        estimate: one person, or several of the same photo; they share the camera and keep their places.
        photo: the photo as read by ``native_runtime.image.reading.read_photo``.
        body: the body of the estimates.
        blend_path: the file to write; its folder must exist.
        preview_path: a .png or .jpg to write: photo, overlay and turned view; None for none.
        size: height of the preview's panels, px.
        controls: give the characters control rigs.
        textures: lay the photo on the characters.
        mask: (H, W) of the original photo: where the one person is, as somebody drew it, for the texture.
        worn: give the characters what they wear by default (``wearables``).

    Returns:
        ``blend`` and ``preview`` (paths as text, ``preview`` None where none was asked for), ``characters`` (their
        ids and objects' names), ``seconds`` (build, texture, wearables, save, preview), ``notes`` for people to read.

    Raises:
        Sam3dbError: the estimate does not fit the body, or a file cannot be written.
    """
    estimates = list(estimate) if isinstance(estimate, Sequence) else [estimate]
    blend = Path(blend_path).absolute()
    if not blend.parent.is_dir():
        raise Sam3dbError(f"The folder {blend.parent} does not exist.")
    seconds: dict[str, float] = {}

    start = time.perf_counter()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    built = build_photo_scene(bpy.data.scenes[0], estimates, photo, body, controls=controls)
    _select(built)
    bpy.context.view_layer.update()
    seconds["build"] = time.perf_counter() - start

    notes: tuple[str, ...] = ()
    if textures:
        start = time.perf_counter()
        notes = texture_people([c.rig for c in built.characters], body, photo, mask)
        seconds["texture"] = time.perf_counter() - start

    if worn:
        start = time.perf_counter()
        notes = (*notes, *(note for c in built.characters for note in dress(c.rig, c.mesh, body)))
        seconds["wearables"] = time.perf_counter() - start

    start = time.perf_counter()
    save_blend(blend)
    seconds["save"] = time.perf_counter() - start

    preview = None
    if preview_path is not None:
        start = time.perf_counter()
        preview = Path(preview_path).absolute()
        save_picture(preview, render_panels([c.rig for c in built.characters], photo, size))
        seconds["preview"] = time.perf_counter() - start
    return {
        "blend": str(blend),
        "preview": None if preview is None else str(preview),
        "characters": [{"id": c.id, "rig": c.rig.name, "mesh": c.mesh.name} for c in built.characters],
        "notes": list(notes),
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
    }


def _select(built: PhotoScene) -> None:
    """Leaves the first character's rig selected and active, as an artist expects after an import."""
    rig = built.characters[0].rig
    rig.select_set(True)
    bpy.context.view_layer.objects.active = rig
