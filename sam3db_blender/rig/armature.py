"""The armature of a character: bones, and the drivers that make them follow sliders and each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from native_runtime.characters.channels import ChannelMap
from native_runtime.characters.layout import COLLECTIONS, BoneLayout, bone_layout
from native_runtime.characters.sliders import Slider, character_sliders
from native_runtime.characters.wiring import Link, Wiring

from .drivers import Term, drive
from .properties import add_sliders, slider_path, units_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from native_runtime.mhr import Body

#: Bones that an artist moves, not only turns.
_MOVABLE = frozenset({"body_world", "root"})
#: The constraint that adds the spine's sliders to what is posed.
SHARED_CONSTRAINT = "MHR Spine"


class Bones(Protocol):
    """Bones to be made: a parent stands before its children (-1: none); rigid rest matrices (N, 4, 4); lengths (N,)."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def parents(self) -> NDArray[Any]: ...
    @property
    def rest(self) -> NDArray[np.float64]: ...
    @property
    def lengths(self) -> NDArray[np.float64]: ...


def build_rig(name: str, body: Body, collection: bpy.types.Collection) -> bpy.types.Object:
    """A complete rig: bones at rest, sliders at 0, drivers between them; its object transform is the identity."""
    layout = bone_layout(body)
    rig = build_armature(name, layout, collection)
    sliders = character_sliders(body)
    add_sliders(rig, sliders)
    wire(rig, layout, Wiring.of(body), sliders)
    return rig


def build_armature(name: str, layout: BoneLayout, collection: bpy.types.Collection) -> bpy.types.Object:
    """An armature object with one bone per joint, at rest, its object transform identity.

    Bones, rotation modes, bone collections and colours are set; the pose is left at rest (see
    ``pose.apply_parameters``).
    """
    data = bpy.data.armatures.new(name)
    data.display_type = "OCTAHEDRAL"
    rig = bpy.data.objects.new(name, data)
    rig.show_in_front = True
    collection.objects.link(rig)
    add_bones(rig, layout)
    _sort_bones(data, layout)
    for bone, mode in zip(rig.pose.bones, ChannelMap(layout).rotation_modes):
        bone.rotation_mode = mode
        if bone.name not in _MOVABLE:
            # lengths and scales are the person's: neither dragging nor "Clear Location" should take them away
            bone.lock_location = bone.lock_scale = (True, True, True)
    return rig


def wire(rig: bpy.types.Object, layout: BoneLayout, wiring: Wiring, sliders: Sequence[Slider]) -> None:
    """Makes channels follow sliders and other bones as MHR's parameter transform says.

    All expressions are of the kind that Blender evaluates without Python, so that they also run where scripts are not
    trusted and without the extension.
    """
    homes = {slider.index: slider for slider in sliders if slider.section in ("pose", "skeleton")}
    for link in wiring.links:
        bone = rig.pose.bones[link.bone]
        drive(rig, bone, link.channel, _terms(rig, link, homes), axis=link.axis, power_of_two=link.channel == "scale")
    _add_to_posing(rig, layout, wiring, homes)
    _lock_axes(rig, wiring)


def _terms(rig: bpy.types.Object, link: Link, homes: dict[int, Slider]) -> list[Term]:
    terms = []
    for factor, source in link.terms:
        if source.bone:
            terms.append((factor, f'pose.bones["{source.bone}"].rotation_euler[{source.axis}]'))
        else:
            slider = homes[source.parameter]
            terms.append((factor / units_of(rig, slider), slider_path(slider.key)))
    return terms


def _add_to_posing(rig: bpy.types.Object, layout: BoneLayout, wiring: Wiring, homes: dict[int, Slider]) -> None:
    """Adds the angles of sliders to bones that are posed by hand as well.

    A driver would take the channel away from the artist. Blender's Transformation constraint can add Euler angles to
    those that a bone has; with an empty range of its source it adds what stands in its minimum, which can be driven.
    It is exact as long as the three posed angles of such a bone stay below 270 degrees together, since Blender takes
    the smallest angles of a rotation. The constraint needs a source; the first bone, above all others, makes no loop.
    """
    modes = dict(zip(layout.names, ChannelMap(layout).rotation_modes))
    for name in dict.fromkeys(link.bone for link in wiring.added):
        constraint = rig.pose.bones[name].constraints.new("TRANSFORM")
        constraint.name = SHARED_CONSTRAINT
        constraint.target = rig
        constraint.subtarget = layout.names[0]
        constraint.owner_space = constraint.target_space = "LOCAL"
        constraint.map_from, constraint.map_to = "LOCATION", "ROTATION"
        constraint.mix_mode_rot = "ADD"
        constraint.to_euler_order = modes[name]
        constraint.show_expanded = False
        for link in wiring.added:
            if link.bone == name:
                drive(rig, constraint, f"to_min_{'xyz'[link.axis]}_rot", _terms(rig, link, homes))


def _lock_axes(rig: bpy.types.Object, wiring: Wiring) -> None:
    """Keeps the hinges hinges: axes for which MHR has no parameter do not turn, neither by hand nor under IK.

    Bones without any parameter (eyes, jaw, tongue) stay free: turning them is useful, though no MHR number says it.
    """
    turning = set(wiring.free_axes) | {link.bone for link in wiring.links if link.channel == "rotation_euler"}
    for name in turning:
        bone = rig.pose.bones[name]
        for axis in range(3):
            if axis not in wiring.free_axes.get(name, ()):
                bone.lock_rotation[axis] = True
                setattr(bone, f"lock_ik_{'xyz'[axis]}", True)


def add_bones(rig: bpy.types.Object, layout: Bones) -> None:
    """Makes the bones of an armature object of the current scene; Blender allows that only in edit mode, on the active
    object. Bones that it has already are left as they are.
    """
    layer = bpy.context.view_layer
    previous = layer.objects.active
    layer.objects.active = rig
    rest, lengths, parents = layout.rest.tolist(), layout.lengths.tolist(), layout.parents.tolist()  # made when asked
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        edit_bones = rig.data.edit_bones
        made: list[bpy.types.EditBone] = []
        for i, name in enumerate(layout.names):
            present = edit_bones.get(name)
            if present is not None:
                made.append(present)
                continue
            bone = edit_bones.new(name)
            bone.tail = (0.0, lengths[i], 0.0)
            bone.matrix = Matrix(rest[i])
            bone.inherit_scale = "FULL"
            bone.use_connect = False
            if parents[i] >= 0:
                bone.parent = made[parents[i]]
            made.append(bone)
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
        layer.objects.active = previous


def _sort_bones(data: bpy.types.Armature, layout: BoneLayout) -> None:
    """Puts the bones into collections with their colours; the helpers' collections start hidden."""
    themes = {}
    for name, theme, shown in COLLECTIONS:
        data.collections.new(name).is_visible = shown
        themes[name] = theme
    for bone, owner in zip(data.bones, layout.collections):
        data.collections[owner].assign(bone)
        bone.color.palette = themes[owner]
