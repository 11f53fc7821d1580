"""The retarget maps of other programs' skeletons."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from native_runtime.errors import NewerFormatError, UsageError
from native_runtime.mhr import load_rig_facts
from native_runtime.retarget.checks import problems
from native_runtime.retarget.maps import (
    MappedBone,
    RetargetMap,
    available_maps,
    copy_map,
    load_map,
    other_side,
)

FACTS = load_rig_facts()
OURS = ["mixamo", "rigify", "unity", "unreal", "vrm"]
#: VRM 1.0 and Unity's HumanTrait require the same fifteen.
HUMAN_15 = {
    "hips", "spine", "head",
    *(f"{side}{part}" for side in ("left", "right")
      for part in ("upperarm", "lowerarm", "hand", "upperleg", "lowerleg", "foot")),
}  # fmt: skip


def _problems(retarget: RetargetMap) -> str:
    return " ".join(problems(retarget, FACTS.joint_names, FACTS.joint_parents))


@pytest.mark.parametrize("name", ["mhr", *OURS])
def test_ours_are_sound(name):
    assert _problems(load_map(name)) == ""


def test_there_are_ours_and_the_identity():
    assert available_maps() == ["mhr", *OURS]
    identity = load_map("mhr")
    assert [bone.bone for bone in identity.bones] == list(FACTS.joint_names)
    assert all(identity.joint_of(name) == identity.bone_of(name) == name for name in FACTS.joint_names)


@pytest.mark.parametrize("name", ["unity", "vrm"])
def test_humanoids_require_the_fifteen_bones_of_their_specification(name):
    assert {bone.lower() for bone in load_map(name).required} == HUMAN_15


def test_mixamo_has_its_sixty_five_joints():
    bones = load_map("mixamo").bones
    assert len(bones) == 65
    fingers = [bone.bone for bone in bones if re.fullmatch(r"LeftHand(Thumb|Index|Middle|Ring|Pinky)[1-4]", bone.bone)]
    assert len(fingers) == 20


@pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="bpy is not installed")
def test_rigify_is_blenders_own_metarig():
    import bpy

    places = [Path(folder, "addons_core", "rigify") for folder in bpy.utils.script_paths()]
    text = next(place for place in places if place.is_dir()).joinpath("metarigs", "human.py").read_text()
    blocks = re.split(r"bone = arm\.edit_bones\.new\(", text)[1:]
    parents = {}
    for block in blocks:
        parent = re.search(r"bone\.parent = arm\.edit_bones\[bones\['(.*?)'\]\]", block)
        parents[re.match(r"'(.*?)'", block)[1]] = None if parent is None else parent[1]
    assert {bone.bone: bone.parent for bone in load_map("rigify").bones}.items() <= parents.items()


def test_names_are_found_with_and_without_their_prefix():
    mixamo = load_map("mixamo")
    for name in ("mixamorig:LeftArm", "LeftArm", "mixamorig_LeftArm"):
        assert mixamo.joint_of(name) == "l_uparm"
    assert mixamo.joint_of("mixamorig:LeftWing") is None
    assert mixamo.full_name("LeftArm") == "mixamorig:LeftArm"


def test_bones_between_joints_stand_for_none():
    unreal = load_map("unreal")
    between = [bone.bone for bone in unreal.bones if not bone.stands_for_joint]
    assert "spine_04" in between
    assert "index_metacarpal_l" in between
    assert unreal.bone_of("c_spine2") == "spine_03"
    assert unreal.bone_of("l_wrist") == "hand_l"
    assert not set(between) & set(unreal.required)


def _changed(retarget: RetargetMap, which: str, changes: dict) -> RetargetMap:
    return replace(retarget, bones=tuple(replace(b, **changes) if b.bone == which else b for b in retarget.bones))


@pytest.mark.parametrize(
    ("bone", "changes", "said"),
    [
        ("LeftArm", {"joint": "l_wing"}, "not a joint of MHR"),
        ("LeftArm", {"joint": "l_lowarm"}, "both stand for 'l_lowarm'"),
        ("LeftArm", {"joint": "l_lowarm"}, "No bone stands for 'l_uparm'"),
        ("LeftArm", {"parent": "Nobody"}, "is not listed before it"),
        ("LeftArm", {"parent": None}, "has no parent"),
        ("RightForeArm", {"parent": "LeftArm"}, "is not below 'l_uparm'"),
        ("LeftArm", {"mirror": None}, "names no 'mirror'"),
        ("LeftArm", {"mirror": "RightWing"}, "does not exist"),
        ("LeftArm", {"mirror": "RightForeArm"}, "not the other way round"),
        ("LeftHandThumb1", {"joint": "l_thumb0"}, "should stand for 'r_thumb0'"),
        ("LeftShoulder", {"parent": "Spine1"}, "are not on the two sides of the same bone"),
        ("LeftArm", {"bone": "LeftForeArm"}, "appears twice"),
    ],
)
def test_faults_are_named(bone, changes, said):
    assert said in _problems(_changed(load_map("mixamo"), bone, changes))


def test_sides_mirror():
    assert (other_side("l_wrist"), other_side("r_eye_null"), other_side("c_head")) == (
        "r_wrist",
        "l_eye_null",
        "c_head",
    )


@pytest.mark.parametrize("name", ["mhr", "unreal"])
def test_a_copy_is_the_same_under_its_own_name(name, tmp_path):
    path = copy_map(name, tmp_path / "maps" / "my own.json")
    found = load_map("my own", [path.parent])
    assert found == replace(load_map(name), name="my own")
    assert load_map(path) == found
    assert available_maps([path.parent]) == [*available_maps(), "my own"]
    with pytest.raises(UsageError, match="exists already"):
        copy_map(name, path)


def test_an_own_map_takes_precedence(tmp_path):
    path = copy_map("vrm", tmp_path / "vrm.json")
    path.write_text(path.read_text().replace('"VRM 1.0"', '"Mine"'))
    assert load_map("vrm", [tmp_path]).title == "Mine"
    assert available_maps([tmp_path]) == available_maps()


def _file(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "bad.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


_HEAD = {"format": "sam3db-retarget/1", "name": "bad", "title": "Bad"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not a JSON file"),
        ("[" * 100_000, "not a JSON file"),
        ([], "not a retarget map"),
        ({"format": "sam3db-settings/1"}, "'sam3db-settings/1', not 'sam3db-retarget/1'"),
        (_HEAD, "no 'bones'"),
        ({**_HEAD, "bones": []}, "no bones"),
        ({**_HEAD, "bones": {"Hips": "root"}}, "'bones', which is not possible"),
        ({**_HEAD, "bones": ["Hips"]}, "bone 1 is not a table"),
        ({**_HEAD, "bones": [{"bone": "Hips"}]}, "bone 1 has no 'joint'"),
        ({**_HEAD, "bones": [{"bone": 3, "joint": "root"}]}, "has 3 as 'bone'"),
        ({**_HEAD, "bones": [{"bone": "a", "joint": "root", "required": "yes"}]}, "'required', which is not possible"),
        ({**_HEAD, "bones": [{"bone": "a", "joint": "root", "along": True}]}, "'along', which is not possible"),
        ({**_HEAD, "prefixes": [1], "bones": [{"bone": "a", "joint": "root"}]}, "'prefixes'"),
    ],
)
def test_damaged_files_are_refused(content, said, tmp_path):
    with pytest.raises(UsageError, match=re.escape(said)):
        load_map(_file(tmp_path, content))


def test_a_map_of_a_newer_version_is_refused(tmp_path):
    with pytest.raises(NewerFormatError, match=r"bad\.json was written by a newer version"):
        load_map(_file(tmp_path, {**_HEAD, "format": "sam3db-retarget/9"}))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_map(tmp_path / "none.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not text"):
        load_map(tmp_path / "binary.json")
    with pytest.raises(UsageError, match="there are mhr, mixamo"):
        load_map("maya")
    with pytest.raises(UsageError, match="to copy"):
        copy_map("maya", tmp_path / "maya.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="Cannot write"):
        copy_map("vrm", tmp_path / "file" / "vrm.json")


def test_a_map_needs_no_more_than_names():
    lone = RetargetMap("x", "X", (MappedBone("Hips", "root"),))
    assert lone.required == ()
    assert lone.full_name("Hips") == "Hips"
    assert "No bone stands for 'c_head'" in _problems(lone)
