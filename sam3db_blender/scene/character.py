"""Puts the people of one photo into a scene: rigs, meshes, camera, photo and light, in collections of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_blender
from native_runtime.characters.beside import Footprint, View, shift_beside, shift_past
from native_runtime.characters.placement import Placement, Subject, place_people, up_of
from native_runtime.errors import Sam3dbError
from native_runtime.files.names import as_text

from ..controls.build import build_controls
from ..rig.armature import build_rig
from ..rig.mesh import build_mesh
from ..rig.pose import apply_parameters, set_shape
from . import edits, snapshots
from .camera import add_background, bind_camera, build_camera, camera_settings, frame_scene
from .materials import body_materials, store_rest_positions, store_skin_zones
from .occupied import footprints, things
from .person_colours import body_colours
from .photo import pack_photo, remember_file
from .provenance import write_origin, write_placement
from .stage import set_stage
from .units import units_per_metre

if TYPE_CHECKING:
    from native_runtime.engines.estimate import Estimate
    from native_runtime.image.reading import Photo
    from native_runtime.mhr import Body


@dataclass(frozen=True)
class Character:
    """One person in the scene."""

    id: str
    rig: bpy.types.Object
    mesh: bpy.types.Object


@dataclass(frozen=True)
class Ground:
    """Where people stand who move, in place of what their first pose alone would say.

    Attributes:
        placement: of the camera that sees them.
        points: (N, 3) m, camera axes: the space that they take up over time.
    """

    placement: Placement
    points: NDArray[np.float64]


@dataclass(frozen=True)
class PhotoScene:
    """All that one photo brought into a scene."""

    collection: bpy.types.Collection
    characters: list[Character]
    camera: bpy.types.Object
    image: bpy.types.Image | None
    placement: Placement
    subject: Subject


def build_people(
    scene: bpy.types.Scene,
    estimates: Sequence[Estimate],
    photo: Photo | None,
    body: Body,
    light: bool = True,
    name: str = "",
    controls: bool = False,
    ground: Ground | None = None,
) -> PhotoScene:
    """Adds the characters of one photo to a scene, without handles (``handles.photo_scene`` makes both).

    Args:
        estimates: the people, all of the same photo and body. The first one comes to stand at the world's origin, or
            the photo as a whole beside those that are there.
        photo: the photo as it was read; its pixels may be fewer than those that the estimates refer to. None where it
            is not at hand: the camera then has no background.
        light: also add lights, a floor that catches shadows and a world, each where the scene has none yet.
        name: of the collection and its contents; the photo's where it is not given.
        controls: give the characters control rigs.
        ground: where they stand; their lowest point touches the floor where it is not given.
    """
    estimates = [estimate.on_build(body) for estimate in estimates]
    _check(estimates, body)
    stem = name or (as_text(photo.path.stem) if photo is not None else "") or "Photo"
    units = units_per_metre(scene)
    placement, subject, everybody = _place(scene, estimates, body, ground)
    top = bpy.data.collections.new(stem)
    scene.collection.children.link(top)
    parts = {part: bpy.data.collections.new(f"{stem} {part}") for part in ("Characters", "Camera")}
    for part in parts.values():
        top.children.link(part)

    characters = []
    for number, estimate in enumerate(estimates):
        materials = body_materials(body, units, body_colours(estimate.details))
        own_name = stem if len(estimates) == 1 else f"{stem} {number + 1}"
        character = build_character(own_name, estimate, body, materials, parts["Characters"])
        character.rig.location = (units * placement.rig_location(estimate.camera_translation)).tolist()
        character.rig.rotation_euler = Matrix(placement.turn.tolist()).to_euler()
        character.rig.scale = (units, units, units)
        write_placement(character.rig)
        characters.append(character)

    settings = camera_settings(estimates[0].intrinsics, estimates[0].image_size)
    camera = build_camera(f"{stem} Camera", settings, placement, parts["Camera"], units)
    frame_scene(scene, camera, settings)
    for character in characters:
        bind_camera(character.rig, camera)
        if controls:
            build_controls(character.rig, body)
    image = None
    if photo is not None:
        image = pack_photo(stem, photo.pixels)
        if not photo.turn:  # the file lies on its side
            remember_file(image, photo.path)
        add_background(camera, image)
    if light:
        set_stage(scene, everybody)
    return PhotoScene(
        collection=top, characters=characters, camera=camera, image=image, placement=placement, subject=subject
    )


def _place(
    scene: bpy.types.Scene, estimates: Sequence[Estimate], body: Body, ground: Ground | None
) -> tuple[Placement, Subject, Subject]:
    """Where the people of a photo go: their placement, the space that they take up, and that of all people there."""
    vertices = [np.asarray(estimate.vertices, dtype=np.float64) for estimate in estimates]
    roots = [estimate.joints[body.joint_index("root")] for estimate in estimates]
    if ground is None:
        ground = Ground(place_people(vertices, roots, up_of(estimates[0].details)), np.concatenate(vertices))
    placement = ground.placement
    points = placement.world(ground.points)
    subject = Subject.around(points)
    view = View.of(placement.camera_location, estimates[0].intrinsics, estimates[0].image_size, placement.turn)
    there = footprints(scene)
    new = Footprint(subject.low, subject.high, view)
    shift = shift_past(new, things(scene), shift_beside(new, there))
    subject = Subject(subject.low + (shift, 0.0, 0.0), subject.high + (shift, 0.0, 0.0))
    boxes = [corner for old in there for corner in (old.low, old.high)]
    return placement.shifted(shift), subject, Subject.around([subject.low, subject.high, *boxes])


def build_character(
    name: str,
    estimate: Estimate,
    body: Body,
    materials: list[bpy.types.Material],
    collection: bpy.types.Collection,
) -> Character:
    """One posed, shaped, skinned character; its rig stands at the origin."""
    rig = build_rig(f"{name} Rig", body, collection)
    mesh = build_mesh(f"{name} Body", body, rig, collection, materials)
    store_rest_positions(mesh, mhr_to_blender(body.rest_vertices))
    store_skin_zones(mesh, body)
    apply_parameters(rig, body, estimate.model_parameters)
    set_shape(rig, body, estimate.identity, estimate.expression)
    edits.begin(rig)
    snapshots.begin(rig)
    return Character(id=write_origin(rig, estimate), rig=rig, mesh=mesh)


def _check(estimates: Sequence[Estimate], body: Body) -> None:
    if not estimates:
        raise Sam3dbError("There are no estimates to build characters from.")
    for estimate in estimates:
        if estimate.body_hash and estimate.body_hash != body.hash:
            raise Sam3dbError(
                f"The estimate was made with another body ('{estimate.body_name}') than the one given ('{body.name}'); "
                "load that body, or estimate the photo again."
            )
