"""From the worker's files to characters in the open scene."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from native_runtime.engines.estimate import Estimate
from native_runtime.engines.results import read_results
from native_runtime.errors import Sam3dbError
from native_runtime.image.reading import Photo, read_photo
from native_runtime.mhr import Body
from native_runtime.models.store import load_body
from native_runtime.pipeline.inference import PHOTO_TURNED

from ..handles import deletions
from ..handles.photo_scene import build_photo_scene
from ..scene.character import PhotoScene
from ..scene.idle import rest_idle

if TYPE_CHECKING:
    from native_runtime.pipeline.requests import EstimateRequest

#: The kinds of data-blocks that an import makes.
_KINDS = ("collections", "objects", "armatures", "meshes", "cameras", "lights", "images", "materials", "worlds")
_RENDER_SETTINGS = ("resolution_x", "resolution_y", "resolution_percentage", "pixel_aspect_x", "pixel_aspect_y")


def add_to_scene(
    context: bpy.types.Context,
    request: EstimateRequest,
    estimates: Sequence[Path],
    light: bool = True,
    controls: bool = False,
) -> PhotoScene:
    """Builds the characters of a photo in the context's scene; where that fails, the scene is as it was.

    Args:
        estimates: the files that the worker wrote, one per person.
        controls: give the characters control rigs.
    """
    if not estimates:
        raise Sam3dbError("Nobody was found in the photo.")
    people = [Estimate.load(path) for path in estimates]
    body = load_body(request.body, request.models)
    photo = read_photo(request.photo).turned_by(people[0].details.get(PHOTO_TURNED, 0))
    return _build(context, people, photo, body, light, controls=controls)


def add_results(
    context: bpy.types.Context,
    result: Path,
    body: Body,
    photo: Path | None = None,
    light: bool = True,
    controls: bool = False,
) -> PhotoScene:
    """Builds the characters of a SAM 3D Body result made elsewhere; where that fails, the scene is as it was.

    Args:
        result: the ``.npz`` or ``.json`` file.
        body: a level of detail of MHR's own body.
        photo: the photo that it was made of; without it the camera stands where it stood and shows nothing.
    """
    picture = None if photo is None else read_photo(photo)
    size = None if picture is None else picture.original_size
    people = read_results(result, body, image_size=size, photo="" if photo is None else photo.name)
    return _build(context, people, picture, body, light, result.stem, controls)


def _build(
    context: bpy.types.Context,
    people: Sequence[Estimate],
    photo: Photo | None,
    body: Body,
    light: bool,
    name: str = "",
    controls: bool = False,
) -> PhotoScene:
    """Builds the scene, all of it or nothing, and leaves the first character selected."""
    scene = context.scene
    assert scene is not None
    deletions.clean_in_scripts()
    with _all_or_nothing(scene):
        built = build_photo_scene(scene, people, photo, body, light=light, name=name, controls=controls)
    for obj in context.selected_objects:
        obj.select_set(False)
    rig = built.characters[0].rig
    rig.select_set(True)
    context.view_layer.objects.active = rig
    if bpy.app.background:  # in a window they come to rest by themselves
        rest_idle(context)
    return built


@contextmanager
def _all_or_nothing(scene: bpy.types.Scene) -> Iterator[None]:
    """Removes every data-block made inside, and restores the scene's camera, world and frame, when an error passes."""
    before = {kind: {block.as_pointer() for block in getattr(bpy.data, kind)} for kind in _KINDS}
    camera, world = scene.camera, scene.world
    render = {name: getattr(scene.render, name) for name in _RENDER_SETTINGS}
    try:
        yield
    except BaseException:
        if bpy.context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        for kind in _KINDS:
            blocks = getattr(bpy.data, kind)
            bpy.data.batch_remove([block for block in blocks if block.as_pointer() not in before[kind]])
        scene.camera, scene.world = camera, world
        for name, value in render.items():
            setattr(scene.render, name, value)
        raise
