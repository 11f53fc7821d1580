"""An artist's armature: read as a skeleton, and posed.

Poses are written into the bones' own channels, in the rotation mode that each has. Blender's own function says where a
bone comes to stand under its parent, so inherited rotation and scale are the armature's own affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import bpy
import numpy as np
from mathutils import Matrix, Quaternion, Vector
from numpy.typing import NDArray

from native_runtime.errors import Sam3dbError
from native_runtime.retarget.skeletons import TargetSkeleton
from native_runtime.retarget.solve import TargetPose, solve

from ..rig.animated import bone_path, require_own, require_own_action, require_quiet, rotation_channel
from ..rig.turning import set_rotation
from ..scene.provenance import is_character
from .ik_controls import control_rig, ik_paths, pose_ik
from .person import Person
from .seen import angle_to, held_bones, moved_hips, seen_bones

Array = NDArray[np.float64]

#: A bone that stands nearer than this to where it was put needs no second turn (radians).
_SETTLED = np.radians(0.05)
#: By how much of the skeleton's size the hips may stand beside where they were put.
_PLACED = 1e-3
#: The property by which Rigify's limbs go from inverse to forward kinematics.
_SWITCH = "IK_FK"


@dataclass(frozen=True)
class PosingOptions:
    """How an armature is posed.

    Attributes:
        stand: also put the object where the person stands; otherwise it stays and only its bones move.
        floor: keep the person's distance to the floor whatever the armature's proportions.
        keyframe: the frame to key what was posed at; None for no keys.
        controls: by what limbs are posed in the end: bones of forward kinematics, or a rig's IK controls, which are
            posed on top.
    """

    stand: bool = False
    floor: bool = True
    keyframe: float | None = None
    controls: Literal["fk", "ik"] = "fk"


def skeleton_of(armature: bpy.types.Object) -> TargetSkeleton:
    """The armature's bones at rest, in its own space.

    Raises:
        Sam3dbError: it has none.
    """
    bones = sorted(armature.data.bones, key=lambda bone: len(bone.parent_recursive))
    if not bones:
        raise Sam3dbError(f"The armature '{armature.name}' has no bones.")
    number = {bone.name: i for i, bone in enumerate(bones)}
    return TargetSkeleton(
        names=tuple(number),
        parents=np.array([-1 if bone.parent is None else number[bone.parent.name] for bone in bones], np.int32),
        rest=np.array([bone.matrix_local for bone in bones], dtype=np.float64),
        lengths=np.array([bone.length for bone in bones], dtype=np.float64),
    )


def pose_armature(
    armature: bpy.types.Object, person: Person, assigned: Mapping[str, str], options: PosingOptions | None = None
) -> list[str]:
    """Poses an armature as a person.

    Args:
        assigned: MHR joint -> name of the bone that stands for it.

    Returns:
        What the artist should know.

    Raises:
        UsageError: the bones are not assigned rightly.
        Sam3dbError: the armature cannot be posed, or has no IK controls although these are wanted.
    """
    options = options or PosingOptions()
    if is_character(armature):
        raise Sam3dbError(
            f"'{armature.name}' is a character of this extension itself: use Copy from Selected Character, which "
            "copies as much as possible."
        )
    if armature.mode == "EDIT":
        raise Sam3dbError(f"'{armature.name}' is in Edit Mode; leave it first.")
    require_own(armature)
    target = skeleton_of(armature)
    ik = control_rig(armature) if options.controls == "ik" else None
    if ik is not None:
        assigned = {**assigned, **ik.assigned}
    pose = solve(person.source, target, assigned, floor=options.floor)
    if options.keyframe is None:
        paths = set() if ik is None else ik_paths(armature, ik)
        require_quiet(armature, paths | _paths(armature, target, pose, assigned, options))
    else:
        require_own_action(armature)
    notes = list(pose.notes)
    switched = use_fk(armature, assigned)
    posed = _write(armature, target, pose, notes)
    _settle(armature, target, pose)
    if options.stand:
        _stand(armature, person, pose)
    if options.keyframe is not None:
        _key(armature, posed, target.names[pose.hips], switched, options)
    if armature.data.pose_position == "REST":
        notes.append("The armature shows its rest position; switch it to Pose Position to see the pose.")
    else:
        with _played(armature, options.keyframe):
            notes += _differences(armature, target, pose)
    if ik is not None:
        notes += pose_ik(armature, ik, options.keyframe)
    bpy.context.view_layer.update()
    return notes


def _paths(
    armature: bpy.types.Object,
    target: TargetSkeleton,
    pose: TargetPose,
    assigned: Mapping[str, str],
    options: PosingOptions,
) -> set[str]:
    """The data paths of all that is about to be posed."""
    bones = armature.pose.bones
    turned = [bones[target.names[number]] for number in (*pose.rotations, *_between(target, pose))]
    paths = {bone_path(bone, rotation_channel(bone.rotation_mode)) for bone in turned}
    paths.add(bone_path(bones[target.names[pose.hips]], "location"))
    paths |= {f'{bone.path_from_id()}["{_SWITCH}"]' for bone in _fk_switches(armature, assigned)}
    return paths | ({"location", rotation_channel(armature.rotation_mode)} if options.stand else set())


@contextmanager
def _played(armature: bpy.types.Object, frame: float | None) -> Iterator[None]:
    """The armature as its animation plays it now, or at a frame that was keyed."""
    scene = bpy.context.scene
    before = scene.frame_current_final
    if frame is None or frame == before:
        armature.update_tag(refresh={"OBJECT", "DATA", "TIME"})
        bpy.context.view_layer.update()
        yield
        return
    scene.frame_set(int(np.floor(frame)), subframe=float(frame % 1.0))
    yield
    scene.frame_set(int(np.floor(before)), subframe=float(before % 1.0))


def _differences(armature: bpy.types.Object, target: TargetSkeleton, pose: TargetPose) -> list[str]:
    """What does not stand as it was posed, and why."""
    hips = target.names[pose.hips]
    notes = held_bones(armature, {target.names[bone]: rotation for bone, rotation in pose.rotations.items()})
    if armature.data.bones[hips].use_connect:
        return notes
    reach = _PLACED * float(np.ptp(target.heads, axis=0).max())
    return notes + moved_hips(armature, hips, target.heads[pose.hips] + pose.shift, reach)


def _write(armature: bpy.types.Object, target: TargetSkeleton, pose: TargetPose, notes: list[str]) -> list[str]:
    """Writes the channels; returns the names of the bones whose rotation was set."""
    matrices: dict[int, Matrix] = {}
    between = _between(target, pose)
    posed = []
    for number, name in enumerate(target.names):
        bone = armature.pose.bones[name]
        place = _Place(bone, matrices.get(int(target.parents[number])))
        rotation = pose.rotations.get(number)
        location, turn, scale = bone.location.copy(), bone.matrix_basis.to_quaternion(), bone.scale.copy()
        if rotation is not None:
            turn = place.turn_for(rotation)
        elif number in between:
            turn = Quaternion()
        if number == pose.hips:
            head = Vector((target.heads[number] + pose.shift).tolist())
            if bone.bone.use_connect:
                notes.append(f"'{name}' is connected to its parent and cannot move; the hips stay at their height.")
            else:
                location = bone.location = place.location_for(head)
        if rotation is not None or number in between:
            set_rotation(bone, turn)
            posed.append(name)
        matrices[number] = place.matrix(Matrix.LocRotScale(location, turn, scale))
    return posed


def use_fk(armature: bpy.types.Object, assigned: Mapping[str, str]) -> list[bpy.types.PoseBone]:
    """Switches the limbs of a Rigify rig to the forward kinematics that are posed: ``IK_FK`` of ``thigh_parent.L`` and
    so on. Returns the bones that hold the switches.
    """
    switches = _fk_switches(armature, assigned)
    for bone in switches:
        bone[_SWITCH] = 1.0
    armature.update_tag()
    return switches


def _fk_switches(armature: bpy.types.Object, assigned: Mapping[str, str]) -> list[bpy.types.PoseBone]:
    posed = set(assigned.values())
    return [
        bone
        for bone in armature.pose.bones
        if bone.get(_SWITCH) is not None and bone.name.replace("_parent", "_fk") in posed
    ]


def _settle(armature: bpy.types.Object, target: TargetSkeleton, pose: TargetPose) -> None:
    """Turns bones again that hang on what constraints or drivers move, as in control rigs: from the hips outwards, each
    under its parent as it is seen.
    """
    depths = {bone: len(armature.data.bones[target.names[bone]].parent_recursive) for bone in pose.rotations}
    for depth in sorted(set(depths.values())):
        seen = seen_bones(armature)
        for number, rotation in pose.rotations.items():
            bone = armature.pose.bones[target.names[number]]
            if depths[number] != depth or bone.parent is None or angle_to(seen[bone.name], rotation) < _SETTLED:
                continue
            if not any(constraint.enabled for constraint in bone.constraints):
                parent = seen[bone.parent.name].matrix.copy()
                set_rotation(bone, _Place(bone, parent).turn_for(rotation))


def _between(target: TargetSkeleton, pose: TargetPose) -> set[int]:
    """The bones between posed ones and the hips that stand for no joint: these keep their rest."""
    found: set[int] = set()
    for bone in pose.rotations:
        path = target.path(bone, pose.hips)
        found.update(path or ())
    return found - set(pose.rotations)


class _Place:
    """Where a bone's own channels begin: its rest beneath its parent as posed."""

    def __init__(self, bone: bpy.types.PoseBone, parent: Matrix | None) -> None:
        self._bone, self._parent = bone, parent
        self._start = self.matrix(Matrix.Identity(4))

    def matrix(self, basis: Matrix, invert: bool = False) -> Matrix:
        """The pose matrix (armature space) for a matrix of the bone's channels, or the other way round."""
        bone = self._bone.bone
        if self._parent is None:
            return bone.convert_local_to_pose(basis, bone.matrix_local, invert=invert)
        return bone.convert_local_to_pose(
            basis,
            bone.matrix_local,
            parent_matrix=self._parent,
            parent_matrix_local=self._bone.parent.bone.matrix_local,
            invert=invert,
        )

    def turn_for(self, rotation: Array) -> Quaternion:
        """The bone's own rotation that gives it this one (3, 3) in armature space."""
        return self._start.to_quaternion().inverted() @ Matrix(rotation.tolist()).to_quaternion()

    def location_for(self, head: Vector) -> Vector:
        """The bone's own location that puts its head there in armature space."""
        wanted = self._start.copy()
        wanted.translation = head
        return self.matrix(wanted, invert=True).to_translation()


def _stand(armature: bpy.types.Object, person: Person, pose: TargetPose) -> None:
    """Puts the object where the person stands, turned as they are, with the scale that it has."""
    bpy.context.view_layer.update()  # whoever called may just have moved it
    scale = np.array(armature.matrix_world.to_scale())
    world = np.eye(4)
    world[:3, :3] = person.world[:3, :3] @ pose.standing * scale
    feet = person.units * person.world[:3, :3] @ person.source.ground + person.world[:3, 3]
    world[:3, 3] = feet - world[:3, :3] @ pose.ground
    armature.matrix_world = Matrix(world.tolist())


def _key(
    armature: bpy.types.Object,
    posed: Iterable[str],
    hips: str,
    switched: Iterable[bpy.types.PoseBone],
    options: PosingOptions,
) -> None:
    for name in posed:
        bone = armature.pose.bones[name]
        bone.keyframe_insert(rotation_channel(bone.rotation_mode), frame=options.keyframe, group=name)
    armature.pose.bones[hips].keyframe_insert("location", frame=options.keyframe, group=hips)
    for bone in switched:
        bone.keyframe_insert(f'["{_SWITCH}"]', frame=options.keyframe, group=bone.name)
    if options.stand:
        for channel in ("location", rotation_channel(armature.rotation_mode)):
            armature.keyframe_insert(channel, frame=options.keyframe)
