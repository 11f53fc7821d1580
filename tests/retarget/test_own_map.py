"""Maps made of what an artist has assigned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.errors import UsageError
from native_runtime.mhr import Body
from native_runtime.retarget.guess import assigned_by, fits
from native_runtime.retarget.maps import load_map, save_map
from native_runtime.retarget.own import map_of
from tests.support.armatures import bone_names, relaid


@pytest.mark.parametrize("kind", ["mixamo", "rigify", "unreal"])
def test_a_saved_assignment_gives_the_same_one_again(kind: str, body: Body, tmp_path: Path) -> None:
    assigned = bone_names(kind)
    target = relaid(body, np.zeros((127, 7)), assigned)
    retarget = load_map(save_map(map_of(target, assigned, "mine"), tmp_path / "mine.json"))
    assert assigned_by(retarget, target.names) == assigned
    assert fits(retarget, assigned)
    assert retarget.by_name[assigned["l_lowarm"]].parent == assigned["l_uparm"]
    assert retarget.by_name[assigned["l_lowarm"]].mirror == assigned["r_lowarm"]
    # without a bone that a body needs it does not fit any more
    assert not fits(retarget, {joint: bone for joint, bone in assigned.items() if joint != "l_lowarm"})


def test_bones_between_are_left_out_and_the_hierarchy_closes(body: Body) -> None:
    names = bone_names("mixamo")
    target = relaid(body, np.zeros((127, 7)), names)
    fewer = {joint: "" if joint in ("c_spine2", "r_clavicle") else bone for joint, bone in names.items()}
    made = map_of(target, fewer, "mine")
    assert made.by_name["Spine2"].parent == "Spine"
    assert made.by_name["RightArm"].parent == "Spine2"
    assert made.by_name["LeftShoulder"].mirror is None


def test_what_cannot_be_saved_is_said(body: Body) -> None:
    target = relaid(body, np.zeros((127, 7)), bone_names("mixamo"))
    with pytest.raises(UsageError, match="nothing to save"):
        map_of(target, {"root": ""}, "mine")
    with pytest.raises(UsageError, match="no bone 'Wing'"):
        map_of(target, {"root": "Hips", "l_uparm": "Wing"}, "mine")
