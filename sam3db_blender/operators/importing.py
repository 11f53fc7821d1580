"""From the worker's files to characters in the open scene."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from native_runtime.engines.details import turn_of
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.results import read_results
from native_runtime.errors import Sam3dbError
from native_runtime.files.names import as_text
from native_runtime.image.reading import Photo, read_photo
from native_runtime.mhr import Body
from native_runtime.models.store import load_body
from native_runtime.texture.files import EncodedTexture

from .. import listening
from ..handles import deletions
from ..handles.photo_scene import build_photo_scene
from ..scene.bodies import installed_body
from ..scene.character import Character, PhotoScene
from ..scene.idle import rest_idle
from ..scene.textured import put_on, share
from ..takes.build import TakeOptions, TakeScene, build_take_scene
from ..takes.files import footage_of, read_takes
from ..views.build import ViewsScene, build_views_scene
from ..wearables.dressing import dress

if TYPE_CHECKING:
    from native_runtime.pipeline.requests import EstimateRequest
    from native_runtime.texture.files import TextureFiles

    from ..views.files import SeenViews

#: The kinds of data-blocks that an import makes.
_KINDS = (
    *("collections", "objects", "armatures", "meshes", "cameras", "lights", "images", "materials", "worlds"),
    "actions",
)
_RENDER_SETTINGS = (
    *("resolution_x", "resolution_y", "resolution_percentage", "pixel_aspect_x", "pixel_aspect_y"),
    *("fps", "fps_base"),
)
_TIMES = ("frame_start", "frame_end", "frame_current")


def add_to_scene(
    context: bpy.types.Context,
    request: EstimateRequest,
    estimates: Sequence[Path],
    light: bool = True,
    controls: bool = False,
    textures: Sequence[TextureFiles | None] = (),
    worn: bool = True,
) -> PhotoScene:
    """Builds the characters of a photo in the context's scene; where that fails, the scene is as it was.

    Args:
        estimates: the files that the worker wrote, one per person.
        controls: give the characters control rigs.
        textures: what the characters are to wear, in the order of the estimates.
        worn: give them what they wear by default.
    """
    if not estimates:
        raise Sam3dbError("Nobody was found in the photo.")
    people = [Estimate.load(path) for path in estimates]
    body = load_body(request.body, request.models)
    photo = read_photo(request.photo).turned_by(turn_of(people[0].details))
    return _build(context, people, photo, body, light, controls=controls, textures=textures, worn=worn)


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
    textures: Sequence[TextureFiles | None] = (),
    worn: bool = True,
) -> PhotoScene:
    """Builds the scene, all of it or nothing, and leaves the first character selected."""
    scene = context.scene
    assert scene is not None
    listening.begin()
    deletions.clean_in_scripts()
    with _all_or_nothing(scene):
        built = build_photo_scene(scene, people, photo, body, light=light, name=name, controls=controls)
        for character, texture in zip(built.characters, textures):
            if texture is not None:
                put_on(character.rig, EncodedTexture.read(texture))
        if worn:
            _dress(built.characters, body)
    _select(context, built)
    if bpy.app.background:  # in a window they come to rest by themselves
        rest_idle(context)
    return built


def _dress(characters: Sequence[Character], body: Body) -> None:
    """Gives characters what they wear by default; what does not fit the body is left out."""
    for character in characters:
        dress(character.rig, character.mesh, body)


def _select(context: bpy.types.Context, built: PhotoScene) -> None:
    """Leaves the first character selected."""
    for obj in context.selected_objects:
        obj.select_set(False)
    rig = built.characters[0].rig
    rig.select_set(True)
    context.view_layer.objects.active = rig


def add_takes(context: bpy.types.Context, files: Sequence[Path], options: TakeOptions) -> TakeScene:
    """Builds the people of take files in the context's scene; where that fails, the scene is as it was.

    Args:
        options: where they name no footage, it is looked for beside the files.
    """
    scene = context.scene
    assert scene is not None
    takes = read_takes(files)
    body = installed_body(takes[0].body_name)
    found = options.footage or footage_of(takes[0], files[0])
    options = replace(options, footage=found)
    listening.begin()
    deletions.clean_in_scripts()
    with _all_or_nothing(scene):
        made = build_take_scene(scene, takes, body, options, files)
        _dress(made.built.characters, body)
    if found is None:
        made.notes.append(
            f"'{as_text(Path(takes[0].footage.file).name)}' was not found and is not shown behind the camera: put it "
            "beside the take's file or a folder or two above, or choose it as 'Footage' beside the file browser, and "
            "import the take again."
        )
    _select(context, made.built)
    return made


def add_views(
    context: bpy.types.Context,
    seen: SeenViews,
    body: Body,
    light: bool = True,
    controls: bool = False,
    texture: TextureFiles | None = None,
) -> ViewsScene:
    """Builds a person of several photos in the context's scene; where that fails, the scene is as it was.

    Args:
        controls: give the characters control rigs.
        texture: what all characters are to wear.
    """
    scene = context.scene
    assert scene is not None
    listening.begin()
    deletions.clean_in_scripts()
    with _all_or_nothing(scene):
        made = build_views_scene(scene, seen, body, light, controls)
        if texture is not None:
            first, *others = (character.rig for character in made.characters)
            put_on(first, EncodedTexture.read(texture))
            share(first, others)
        _dress(made.characters, body)
    _select(context, made.built)
    return made


@contextmanager
def _all_or_nothing(scene: bpy.types.Scene) -> Iterator[None]:
    """Removes every data-block made inside, and restores the scene's settings, when an error passes."""
    before = {kind: {block.as_pointer() for block in getattr(bpy.data, kind)} for kind in _KINDS}
    camera, world = scene.camera, scene.world
    render = {name: getattr(scene.render, name) for name in _RENDER_SETTINGS}
    times = {name: getattr(scene, name) for name in _TIMES}
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
        for name, moment in times.items():
            setattr(scene, name, moment)
        raise
