"""A map made from an assignment that an artist has corrected."""

from __future__ import annotations

from collections.abc import Mapping

from native_runtime.errors import UsageError

from .maps import MappedBone, RetargetMap
from .roles import EXPECTED, mirrored
from .skeletons import TargetSkeleton


def map_of(target: TargetSkeleton, assigned: Mapping[str, str], name: str) -> RetargetMap:
    """The map by which other armatures of this kind can be posed, and characters exported for it.

    Args:
        assigned: MHR joint -> bone; joints without a bone are left out.

    Raises:
        UsageError: nothing is assigned, or a bone is not there.
    """
    bones = {bone: joint for joint, bone in assigned.items() if bone}
    if not bones:
        raise UsageError("No bones are assigned; there is nothing to save.")
    absent = [bone for bone in bones if bone not in target.index]
    if absent:
        raise UsageError(f"The armature has no bone '{absent[0]}'; correct the list before saving it.")
    entries = [
        MappedBone(
            bone=bone,
            joint=bones[bone],
            parent=_above(target, bone, bones),
            required=bones[bone] in EXPECTED,
            mirror=assigned.get(mirrored(bones[bone])) or None if mirrored(bones[bone]) != bones[bone] else None,
        )
        for bone in target.names
        if bone in bones
    ]
    return RetargetMap(name=name, title=name, bones=tuple(entries), sources=("Assigned in Blender",))


def _above(target: TargetSkeleton, bone: str, bones: Mapping[str, str]) -> str | None:
    """The nearest bone above that the map has as well."""
    number = int(target.parents[target.index[bone]])
    while number >= 0 and target.names[number] not in bones:
        number = int(target.parents[number])
    return target.names[number] if number >= 0 else None
