"""Bones told apart: by maps, by the names that other programs give, by the shape of the skeleton."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix
from native_runtime.retarget.guess import Guess, guess
from native_runtime.retarget.maps import available_maps, load_map
from native_runtime.retarget.names import read_names
from native_runtime.retarget.skeletons import TargetSkeleton
from tests.support.armatures import Y_UP, bone_names, relaid, stretched_arms

MAPS = [load_map(name) for name in available_maps()]
FINGERS = ("thumb", "index", "middle", "ring", "pinky")

#: How others call bones: MHR joint (without side, ``c_`` for the middle) -> name, where { } is the side.
STYLES: dict[str, tuple[tuple[str, str], dict[str, str], str]] = {
    "auto-rig pro": (
        ("l", "r"),
        {
            "root": "root.x", "c_spine1": "spine_01.x", "c_spine2": "spine_02.x", "c_spine3": "spine_03.x",
            "c_neck": "neck.x", "c_head": "head.x", "clavicle": "shoulder.{}", "uparm": "arm_stretch.{}",
            "uparm_twist2_proc": "arm_twist.{}", "lowarm": "forearm_stretch.{}",
            "lowarm_twist2_proc": "forearm_twist.{}",
            "wrist": "hand.{}", "upleg": "thigh_stretch.{}", "lowleg": "leg_stretch.{}", "foot": "foot.{}",
            "ball": "toes_01.{}",
        },
        "c_{finger}{number}.{}",
    ),
    "makehuman": (
        ("L", "R"),
        {
            "root": "root", "c_spine0": "spine05", "c_spine1": "spine03", "c_spine2": "spine02", "c_spine3": "spine01",
            "c_neck": "neck01", "c_neck_twist1_proc": "neck02", "c_head": "head", "clavicle": "clavicle.{}",
            "uparm": "upperarm01.{}", "uparm_twist2_proc": "upperarm02.{}", "lowarm": "lowerarm01.{}",
            "lowarm_twist2_proc": "lowerarm02.{}", "wrist": "wrist.{}", "upleg": "upperleg01.{}",
            "lowleg": "lowerleg01.{}", "foot": "foot.{}",
        },
        "finger{finger_number}-{number}.{}",
    ),
    "motionbuilder": (
        ("Left", "Right"),
        {
            "root": "Hips", "c_spine1": "LowerBack", "c_spine2": "Spine", "c_spine3": "Spine1", "c_neck": "Neck",
            "c_head": "Head", "clavicle": "{}Shoulder", "uparm": "{}Arm", "lowarm": "{}ForeArm", "wrist": "{}Hand",
            "upleg": "{}UpLeg", "lowleg": "{}Leg", "foot": "{}Foot", "ball": "{}ToeBase",
        },
        "{}Hand{Finger}{number}",
    ),
    "daz": (
        ("l", "r"),
        {
            "root": "hip", "c_spine0": "abdomenLower", "c_spine1": "abdomenUpper", "c_spine2": "chestLower",
            "c_spine3": "chestUpper", "c_neck": "neckLower", "c_head": "head", "clavicle": "{}Collar",
            "uparm": "{}ShldrBend", "uparm_twist2_proc": "{}ShldrTwist", "lowarm": "{}ForearmBend",
            "lowarm_twist2_proc": "{}ForearmTwist", "wrist": "{}Hand", "upleg": "{}ThighBend",
            "upleg_twist2_proc": "{}ThighTwist", "lowleg": "{}Shin", "foot": "{}Foot", "ball": "{}Toe",
        },
        "{}{Fing}{number}",
    ),
    "reallusion": (
        ("L", "R"),
        {
            "root": "CC_Base_Hip", "c_spine1": "CC_Base_Waist", "c_spine2": "CC_Base_Spine01",
            "c_spine3": "CC_Base_Spine02", "c_neck": "CC_Base_NeckTwist01", "c_head": "CC_Base_Head",
            "clavicle": "CC_Base_{}_Clavicle", "uparm": "CC_Base_{}_Upperarm", "lowarm": "CC_Base_{}_Forearm",
            "uparm_twist2_proc": "CC_Base_{}_UpperarmTwist01", "wrist": "CC_Base_{}_Hand", "upleg": "CC_Base_{}_Thigh",
            "lowleg": "CC_Base_{}_Calf", "foot": "CC_Base_{}_Foot", "ball": "CC_Base_{}_ToeBase",
            "eye": "CC_Base_{}_Eye", "c_jaw": "CC_Base_JawRoot",
        },
        "CC_Base_{}_{Fing}{number}",
    ),
    "valve": (
        ("L", "R"),
        {
            "root": "ValveBiped.Bip01_Pelvis", "c_spine0": "ValveBiped.Bip01_Spine",
            "c_spine1": "ValveBiped.Bip01_Spine1",
            "c_spine2": "ValveBiped.Bip01_Spine2", "c_spine3": "ValveBiped.Bip01_Spine4",
            "c_neck": "ValveBiped.Bip01_Neck1", "c_head": "ValveBiped.Bip01_Head1",
            "clavicle": "ValveBiped.Bip01_{}_Clavicle", "uparm": "ValveBiped.Bip01_{}_UpperArm",
            "lowarm": "ValveBiped.Bip01_{}_Forearm", "wrist": "ValveBiped.Bip01_{}_Hand",
            "upleg": "ValveBiped.Bip01_{}_Thigh", "lowleg": "ValveBiped.Bip01_{}_Calf",
            "foot": "ValveBiped.Bip01_{}_Foot", "ball": "ValveBiped.Bip01_{}_Toe0",
        },
        "ValveBiped.Bip01_{}_Finger{biped}",
    ),
    "3ds max biped": (
        ("L", "R"),
        {
            "root": "Bip01 Pelvis", "c_spine1": "Bip01 Spine", "c_spine3": "Bip01 Spine1", "c_neck": "Bip01 Neck",
            "c_head": "Bip01 Head", "clavicle": "Bip01 {} Clavicle", "uparm": "Bip01 {} UpperArm",
            "lowarm": "Bip01 {} Forearm", "wrist": "Bip01 {} Hand", "upleg": "Bip01 {} Thigh",
            "lowleg": "Bip01 {} Calf",
            "foot": "Bip01 {} Foot", "ball": "Bip01 {} Toe0",
        },
        "Bip01 {} Finger{biped}",
    ),
    "smpl": (
        ("left", "right"),
        {
            "root": "pelvis", "c_spine1": "spine1", "c_spine2": "spine2", "c_spine3": "spine3", "c_neck": "neck",
            "c_head": "head", "clavicle": "{}_collar", "uparm": "{}_shoulder", "lowarm": "{}_elbow",
            "wrist": "{}_wrist",
            "upleg": "{}_hip", "lowleg": "{}_knee", "foot": "{}_ankle", "ball": "{}_foot",
        },
        "{}_{finger}{number}",
    ),
    "unreal engine 4": (
        ("l", "r"),
        {
            "root": "pelvis", "c_spine1": "spine_01", "c_spine2": "spine_02", "c_spine3": "spine_03",
            "c_neck": "neck_01",
            "c_head": "head", "clavicle": "clavicle_{}", "uparm": "upperarm_{}",
            "uparm_twist2_proc": "upperarm_twist_01_{}",
            "lowarm": "lowerarm_{}", "lowarm_twist2_proc": "lowerarm_twist_01_{}", "wrist": "hand_{}",
            "upleg": "thigh_{}", "lowleg": "calf_{}", "foot": "foot_{}", "ball": "ball_{}",
        },
        "{finger}_0{number}_{}",
    ),
    "vroid": (
        ("L", "R"),
        {
            "root": "J_Bip_C_Hips", "c_spine1": "J_Bip_C_Spine", "c_spine2": "J_Bip_C_Chest",
            "c_spine3": "J_Bip_C_UpperChest", "c_neck": "J_Bip_C_Neck", "c_head": "J_Bip_C_Head",
            "clavicle": "J_Bip_{}_Shoulder", "uparm": "J_Bip_{}_UpperArm", "lowarm": "J_Bip_{}_LowerArm",
            "wrist": "J_Bip_{}_Hand", "upleg": "J_Bip_{}_UpperLeg", "lowleg": "J_Bip_{}_LowerLeg",
            "foot": "J_Bip_{}_Foot", "ball": "J_Bip_{}_ToeBase",
        },
        "J_Bip_{}_{Little}{number}",
    ),
    "mikumikudance": (
        ("左", "右"),
        {
            "root": "センター", "c_spine1": "上半身", "c_spine3": "上半身2", "c_neck": "首", "c_head": "頭",
            "clavicle": "{}肩", "uparm": "{}腕", "lowarm": "{}ひじ", "wrist": "{}手首", "upleg": "{}足",
            "lowleg": "{}ひざ", "foot": "{}足首", "ball": "{}つま先",
        },
        "",
    ),
}  # fmt: skip


def named(style: str) -> dict[str, str]:
    """MHR joint -> bone, in the style of another program."""
    sides, table, finger_style = STYLES[style]
    names = {joint: name for joint, name in table.items() if "{}" not in name}
    for side, own in zip("lr", sides):
        names |= {f"{side}_{joint}": name.format(own) for joint, name in table.items() if "{}" in name}
        for i, finger in enumerate(FINGERS if finger_style else ()):
            for number in (1, 2, 3):
                words = {
                    "finger": finger,
                    "Finger": finger.title(),
                    "Fing": "Mid" if finger == "middle" else finger.title(),
                    "Little": "Little" if finger == "pinky" else finger.title(),
                    "number": number,
                    "finger_number": i + 1,
                    "biped": f"{i}" if number == 1 else f"{i}{number - 1}",
                }
                names[f"{side}_{finger}{number}"] = finger_style.format(own, **words)
    return names


@pytest.mark.parametrize("style", STYLES)
def test_bones_of_other_programs_are_told_by_their_names(style: str, body: Body) -> None:
    names = named(style)
    target = relaid(body, body.joint_parameters(stretched_arms(body)), names)
    found = guess(target, MAPS)
    assert found.by == "names"
    expected = {joint: name for joint, name in names.items() if not joint.endswith("_proc")}
    assert {joint: name for joint, name in found.assigned.items() if expected.get(joint) != name} == {}
    assert set(expected) - set(found.assigned) == set()


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("rigify", ""), ("mixamo", ""), ("mixamo", "mixamorig:"), ("unreal", ""), ("unity", ""), ("vrm", ""), ("mhr", "")],
)
def test_a_map_that_fits_is_taken(name: str, prefix: str, body: Body) -> None:
    names = bone_names(name, prefix)
    found = guess(relaid(body, np.zeros((127, 7)), names), MAPS)
    assert found.by == name
    assert found.assigned == names


def _shuffled(target: TargetSkeleton, rng: np.random.Generator) -> tuple[TargetSkeleton, dict[str, str]]:
    """The same bones under names that say nothing."""
    numbers = rng.permutation(len(target.names))
    names = [f"Bone.{number:03d}" for number in numbers]
    return replace(target, names=tuple(names)), dict(zip(names, target.names))


@pytest.mark.parametrize("axes", [np.eye(3), Y_UP], ids=["z up", "y up"])
@pytest.mark.parametrize("arms", ["a", "t"])
def test_a_skeleton_without_telling_names_is_told_by_its_shape(
    axes: np.ndarray, arms: str, body: Body, rng: np.random.Generator
) -> None:
    parameters = np.zeros(204) if arms == "a" else stretched_arms(body)
    names = bone_names("mixamo")
    names = {joint: bone for joint, bone in names.items() if not joint.endswith("_null") or joint == "c_head_null"}
    target, real = _shuffled(relaid(body, body.joint_parameters(parameters), names, rng, axes=axes), rng)
    found = guess(target, MAPS)
    assert found.by == "shape"
    assert {joint: real[bone] for joint, bone in found.assigned.items()} == {
        joint: bone for joint, bone in names.items() if joint != "c_head_null"
    }


def test_what_is_no_human_is_not_forced_into_one(rng: np.random.Generator) -> None:
    count = 30
    rest = np.tile(np.eye(4), (count, 1, 1))
    rest[:, :3, :3] = euler_to_matrix(rng.uniform(-3, 3, (count, 3)))
    rest[:, :3, 3] = rng.normal(size=(count, 3))
    tail = TargetSkeleton(tuple(f"tail.{i}" for i in range(count)), np.arange(-1, count - 1), rest, np.ones(count))
    found: Guess = guess(tail, MAPS)
    assert len(found.assigned) < 3


@pytest.mark.parametrize(
    ("name", "side", "word"),
    [
        ("upper_arm.L", "l", "upperarm"),
        ("LeftUpLeg", "l", "upleg"),
        ("rThighBend", "r", "thighbend"),
        ("hand_r", "r", "hand"),
        ("rig|Armature:Right_Hand", "r", "hand"),
        ("leftarm", "l", "arm"),
        ("Lower_Leg", "c", "lowerleg"),
        ("右ひざ", "r", "shin"),
        ("L_Index_01", "l", "index"),
        ("", "c", ""),
    ],
)
def test_names_are_taken_apart(name: str, side: str, word: str) -> None:
    read = read_names([name])[0]
    assert (read.side, read.word) == (side, word)
