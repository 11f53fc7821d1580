"""What may be wrong with a retarget map: missing bones, hierarchies that contradict MHR's, sides that differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.errors import UsageError

from .maps import NEEDED, MappedBone, RetargetMap, load_map, mhr_joints, other_side

_HELPER = "_proc"


def sound_map(names: str, folders: Iterable[str | Path] = ()) -> RetargetMap:
    """A map that fits MHR, by its name or from a file; arguments as of `load_map`.

    Raises:
        UsageError: there is none, or something is wrong with it.
    """
    retarget = load_map(names, folders)
    found = problems(retarget, *mhr_joints())
    if found:
        raise UsageError(f"The retarget map '{names}' cannot be used: {' '.join(found)}")
    return retarget


def problems(retarget: RetargetMap, joint_names: Sequence[str], joint_parents: ArrayLike) -> list[str]:
    """All that is wrong with a map, as sentences; empty where nothing is.

    Args:
        joint_names: (J,) of the body.
        joint_parents: (J,) -1 for the first.
    """
    parents = np.asarray(joint_parents)
    index = {str(name): i for i, name in enumerate(joint_names)}
    return [
        *_problems_with_names(retarget, index),
        *_problems_with_hierarchy(retarget, index, parents),
        *_problems_with_symmetry(retarget),
    ]


def _problems_with_names(retarget: RetargetMap, index: Mapping[str, int]) -> list[str]:
    found = []
    names: set[str] = set()
    joints: dict[str, str] = {}
    for entry in retarget.bones:
        if entry.bone in names:
            found.append(f"The bone '{entry.bone}' appears twice.")
        names.add(entry.bone)
        for joint in (entry.joint, entry.toward):
            if joint is not None and joint not in index:
                found.append(f"'{entry.bone}' stands for '{joint}', which is not a joint of MHR.")
        if entry.stands_for_joint and joints.setdefault(entry.joint, entry.bone) != entry.bone:
            found.append(f"'{entry.bone}' and '{joints[entry.joint]}' both stand for '{entry.joint}'.")
    found += [f"No bone stands for '{joint}', which every skeleton needs." for joint in NEEDED if joint not in joints]
    return found


def _problems_with_hierarchy(retarget: RetargetMap, index: Mapping[str, int], parents: NDArray) -> list[str]:
    found = []
    seen: dict[str, MappedBone] = {}
    for entry in retarget.bones:
        if entry.parent is None:
            if seen:
                found.append(f"'{entry.bone}' has no parent; only the first bone may have none.")
        elif entry.parent not in seen:
            found.append(f"'{entry.bone}' has the parent '{entry.parent}', which is not listed before it.")
        else:
            above = seen[entry.parent].joint
            if above in index and entry.joint in index and not _is_above(above, entry, index, parents):
                found.append(
                    f"'{entry.bone}' has the parent '{entry.parent}', but '{entry.joint}' is not below '{above}'."
                )
        seen[entry.bone] = entry
    return found


def _is_above(above: str, entry: MappedBone, index: Mapping[str, int], parents: NDArray) -> bool:
    """Whether a joint lies above a bone's; a twist helper stands for the joint that it hangs on."""
    top = int(parents[index[above]]) if above.endswith(_HELPER) else index[above]
    joint = index[entry.joint]
    if joint == index[above]:
        # two bones at one joint: one of them stands between joints, or it is the same joint twice, which is said above
        return True
    while joint >= 0:
        joint = int(parents[joint])
        if joint == top:
            return True
    return False


def _problems_with_symmetry(retarget: RetargetMap) -> list[str]:
    found = []
    for entry in retarget.bones:
        other = other_side(entry.joint)
        if entry.mirror is None:
            if other != entry.joint:
                found.append(f"'{entry.bone}' stands for a joint of one side but names no 'mirror'.")
            continue
        twin = retarget.by_name.get(entry.mirror)
        if twin is None:
            found.append(f"'{entry.bone}' has '{entry.mirror}' as its mirror, which does not exist.")
        elif twin.mirror != entry.bone:
            found.append(f"'{entry.mirror}' is the mirror of '{entry.bone}', but not the other way round.")
        elif twin.joint != other:
            found.append(f"'{entry.bone}' stands for '{entry.joint}', so '{twin.bone}' should stand for '{other}'.")
        elif entry.parent is not None and twin.parent is not None:
            parent = retarget.by_name.get(entry.parent)
            if parent is not None and (parent.mirror or parent.bone) != twin.parent:
                found.append(f"'{entry.bone}' and '{twin.bone}' are not on the two sides of the same bone.")
    return found
