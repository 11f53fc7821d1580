"""Making a Rigify rig for a character, updating it to another skeleton, and taking it away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.rig_map import RigMap
from native_runtime.characters.rigify.controls import LIMBS
from native_runtime.characters.rigify.metarig import Metarig, metarig_of
from native_runtime.errors import Sam3dbError

from ..controls.build import remove_controls, require_own_bones
from ..controls.following import follow, unfollow
from ..rig.animated import key_where_animated
from ..rig.armature import SHARED_CONSTRAINT
from ..rig.control_pose import controls_of
from ..rig.drivers import drive
from ..rig.followed import followed, is_following
from ..rig.pose import read_settings
from ..rig.resting import animated
from ..rig.rigify_pose import METARIG, PART, RIG, followed_rigify, pose_controls
from ..scene.lookup import require_own
from . import add_on
from .face import attach_face, detach_face, require_undriven
from .keeping import Kept
from .metarig import build_metarig, fill_metarig
from .parts import SKELETON, Parts, parts_of, remove_parts, stem_of

if TYPE_CHECKING:
    from native_runtime.characters.settings import CharacterSettings
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

#: The setting of a limb that says whether FK (1) or IK (0) poses it.
SWITCH = "IK_FK"
#: The setting of a limb that says how far IK may stretch it, and what Blender's IK calls that for Rigify.
_STRETCH, _STRETCHING = "IK_Stretch", 0.1
#: Custom property of a character: its bone collections that were shown before it had a Rigify rig.
_SHOWN = "sam3db_rigify_shown"
#: Sliders that differ by less say the same skeleton.
_SAME = 1e-4


def make_rigify(rig: bpy.types.Object, body: Body) -> bpy.types.Object:
    """Makes a Rigify rig beside a character, in the character's pose, which its bones follow from then on.

    Rigify has to be switched on. The character's own channels and animation stay as they are beneath; a control rig of
    ours gives way.

    Raises:
        Sam3dbError: it is linked, it follows a Rigify rig or controls with animation already, constraints hold its
            bones, or Rigify refuses; nothing is changed then.
    """
    add_on.require()
    require_own(rig)
    _require_free(rig)
    require_undriven(rig, [slider.key for slider in RigMap.of(body).section("expression")])
    remove_parts(parts_of(rig))  # of a rig that was half deleted
    settings = read_settings(rig, body)
    plan = metarig_of(body, settings.model_parameters, settings.identity)
    with _at_work(rig):
        collection = _home(rig)
        metarig = build_metarig(f"{stem_of(rig)} Metarig", plan, _lengths(body), collection)
        _adopt(metarig, rig, METARIG)
        try:
            rigify = _generate(metarig, rig, collection)
        except Sam3dbError:
            remove_parts(parts_of(rig))
            raise
        _remember(rigify, rig, body)
        remove_controls(rig, body)
        follow(rig, body, rigify, _followed_bones(plan))
        attach_face(rig, rigify, plan.face)
        pose_controls(rigify, body, _joints(body, settings))
        hide(metarig)
    _cover_bones(rig)
    return rigify


def update_rigify(rig: bpy.types.Object, body: Body) -> list[str]:
    """Makes the Rigify rig of a character again, for the skeleton that the sliders now say.

    The controls keep their names, and with them their poses, settings, keys and NLA strips. Without animation the
    character keeps its pose.

    Returns:
        What was lost: what an artist added and Rigify removed.

    Raises:
        Sam3dbError: the character has no such rig, is linked, or Rigify refuses.
    """
    add_on.require()
    require_own(rig)
    parts = parts_of(rig)
    if parts.rigify is None:
        raise Sam3dbError(f"'{rig.name}' has no Rigify rig to update.")
    _require_own_bones(parts)
    settings = read_settings(rig, body)
    plan = metarig_of(body, settings.model_parameters, settings.identity)
    with _at_work(rig):
        rigify, metarig = parts.rigify, parts.metarig
        if metarig is None:
            metarig = build_metarig(f"{stem_of(rig)} Metarig", plan, _lengths(body), _home(rigify))
            _adopt(metarig, rig, METARIG)
        else:
            show(metarig)
            fill_metarig(metarig, plan, _lengths(body))
        show(rigify)
        metarig.data.rigify_target_rig = rigify  # type: ignore[attr-defined,union-attr]
        kept = Kept(rigify)
        unfollow(rig, body)  # Rigify deletes all bones on its way, and if it fails the pose is to stay
        add_on.generate(metarig)
        _stretch_by_setting(rigify)
        lost = kept.give_back(rigify)
        _remember(rigify, rig, body)
        follow(rig, body, rigify, _followed_bones(plan))
        if not kept.is_animated:
            pose_controls(rigify, body, _joints(body, settings))
        hide(metarig)
    bpy.context.view_layer.update()
    return lost


def remove_rigify(rig: bpy.types.Object, body: Body) -> None:
    """Takes a character's Rigify rig away; the character keeps the pose of the current frame.

    Raises:
        Sam3dbError: the character has none, or is linked.
    """
    require_own(rig)
    parts = parts_of(rig)
    if parts.rigify is None and parts.metarig is None:
        raise Sam3dbError(f"'{rig.name}' has no Rigify rig.")
    _require_own_bones(parts)
    if parts.rigify is not None:
        detach_face(rig, parts.rigify)
    if followed(rig) == parts.rigify:
        unfollow(rig, body)
    with _at_work(rig):
        remove_parts(parts)
    _uncover_bones(rig)


def is_outdated(rig: bpy.types.Object) -> bool:
    """Whether the sliders say another skeleton than the one that a character's Rigify rig was made for."""
    rigify = parts_of(rig).rigify
    made_for: Any = None if rigify is None else rigify.get(SKELETON)
    if made_for is None:
        return False
    return any(abs(float(rig.get(key, 0.0)) - value) > _SAME for key, value in made_for.items())


def switch_limbs(rig: bpy.types.Object, body: Body, fk: bool, masters: Iterable[str] = ()) -> None:
    """Switches limbs to FK or to IK; whatever was posed stays where it is.

    Args:
        masters: the bones with the settings of the limbs; all limbs where there are none.

    Raises:
        Sam3dbError: the character has no Rigify rig, or it is linked.
    """
    require_own(rig)
    rigify = parts_of(rig).rigify
    if rigify is None:
        raise Sam3dbError(f"'{rig.name}' has no Rigify rig.")
    wanted = set(masters)
    limbs = [limb for limb in LIMBS if limb.master in rigify.pose.bones and (not wanted or limb.master in wanted)]
    settings = read_settings(rig, body)
    for limb in limbs:
        rigify.pose.bones[limb.master][SWITCH] = 1.0 if fk else 0.0
    pose_controls(rigify, body, _joints(body, settings), limbs)
    key_where_animated(rigify)


def hide(metarig: bpy.types.Object) -> None:
    """Puts a metarig out of sight; it is needed only when Rigify works."""
    metarig.hide_render = True
    metarig.hide_set(True)


def show(obj: bpy.types.Object) -> None:
    """Lets Rigify work on an object, which it does only on what is shown."""
    obj.hide_viewport = False
    obj.hide_set(False)


def _generate(metarig: bpy.types.Object, rig: bpy.types.Object, collection: bpy.types.Collection) -> bpy.types.Object:
    name = f"{stem_of(rig)} Rigify"
    rigify = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    rigify.display_type = "WIRE"
    collection.objects.link(rigify)
    _adopt(rigify, rig, RIG)
    rigify.lock_location = rigify.lock_rotation = rigify.lock_scale = (True, True, True)
    bpy.context.view_layer.update()
    metarig.data.rigify_target_rig = rigify  # type: ignore[attr-defined,union-attr]
    add_on.generate(metarig)
    rigify.show_in_front = True
    for limb in LIMBS:
        # lengths are the person's: a hand that pulls beyond the arm's reach does not stretch it, unless asked to
        rigify.pose.bones[limb.master][_STRETCH] = 0.0
    _stretch_by_setting(rigify)
    for collection_of in rigify.data.collections_all:  # type: ignore[union-attr]
        if "(Tweak)" in collection_of.name or "(Detail)" in collection_of.name:
            collection_of.is_visible = False
    return rigify


def _stretch_by_setting(rigify: bpy.types.Object) -> None:
    """Lets IK change lengths only where the limb's setting says so. Rigify always allows a tenth, and IK then shortens
    limbs rather than bend them, by up to 6 percent.
    """
    for limb in LIMBS:
        setting = f'pose.bones["{limb.master}"]["{_STRETCH}"]'
        for name in (limb.base, limb.bend):
            drive(rigify, rigify.pose.bones[name], "ik_stretch", [(_STRETCHING, setting)])


def _cover_bones(rig: bpy.types.Object) -> None:
    """Hides the character's own bones, which now follow and would lie over the controls."""
    if rig.data.library:  # type: ignore[union-attr]
        return  # the bones of a linked character cannot be hidden from here
    collections: Any = rig.data.collections  # type: ignore[union-attr]
    before: Any = rig.get(_SHOWN, ())  # still there where a Rigify rig was deleted by hand
    rig[_SHOWN] = list(dict.fromkeys([*before, *(c.name for c in collections if c.is_visible)]))
    for collection in collections:
        collection.is_visible = False


def _uncover_bones(rig: bpy.types.Object) -> None:
    """Shows the bones that were shown before, beside those that an artist has shown since."""
    collections: Any = rig.data.collections  # type: ignore[union-attr]
    shown: Any = rig.get(_SHOWN, ())
    for name in shown:
        if name in collections:
            collections[name].is_visible = True
    if rig.get(_SHOWN) is not None:
        del rig[_SHOWN]


def _adopt(obj: bpy.types.Object, rig: bpy.types.Object, part: str) -> None:
    obj.parent = rig
    obj[PART] = part


def _remember(rigify: bpy.types.Object, rig: bpy.types.Object, body: Body) -> None:
    rigify[SKELETON] = {slider.key: float(rig[slider.key]) for slider in RigMap.of(body).section("skeleton")}


def _followed_bones(plan: Metarig) -> dict[str, str]:
    return {socket.joint: socket.name for socket in plan.sockets if socket.is_followed}


def _lengths(body: Body) -> dict[str, float]:
    layout = RigMap.of(body).layout
    return dict(zip(layout.names, layout.lengths.tolist()))


def _joints(body: Body, settings: CharacterSettings) -> Array:
    """(127, 7) the joint parameters of a character."""
    joints = np.asarray(body.joint_parameters(settings.model_parameters), dtype=np.float64)
    return joints + settings.beyond if len(settings.beyond) else joints


def _require_free(rig: bpy.types.Object) -> None:
    """Raises a Sam3dbError where something of the artist's already moves the bones."""
    controls = controls_of(rig)
    rigify = followed_rigify(rig)
    if rigify is not None:
        raise Sam3dbError(
            f"'{rig.name}' has a Rigify rig already, '{rigify.name}': press Update Rigify Rig to make it again for "
            "another skeleton, or Remove Rigify Rig to be without."
        )
    if followed(rig) != controls:
        raise Sam3dbError(f"'{rig.name}' has controls already: remove them first.")
    if controls is not None:
        require_own_bones(rig)
    if controls is not None and animated(controls):
        raise Sam3dbError(
            f"'{controls.name}' is animated, and would be removed. Press 'Remove Controls' first, which keys the "
            "character's own bones, and 'Take Over Animation' afterwards."
        )
    for bone in rig.pose.bones:
        for constraint in bone.constraints:
            if _is_own(constraint) or constraint.mute or constraint.influence == 0.0:
                continue
            raise Sam3dbError(
                f"The bone '{bone.name}' of '{rig.name}' has the constraint '{constraint.name}', which Rigify's "
                "controls would overrule: apply, mute or remove it first."
            )


def _require_own_bones(parts: Parts) -> None:
    """Raises a Sam3dbError where the bones of a Rigify rig lie in another file."""
    for obj in (parts.rigify, parts.metarig):
        if obj is not None and (obj.library or obj.override_library or obj.data.library):  # type: ignore[union-attr]
            raise Sam3dbError(
                f"The bones of '{obj.name}' lie in another file: update and remove the Rigify rig there; here it can "
                "be posed."
            )


def _home(obj: bpy.types.Object) -> bpy.types.Collection:
    """A collection for what is made beside an object; those of other files take none."""
    own = (c for c in obj.users_collection if not (c.library or c.override_library))
    return next(own, bpy.context.scene.collection)


def _is_own(constraint: bpy.types.Constraint) -> bool:
    return constraint.name == SHARED_CONSTRAINT or is_following(constraint)


@contextmanager
def _at_work(rig: bpy.types.Object) -> Iterator[None]:
    """Object mode, and afterwards the same mode, selection and active object as before, as far as they still exist."""
    layer = bpy.context.view_layer
    active = layer.objects.active
    mode = "OBJECT" if active is None else active.mode
    # a linked object and its override have one name, and differ by the full one
    chosen = {obj.name_full for obj in layer.objects if obj.select_get()}
    name = None if active is None else active.name_full
    working = layer.active_layer_collection
    if mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    try:
        yield
    finally:
        there: Any = layer.objects
        for obj in there:
            obj.select_set(obj.name_full in chosen)
        layer.objects.active = next((obj for obj in there if obj.name_full == name), None)
        layer.active_layer_collection = working
        if mode == "POSE" and layer.objects.active is not None and layer.objects.active.type == "ARMATURE":
            bpy.ops.object.mode_set(mode="POSE")
