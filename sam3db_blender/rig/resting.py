"""Setting a character's drivers aside while nothing moves them.

Blender rebuilds its dependency graph whenever an operator adds or removes something or changes modes, and a driver
is a part of that whether or not its sources ever change: four characters with 361 drivers each made Rigify's Generate
five times as slow. A character that nobody works on rests: its drivers lie on an object that belongs to no scene, and
their results stay in the channels that they drove. It wakes as soon as a slider or a bone is moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .armature import SHARED_CONSTRAINT
from .arrays import take
from .control_pose import CONTROLS, controls_of
from .followed import is_following
from .mesh import BODY_PROPERTY
from .worn import worn_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: The custom property of a rig that rests: the name of the object that keeps its drivers.
RESTING = "sam3db_resting"
#: Custom properties of that object: that it is one, and what the sources of the drivers were.
KEEPS = "sam3db_keeps_drivers"
_AT = "sam3db_sources"
#: That it keeps the drivers of a control rig, which has the property ``RESTING`` itself.
_OF_CONTROLS = "sam3db_keeps_controls"


def is_resting(rig: bpy.types.Object) -> bool:
    """Whether a rig's drivers are put aside."""
    return bool(rig.get(RESTING))


def may_rest(rig: bpy.types.Object) -> bool:
    """Whether a rig's drivers have no other sources than its own sliders and bones, and nothing plays on these."""
    animation: Any = rig.animation_data
    if rig.library or rig.override_library or is_resting(rig) or animation is None:
        return False
    mesh = _body(rig)
    if mesh is None or mesh.library or not mesh.visible_get() or not rig.visible_get():
        return False  # what is not evaluated costs nothing, and its channels may be old
    controls = controls_of(rig)
    if controls is not None and not _may_rest_with(controls):
        return False
    own = {rig, controls}
    owners = [*_owners(rig), *([] if controls is None else [controls])]
    return (
        not animated(rig)
        and not _held(rig)
        and all(_is_own(curve, own) for owner in owners for curve in _drivers(owner))
        and _agree(owners)
    )


def _agree(owners: Iterable[Any]) -> bool:
    """Whether drivers of the same path on the shape keys of a body and of what it wears say the same, so that one copy
    of them can be kept for all.
    """
    said: dict[str, tuple[Any, ...]] = {}
    for keys in owners:
        for curve in _drivers(keys) if isinstance(keys, bpy.types.Key) else ():
            says = _said(curve)
            if said.setdefault(curve.data_path, says) != says:
                return False
    return True


def _may_rest_with(controls: bpy.types.Object) -> bool:
    """Whether nothing but controls themselves decides how they stand."""
    if controls.library or controls.override_library or not controls.visible_get():
        return False
    constraints = [constraint for bone in controls.pose.bones for constraint in bone.constraints]
    return {getattr(constraint, "target", None) for constraint in constraints} <= {None, controls}


def rest(rig: bpy.types.Object) -> None:
    """Puts the drivers of a rig, and of the shape keys of its body and of what it wears, aside; see ``may_rest``."""
    bpy.context.view_layer.update()  # so that what they drive is up to date
    store = bpy.data.objects.new(f"{rig.name} Drivers", None)
    store.use_fake_user = True
    store[KEEPS] = True
    store[_AT] = _sources(rig).tolist()
    kept = store.animation_data_create()
    for owner in _owners(rig):
        for curve in _drivers(owner):
            if owner == rig or kept.drivers.find(curve.data_path) is None:  # what is worn has the body's own drivers
                kept.drivers.from_existing(src_driver=curve)
        owner.animation_data_clear()
    rig[RESTING] = store.name
    controls = controls_of(rig)
    if controls is not None:
        _rest_controls(controls)


def _rest_controls(controls: bpy.types.Object) -> None:
    store = bpy.data.objects.new(f"{controls.name} Drivers", None)
    store.use_fake_user = True
    store[KEEPS] = store[_OF_CONTROLS] = True
    kept = store.animation_data_create()
    for curve in _drivers(controls):
        kept.drivers.from_existing(src_driver=curve)
    controls.animation_data_clear()
    controls[RESTING] = store.name


def stirred(rig: bpy.types.Object) -> bool:
    """Whether a slider or a bone of a resting rig was moved since, or is going to be: it has an action now.

    Asked at every update of the scene, so nothing is searched for (``animated`` looks at the shape keys as well).
    """
    store = _store(rig)
    controls = controls_of(rig)
    if controls is not None and _plays(controls):
        return True
    return store is None or _plays(rig) or not np.array_equal(np.array(store.get(_AT, ())), _sources(rig))


def animated(rig: bpy.types.Object) -> bool:
    """Whether keys or strips play on a rig or on its body's shape keys."""
    controls = controls_of(rig)
    return any(_plays(owner) for owner in _owners(rig)) or (controls is not None and _plays(controls))


def wake(rig: bpy.types.Object) -> None:
    """Gives a resting rig its drivers back, and its controls theirs."""
    controls = controls_of(rig)
    if controls is not None and is_resting(controls):
        _wake_controls(controls)
    store = _store(rig)
    del rig[RESTING]
    if store is None:
        return
    for owner in _owners(rig, of_rest=False):
        keys = isinstance(owner, bpy.types.Key)
        driven: Any = owner.animation_data or owner.animation_data_create()
        for curve in _drivers(store):
            if curve.data_path.startswith("key_blocks") == keys and (not keys or _has(owner, curve.data_path)):
                _give_back(driven, curve, rig, controls)
        if len(driven.drivers):  # taking a driver away is what makes Blender look at all of them again
            driven.drivers.remove(driven.drivers.from_existing(src_driver=driven.drivers[-1]))
        owner.update_tag()
    if not any(other.get(RESTING) == store.name for other in bpy.data.objects):  # a copy of the rig may rest, too
        bpy.data.objects.remove(store)


def _wake_controls(controls: bpy.types.Object) -> None:
    store = _store(controls)
    del controls[RESTING]
    if store is None:
        return
    driven: Any = controls.animation_data or controls.animation_data_create()
    for curve in _drivers(store):
        _give_back(driven, curve, controls.parent or controls, controls)
    if len(driven.drivers):
        driven.drivers.remove(driven.drivers.from_existing(src_driver=driven.drivers[-1]))
    controls.update_tag()
    if not any(other.get(RESTING) == store.name for other in bpy.data.objects):
        bpy.data.objects.remove(store)


def wake_all() -> None:
    """Wakes every rig: restores all drivers that are set aside anywhere, whatever the rigs' properties say.

    Undoing reads some data-blocks back and leaves others as they are, and resting is not a step of it: a rig may come
    out awake while its body's shape keys are at rest.
    """
    rigs = [obj for obj in bpy.data.objects if obj.type == "ARMATURE" and not obj.library]
    for store in [obj for obj in bpy.data.objects if obj.get(KEEPS) and not obj.library]:
        for rig in set(rigs) & _targets(store):
            if bool(rig.get(CONTROLS)) == bool(store.get(_OF_CONTROLS)):
                rig[RESTING] = store.name
    for rig in rigs:
        if rig.get(RESTING) and not rig.get(CONTROLS):
            wake(rig)
    for controls in rigs:
        if controls.get(RESTING):
            _wake_controls(controls)
    forget_stores()


def forget_stores() -> None:
    """Removes the kept drivers of rigs that are gone."""
    wanted = {obj.get(RESTING) for obj in bpy.data.objects}
    stores = [obj for obj in bpy.data.objects if obj.get(KEEPS) and not obj.library and obj.name not in wanted]
    bpy.data.batch_remove(stores)


def _targets(store: bpy.types.Object) -> set[bpy.types.ID | None]:
    """The rigs and controls that the drivers in a store follow."""
    found: set[bpy.types.ID | None] = set()
    for curve in _drivers(store):
        for variable in [] if curve.driver is None else curve.driver.variables:
            found |= {target.id for target in variable.targets}
        if not store.get(_OF_CONTROLS) and any(one is not None and not one.get(CONTROLS) for one in found):
            break  # the drivers of a rig follow that rig, and its controls
    return found


def _store(rig: bpy.types.Object) -> bpy.types.Object | None:
    """The object that keeps a resting rig's drivers; None where somebody removed it."""
    return bpy.data.objects.get(str(rig[RESTING]))


def _give_back(
    driven: Any, curve: bpy.types.FCurve, rig: bpy.types.Object, controls: bpy.types.Object | None = None
) -> None:
    if driven.drivers.find(curve.data_path, index=curve.array_index) is not None:
        return
    own = driven.drivers.from_existing(src_driver=curve)
    for variable in own.driver.variables:
        for target in variable.targets:
            meant = controls if controls is not None and target.id is not None and target.id.get(CONTROLS) else rig
            if target.id != meant:  # of a copy
                target.id = meant


def _owners(rig: bpy.types.Object, of_rest: bool = True) -> Iterator[Any]:
    """What has drivers of a character: the rig, and the shape keys of its body and of what it wears."""
    yield rig
    body = _body(rig)
    for mesh in ([] if body is None else [body]) + worn_by(rig):
        keys: Any = getattr(mesh.data, "shape_keys", None)
        if keys is not None and (keys.animation_data is not None or not of_rest):
            yield keys


def _has(keys: bpy.types.Key, path: str) -> bool:
    """Whether shape keys have what the path of a driver names."""
    try:
        keys.path_resolve(path)
    except ValueError:
        return False
    return True


def _body(rig: bpy.types.Object) -> bpy.types.Object | None:
    return next((child for child in rig.children if child.type == "MESH" and child.get(BODY_PROPERTY)), None)


def _drivers(owner: Any) -> list[bpy.types.FCurve]:
    return [] if owner.animation_data is None else list(owner.animation_data.drivers)


def _plays(owner: Any) -> bool:
    """Whether keys or strips move something of an owner."""
    animation = owner.animation_data
    return animation is not None and (animation.action is not None or len(animation.nla_tracks) > 0)


def _is_own(curve: bpy.types.FCurve, own: set[bpy.types.Object | None]) -> bool:
    """Whether a driver follows sliders and bones of a character alone, and drives none of the sliders.

    Args:
        own: its rig, and its controls.
    """
    driver = curve.driver
    return (
        driver is not None
        and not curve.data_path.startswith("[")
        and all(
            v.type in ("SINGLE_PROP", "TRANSFORMS", "LOC_DIFF") and all(target.id in own for target in v.targets)
            for v in driver.variables
        )
    )


def _said(curve: bpy.types.FCurve) -> tuple[Any, ...]:
    """What a driver's value comes from."""
    driver: Any = curve.driver
    sources = [(v.name, t.data_path, t.bone_target, t.transform_type) for v in driver.variables for t in v.targets]
    return driver.type, driver.expression, sources


def _held(rig: bpy.types.Object) -> bool:
    """Whether constraints that are not the character's own hold its bones: neither their channels nor those of its
    controls say then how they stand.
    """
    return any(
        c.name != SHARED_CONSTRAINT and not (is_following(c) and c.target is not None and c.target.get(CONTROLS))
        for bone in rig.pose.bones
        for c in bone.constraints
    )


def _sources(rig: bpy.types.Object) -> NDArray[np.float64]:
    """All numbers that drivers of a rig may follow: its sliders, the angles of its bones, all of its controls, and
    whether something else holds the bones.
    """
    sliders = [value for value in rig.values() if isinstance(value, float)]
    found: list[Any] = [sliders, [float(_held(rig))]]
    channels: tuple[tuple[str, int], ...] = (("rotation_euler", 3), ("rotation_quaternion", 4))
    found += [take(rig.pose.bones, name, width).ravel() for name, width in channels]
    controls = controls_of(rig)
    if controls is not None:
        found.append([float(value) for value in controls.values() if isinstance(value, float | int)])
        for name, width in (*channels, ("location", 3), ("scale", 3)):
            found.append(take(controls.pose.bones, name, width).ravel())
    return np.concatenate(found)
