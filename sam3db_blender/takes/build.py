"""Characters that move as the people of a footage did, in front of its camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from native_runtime.camera import MHR_TO_BLENDER, MHR_TO_CAMERA, blender_camera_matrix, mhr_to_blender
from native_runtime.errors import Sam3dbError
from native_runtime.files.names import as_text

from .. import compat
from ..rig.control_pose import controls_of
from ..scene.camera import camera_settings
from ..scene.character import Ground, PhotoScene, build_people
from ..scene.presence import key_presence
from ..scene.textured import put_on
from ..scene.units import units_per_metre
from .channels import Channel, controls_channels, rig_channels, slider_channels
from .curves import write_action
from .files import texture_of
from .footage import show_footage
from .motion import PersonMotion, TakeMotion, motion_of
from .record import record_of, write_record

if TYPE_CHECKING:
    from native_runtime.mhr import Body
    from native_runtime.takes.take import Take

Array = NDArray[np.float64]

#: How often, at most, a bound is tried for.
_TRIES = 6
#: What a bound is divided by for the first try: the errors of the joints of a limb add up.
_CHAIN = 4.0


@dataclass(frozen=True)
class TakeOptions:
    """How takes come into a scene.

    Attributes:
        rate: the frame rate: the scene's, for which the motion is resampled, or the footage's, which the scene takes.
        start: the frame of the scene for the first frame of the takes.
        bound_mm: how far, at most, a joint may stand from its place after superfluous keys are removed; 0 keeps a key
            on every frame.
        strip: play the motion by NLA strips instead of active actions.
        controls: give the characters control rigs, which then carry the keys.
        light: add lights and a floor where the scene has none.
        set_range: let the scene's range be that of the takes.
        footage: the video or the folder of pictures; None where it is not at hand.
    """

    rate: Literal["scene", "video"] = "scene"
    start: int = 1
    bound_mm: float = 0.0
    strip: bool = False
    controls: bool = True
    light: bool = True
    set_range: bool = True
    footage: Path | None = None


@dataclass(frozen=True)
class TakeScene:
    """What takes brought into a scene.

    Attributes:
        built: characters and camera.
        motion: what they do.
        footage: the image behind the camera.
        missed_mm: by how much, at most, a joint misses its place for want of keys; by character.
        notes: what the artist should know.
    """

    built: PhotoScene
    motion: TakeMotion
    footage: bpy.types.Image | None
    missed_mm: list[float]
    notes: list[str] = field(default_factory=list)


def build_take_scene(
    scene: bpy.types.Scene,
    takes: Sequence[Take],
    body: Body,
    options: TakeOptions | None = None,
    files: Sequence[Path] = (),
) -> TakeScene:
    """Adds the people of a footage to a scene: characters with actions, and its camera with the footage behind it.

    Args:
        takes: of the same footage, one for each person.
        files: where each take was read from; the textures that lie there are worn.

    Raises:
        Sam3dbError: the takes do not go together, or belong to another body.
    """
    options = options or TakeOptions()
    for take in takes:
        camera_settings(take.intrinsics, take.image_size)  # before anything is done: a camera that cannot be
    if takes and options.rate == "video":
        set_rate(scene, takes[0].footage.fps)
    motion = motion_of(takes, body, options.start, rate_of(scene))
    stem = as_text(Path(takes[0].footage.file).stem) or "Take"
    built = build_people(
        scene,
        [person.first for person in motion.people],
        None,
        body,
        options.light,
        stem,
        options.controls,
        Ground(motion.placement, motion.points),
    )
    shift = built.placement.camera_location - motion.placement.camera_location
    _animate_camera(built.camera, motion, shift, units_per_metre(scene), options)
    if options.set_range:
        scene.frame_start, scene.frame_end = motion.frames.start, motion.frames.stop - 1
    missed, notes = [], [*motion.notes]
    if options.set_range and scene.frame_start != motion.frames.start:  # Blender allows no range before 0
        notes.append(
            f"The motion begins on frame {motion.frames.start}, but a scene's range begins on frame "
            f"{scene.frame_start} at the earliest: what comes before is neither played nor rendered. Import it with a "
            "later start frame to see all of it."
        )
    for number, (character, person) in enumerate(zip(built.characters, motion.people)):
        missed.append(animate_character(character.rig, body, person, options, [character.mesh], motion.frames))
        file = files[number] if number < len(files) else None
        frames = range(int(person.frames[0]), int(person.frames[-1]) + 1)
        write_record(character.rig, record_of(person, motion.clock, frames, file, options.footage))
        notes += [text for text in person.take.warnings if text not in notes]
        notes += _wear_texture(character.rig, person.take, file)
    image = None
    if options.footage is not None:
        image, said = show_footage(built.camera, options.footage, takes[0], motion.clock, motion.frames)
        notes += said
    scene.frame_set(motion.frames.start)
    return TakeScene(built, motion, image, missed, notes)


def _wear_texture(rig: bpy.types.Object, take: Take, file: Path | None) -> list[str]:
    """Lays the texture beside a take's file on its character; what is to be said where it cannot be used."""
    try:
        texture = None if file is None else texture_of(take, file)
        if texture is not None:
            put_on(rig, texture)
    except Sam3dbError as error:
        return [f"'{rig.name}' got no texture: {error}"]
    return []


def rate_of(scene: bpy.types.Scene) -> float:
    """Frames of a scene a second."""
    return float(scene.render.fps / scene.render.fps_base)


def set_rate(scene: bpy.types.Scene, rate: float) -> None:
    """Gives a scene a frame rate; Blender has it as a whole number over a base near 1 (30 / 1.001)."""
    scene.render.fps = max(1, round(rate))
    scene.render.fps_base = max(1, round(rate)) / rate


def animate_character(
    rig: bpy.types.Object,
    body: Body,
    person: PersonMotion,
    options: TakeOptions,
    meshes: Sequence[bpy.types.Object] = (),
    shown: range = range(0),
) -> float:
    """Gives a character the motion of a person: on its controls where it has some, otherwise on its own bones.

    Args:
        meshes: those that are hidden on frames on which the person is not in the picture.
        shown: the frames of all people of the footage.

    Returns:
        By how many mm, at most, a joint misses its place on a frame for want of keys; 0 where none were removed.
    """
    stem = rig.name.removesuffix(" Rig")
    controls = controls_of(rig)
    owner = rig if controls is None else controls
    channels_of = rig_channels if controls is None else controls_channels
    posed = channels_of(owner, body, person.joints)
    sliders = slider_channels(rig, body, person.parameters, person.expression)
    first = int(person.frames[0])
    if controls is None:
        posed, sliders = [*posed, *sliders], []
    write_action(rig, f"{stem} Sliders", sliders, first, options.bound_mm / 1000.0)
    missed = _write_within(rig, owner, f"{stem} Take", posed, body, person, options.bound_mm)
    key_presence(rig, meshes, range(first, int(person.frames[-1]) + 1), shown)
    if options.strip:
        for block in dict.fromkeys((owner, rig)):
            if block.animation_data is not None and block.animation_data.action is not None:
                begin: Any = block.animation_data.action.frame_range
                compat.new_strip(block, "Take", round(begin[0]))
    return missed


def _write_within(
    rig: bpy.types.Object,
    owner: bpy.types.Object,
    name: str,
    channels: list[Channel],
    body: Body,
    person: PersonMotion,
    bound_mm: float,
) -> float:
    """Writes the action with as few keys as are found to stay within a bound; returns by how many mm it is missed."""
    first = int(person.frames[0])
    if bound_mm <= 0.0:
        write_action(owner, name, channels, first)
        return 0.0
    bound = bound_mm / 1000.0
    wanted = _places(body, person.joints)
    allowed = bound / _CHAIN
    for _ in range(_TRIES):
        action = write_action(owner, name, channels, first, allowed)
        missed = _missed(rig, wanted, person.frames)
        if missed <= bound:
            return 1000.0 * missed
        owner.animation_data.action = None  # type: ignore[union-attr]
        if action is not None:
            bpy.data.actions.remove(action)
        allowed *= 0.8 * bound / missed
    write_action(owner, name, channels, first)
    return 0.0


def _places(body: Body, joints: Array) -> Array:
    """(W, J, 3) m, where the joints stand in the rig's axes."""
    return mhr_to_blender(body.skeleton.forward(joints).translations)


def _missed(rig: bpy.types.Object, wanted: Array, frames: NDArray[np.int64]) -> float:
    """How far, m, a bone stands from where it should on any frame."""
    scene: Any = bpy.context.scene
    before, worst = scene.frame_current, 0.0
    for frame, places in zip(frames.tolist(), wanted):
        scene.frame_set(frame)
        bones = rig.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones
        stand = np.array([bone.head for bone in bones], dtype=np.float64)
        worst = max(worst, float(np.linalg.norm(stand - places, axis=1).max()))
    scene.frame_set(before)
    return worst


def _animate_camera(
    camera: bpy.types.Object, motion: TakeMotion, shift: Array, units: float, options: TakeOptions
) -> None:
    """Moves a camera as the footage's did.

    Args:
        shift: (3,) m, by which the people stand beside where their motion alone would have them.
    """
    axes = motion.placement.turn @ MHR_TO_BLENDER @ MHR_TO_CAMERA  # of the takes' world in Blender's
    own = blender_camera_matrix(np.zeros(3))[:3, :3]
    matrices = np.tile(np.eye(4), (len(motion.cameras), 1, 1))
    turns = axes @ motion.cameras[:, :3, :3] @ (MHR_TO_BLENDER @ MHR_TO_CAMERA).T @ own
    matrices[:, :3, :3] = units * turns
    matrices[:, :3, 3] = units * (motion.placement.world(motion.cameras[:, :3, 3]) + shift)
    camera.matrix_world = Matrix(matrices[0].tolist())
    if len(matrices) == 1:
        return
    angles = np.zeros((len(matrices), 3))
    before = camera.rotation_euler.copy()
    for number, matrix in enumerate(turns):
        before = Matrix(matrix.tolist()).to_euler(camera.rotation_mode, before)  # type: ignore[arg-type]
        angles[number] = before
    channels = [Channel("location", axis, matrices[:, axis, 3], float("inf")) for axis in range(3)]
    channels += [Channel("rotation_euler", axis, angles[:, axis], float("inf")) for axis in range(3)]
    first = int(motion.camera_frames[0])
    write_action(camera, f"{camera.name} Take", channels, first)
    if options.strip and camera.animation_data is not None and camera.animation_data.action is not None:
        compat.new_strip(camera, "Take", first)
