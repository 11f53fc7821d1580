"""Characters made from several photos of one person in a scene, with the cameras of all photos and handles on each.

Photos of one moment become one character: the first camera stands as that of a single photo does, and the others
where they see the same body. Photos of different moments become a character for each, side by side, all with the same
skeleton and shape: each has a pose, handles and a camera of its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import bpy
import numpy as np
from mathutils import Matrix

from native_runtime.engines.details import PHOTO_TURNED
from native_runtime.errors import UsageError
from native_runtime.files.names import as_text
from native_runtime.pipeline.inference import LENS
from native_runtime.takes.views.joint import extrinsics_between
from native_runtime.texture.hints import SEEN

from ..handles.making import ensure_handles
from ..handles.photo_scene import build_photo_scene
from ..handles.showing import show_only
from ..scene.camera import add_background, bind_others, build_camera, camera_settings, remember_frame
from ..scene.character import Character, PhotoScene, build_people
from ..scene.photo import pack_photo, remember_file
from ..scene.units import units_per_metre
from ..scene.viewpoints import ViewRecord, Views, place_beside, write_views

if TYPE_CHECKING:
    from native_runtime.engines.estimate import Estimate
    from native_runtime.mhr import Body

    from .files import SeenPerson, SeenViews

#: Model parameters from here on are pose and lengths; before are the place and the rotation of the root.
_POSE = 6
#: By how much a number may differ between photos that share it.
_SAME = 1e-6
_ABOUT_THE_PHOTO = (LENS, PHOTO_TURNED, SEEN)


@dataclass(frozen=True)
class ViewsScene:
    """What several photos brought into a scene.

    Attributes:
        characters: one for photos of one moment; otherwise one for each photo.
        cameras: one for each photo.
        built: of the first photo.
    """

    characters: list[Character]
    cameras: list[bpy.types.Object]
    built: PhotoScene


def build_views_scene(
    scene: bpy.types.Scene, seen: SeenViews, body: Body, light: bool = True, controls: bool = False
) -> ViewsScene:
    """Adds a person of several photos to a scene.

    Args:
        light: also add lights and a floor, where the scene has none.
        controls: give the characters control rigs.

    Raises:
        UsageError: the estimates do not belong together.
        Sam3dbError: they are of another body.
    """
    people = [replace(person, estimate=person.estimate.on_build(body)) for person in seen.people]
    if len(people) < 2:
        raise UsageError("Several views need two photos or more. For one photo make a character of it alone.")
    check_shared(people, seen.one_pose)
    for person in people:
        camera_settings(person.estimate.intrinsics, person.estimate.image_size)  # before anything is done
    build = _build_one_pose if seen.one_pose else _build_poses
    return build(scene, people, body, light, controls)


def check_shared(people: Sequence[SeenPerson], one_pose: bool) -> None:
    """Raises a UsageError where photos that are said to show one body, or one pose of it, do not."""
    first = people[0].estimate
    for person in people[1:]:
        other = person.estimate
        same = first.body_hash == other.body_hash and _alike(first.identity, other.identity)
        if same and one_pose:
            same = _alike(first.model_parameters[_POSE:], other.model_parameters[_POSE:])
        if not same:
            what = "pose" if one_pose else "body"
            raise UsageError(
                f"The estimates of {people[0].title} and {person.title} are not of one {what}: one of the files was "
                "changed, or is of another run. Make them from the photos again."
            )


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and bool(np.abs(one - other).max(initial=0.0) <= _SAME)


def _build_one_pose(
    scene: bpy.types.Scene, people: Sequence[SeenPerson], body: Body, light: bool, controls: bool
) -> ViewsScene:
    first = people[0]
    built = build_people(scene, [first.estimate], first.photo, body, light, as_text(first.title), controls)
    character, cameras = built.characters[0], [built.camera]
    (home,) = built.camera.users_collection
    for person in people[1:]:
        cameras.append(_add_camera(scene, built, first.estimate, person, body, home))
    _mind_file(built.image, first)
    bind_others(character.rig, cameras[1:])
    views = tuple(_record(person) for person in people)
    write_views(character.rig, Views(uuid.uuid4().hex, True, 0, views, first.estimate.state))
    for number in range(len(people)):
        ensure_handles(character.rig, number)
    show_only(character.rig)
    return ViewsScene([character], cameras, built)


def _add_camera(
    scene: bpy.types.Scene,
    built: PhotoScene,
    first: Estimate,
    person: SeenPerson,
    body: Body,
    home: bpy.types.Collection,
) -> bpy.types.Object:
    """The camera of a further photo: where the body that both show is seen as in it."""
    estimate, title = person.estimate, as_text(person.title)
    settings = camera_settings(estimate.intrinsics, estimate.image_size)
    units = units_per_metre(scene)
    camera = build_camera(f"{title} Camera", settings, built.placement, home, units)
    rotation, translation = extrinsics_between(body, first.state, estimate.state)
    camera.matrix_world = Matrix(place_beside(built.camera, rotation, translation, units).tolist())
    remember_frame(camera, settings)
    image = pack_photo(title, person.photo.pixels)
    if person.has_file:
        remember_file(image, person.photo.path)
    add_background(camera, image)
    return camera


def _build_poses(
    scene: bpy.types.Scene, people: Sequence[SeenPerson], body: Body, light: bool, controls: bool
) -> ViewsScene:
    one_body, scenes = uuid.uuid4().hex, []
    for number, person in enumerate(people):
        built = build_photo_scene(
            scene,
            [person.estimate],
            person.photo,
            body,
            light,
            as_text(person.title),
            controls=controls,
            prompted=False,
        )
        _mind_file(built.image, person)
        write_views(built.characters[0].rig, Views(one_body, False, number, (_record(person),), person.estimate.state))
        scenes.append(built)
    first = scenes[0]
    show_only(first.characters[0].rig)
    return ViewsScene([built.characters[0] for built in scenes], [built.camera for built in scenes], first)


def _mind_file(image: bpy.types.Image | None, person: SeenPerson) -> None:
    """Forgets a photo's file that has other pixels than the estimate refers to: the copy in the .blend serves then."""
    from ..scene.photo import CONTENT, PATH

    if image is not None and not person.has_file:
        for name in (CONTENT, PATH):
            if name in image.keys():  # noqa: SIM118 (Blender's stubs know no other way)
                del image[name]


def _record(person: SeenPerson) -> ViewRecord:
    estimate, about = person.estimate, person.about
    return ViewRecord(
        title=as_text(person.title),
        photo=estimate.photo,
        person=estimate.person,
        intrinsics=estimate.intrinsics,
        image_size=np.asarray(estimate.image_size, np.int64),
        bbox=estimate.bbox,
        details={name: estimate.details[name] for name in _ABOUT_THE_PHOTO if name in estimate.details},
        camera=str(about.get("camera", "")),
        error_px=float(about.get("point_error_px", 0.0)),
        doubted=bool(about.get("camera_doubted", False)),
    )
