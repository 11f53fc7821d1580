"""A person's pose on other skeletons: what must be the same, and what must not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.errors import UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import angle_between
from native_runtime.retarget.roles import FINGERS, mirrored
from native_runtime.retarget.skeletons import SourcePose, TargetSkeleton
from native_runtime.retarget.solve import TargetPose, solve
from tests.support.armatures import Y_UP, bone_names, relaid, stretched_arms
from tests.support.likeness import likeness

TIPS = [f"{finger}3" for finger in ("thumb", *FINGERS)]
MIRROR = np.diag([-1.0, 1.0, 1.0])


def degrees_between(a: NDArray, b: NDArray) -> float:
    return float(np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(a - b) / np.sqrt(8), 0, 1))))


def posed(target: TargetSkeleton, pose: TargetPose) -> tuple[NDArray, NDArray]:
    """Heads and axes of the posed skeleton in Blender's axes."""
    upright = target.turned(pose.standing)
    rotations = {bone: pose.standing @ rotation for bone, rotation in pose.rotations.items()}
    return upright.forward(rotations, {pose.hips: pose.standing @ pose.shift})


def turns(target: TargetSkeleton, pose: TargetPose) -> dict[str, NDArray]:
    """Bone -> how far it has turned from rest, in Blender's axes."""
    return {
        target.names[bone]: pose.standing @ rotation @ target.rest[bone, :3, :3].T @ pose.standing.T
        for bone, rotation in pose.rotations.items()
    }


def bent(body: Body) -> NDArray:
    """A rest pose with bent and twisted arms, bent knees and curled fingers; soles flat."""
    parameters = stretched_arms(body)
    for side in "lr":
        for name, value in {
            "elbow_bend": -0.3, "uparm_twist": -0.4, "lowarm_twist": 0.7, "knee_bend": 0.3, "upleg_rz": -0.15,
            "foot_bend": -0.15, "index1_rz": -0.3, "index2_rz": -0.3,
        }.items():  # fmt: skip
            parameters[body.parameter_index(f"{side}_{name}")] = value
    return parameters


def test_mhr_on_itself_is_the_same_pose(
    body: Body, joints: NDArray, people: list[SourcePose], rng: np.random.Generator
) -> None:
    names = {name: name for name in body.joint_names if not name.startswith(("body_world", "c_neck_twist"))}
    for person, parameters in zip(people[:10], joints):
        target = relaid(body, parameters * (1, 1, 1, 0, 0, 0, 1), names, rng, wild=True)
        pose = solve(person, target, names)
        for name, turn in turns(target, pose).items():
            assert degrees_between(turn, person.turns[person.index[name]]) < 1e-4, name
        heads, _ = posed(target, pose)
        wanted = person.posed[[person.index[name] for name in target.names]]
        shift = np.array([0.0, 0.0, person.floor - person.posed_floor])
        assert np.abs(heads - wanted - shift).max() < 1e-9
        assert pose.scale == pytest.approx(1.0)
        assert pose.notes == ()


@pytest.mark.parametrize("rest", ["a", "t", "bent"])
def test_another_rest_pose_makes_no_difference(
    rest: str, body: Body, people: list[SourcePose], rng: np.random.Generator
) -> None:
    parameters = {"a": np.zeros(204), "t": stretched_arms(body), "bent": bent(body)}[rest]
    # how twist helpers rest cannot be seen
    names = {joint: bone for joint, bone in bone_names("unreal").items() if "_proc" not in joint}
    target = relaid(body, body.joint_parameters(parameters), names, rng, wild=True, scale=170.0, axes=Y_UP)
    at_rest = SourcePose.of(body, body.joint_parameters(parameters))
    for person in people[:10]:
        pose = solve(person, target, names, twist_share=0.0)
        found = turns(target, pose)
        for joint, bone in names.items():
            # the rest pose was made of MHR's own joints, so what each bone has to turn since is known
            wanted = person.turns[person.index[joint]] @ at_rest.turns[at_rest.index[joint]].T
            # a foot's bone stands for several joints, and soles are taken to be flat at rest
            feet = "foot" in joint or (rest == "bent" and "ball" in joint)
            # where a finger's end points only its bone could tell, and here the bones are wild
            if bone in found and "spine" not in joint and not feet and joint[2:] not in TIPS:
                assert degrees_between(found[bone], wanted) < 2.0, joint


@pytest.mark.parametrize("kind", ["mixamo", "rigify"])
@pytest.mark.parametrize("rest", ["a", "t", "bent"])
def test_fifty_people_on_a_skeleton_with_random_rolls(
    kind: str, rest: str, body: Body, people: list[SourcePose], rng: np.random.Generator
) -> None:
    parameters = {"a": np.zeros(204), "t": stretched_arms(body), "bent": bent(body)}[rest]
    names = bone_names(kind)
    target = relaid(body, body.joint_parameters(parameters), names, rng, wild=True, scale=1.3)
    bends = 0
    for person in people:
        pose = solve(person, target, names)
        alike = likeness(person, target.turned(pose.standing), names, *posed(target, pose))
        assert max(alike.limbs.values()) < 0.01
        assert max(alike.palms.values()) < 1.0
        assert max(alike.hinges.values(), default=0.0) < 40.0
        assert max(alike.twists.values()) < 100.0
        bends += len(alike.hinges)
    assert bends > 50


def test_rolls_do_not_matter(body: Body, people: list[SourcePose]) -> None:
    names = bone_names("mixamo")
    joints = body.joint_parameters(bent(body))
    first, second = (relaid(body, joints, names, np.random.default_rng(seed), wild=seed > 0) for seed in (0, 1))
    for person in people[:10]:
        found = [turns(target, solve(person, target, names)) for target in (first, second)]
        for bone in found[0]:
            # the ends of the chains have nothing but their own bone to show where they point
            if not bone.endswith(("4", "_End")):
                assert degrees_between(found[0][bone], found[1][bone]) < 1e-4, bone


def test_size_and_axes_do_not_matter(body: Body, people: list[SourcePose]) -> None:
    names = bone_names("mixamo")
    joints = body.joint_parameters(stretched_arms(body))
    first = relaid(body, joints, names)
    second = relaid(body, joints, names, scale=100.0, axes=Y_UP)
    for person in people[:5]:
        poses = [solve(person, target, names) for target in (first, second)]
        for bone, turn in turns(first, poses[0]).items():
            assert degrees_between(turn, turns(second, poses[1])[bone]) < 1e-6
        assert poses[1].scale == pytest.approx(100.0 * poses[0].scale)
        assert Y_UP.T @ poses[1].shift == pytest.approx(100.0 * poses[0].shift, abs=1e-6)


def _reflected(person: SourcePose) -> SourcePose:
    """The person in a mirror: left is right."""
    other = [person.index[mirrored(name)] for name in person.names]
    return replace(
        person,
        rest=person.rest[other] @ MIRROR,
        posed=person.posed[other] @ MIRROR,
        axes=MIRROR @ person.axes[other] @ MIRROR,
        posed_axes=MIRROR @ person.posed_axes[other] @ MIRROR,
    )


@pytest.mark.parametrize("rest", ["a", "t", "bent"])
def test_a_mirrored_person_gives_the_mirrored_pose(rest: str, body: Body, people: list[SourcePose]) -> None:
    names = bone_names("mixamo")
    other = {bone: names[mirrored(joint)] for joint, bone in names.items()}
    parameters = {"a": np.zeros(204), "t": stretched_arms(body), "bent": bent(body)}[rest]
    target = relaid(body, body.joint_parameters(parameters), names)
    for person in people[:10]:
        found, reflected = (turns(target, solve(p, target, names)) for p in (person, _reflected(person)))
        for bone, turn in found.items():
            assert degrees_between(MIRROR @ turn @ MIRROR, reflected[other[bone]]) < 0.05, bone


def test_a_posed_skeleton_is_as_near_to_the_floor_as_the_person(body: Body, people: list[SourcePose]) -> None:
    names = bone_names("mixamo")
    longer = np.zeros(204)
    longer[body.parameter_index("scale_uplegs")] = 1.0
    target = relaid(body, body.joint_parameters(longer), names, scale=1.2)
    for person in people[:10]:
        pose = solve(person, target, names)
        heads, _ = posed(target, pose)
        lowest = heads[[target.index[bone] for joint, bone in names.items() if "spine" not in joint], 2].min()
        wanted = min(person.posed[person.index[joint], 2] for joint in names if "spine" not in joint)
        ground = (pose.standing @ pose.ground)[2]
        assert lowest - ground == pytest.approx(pose.scale * (wanted - person.posed_floor), abs=1e-9)
        # by the hips alone a longer thigh changes the way to the floor
        without = solve(person, target, names, floor=False)
        assert np.abs(without.shift - pose.shift)[:2] == pytest.approx([0, 0], abs=1e-12)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_spines_of_any_number_of_bones_bend_as_one(count: int, body: Body, people: list[SourcePose]) -> None:
    """Where the neck comes to be is told from where it is on the person."""
    names = {j: b for j, b in bone_names("mixamo").items() if "spine" not in j}
    whole = relaid(body, np.zeros((127, 7)), names)
    hips, neck = whole.heads[whole.index["Hips"]], whole.heads[whole.index["Neck"]]
    heads = hips + np.linspace(0.05, 0.85, count)[:, None] * (neck - hips)
    order = [0, *range(count + 1)]
    rest = np.concatenate([whole.rest[:1], np.tile(np.eye(4), (count, 1, 1)), whole.rest[1:]])
    rest[1 : count + 1, :3, 3] = heads
    legs = {whole.index[f"{side}UpLeg"] for side in ("Left", "Right")}
    parents = [
        -1 if p < 0 else (0 if i in legs else count) if p == 0 else p + count
        for i, p in enumerate(whole.parents.tolist())
    ]
    target = TargetSkeleton(
        ("Hips", *(f"Spine{i}" for i in range(count)), *whole.names[1:]),
        np.array([-1, *order[1:-1], *parents[1:]], np.int32),
        rest,
        np.full(len(rest), 0.1),
    )
    ends = {"c_spine0": "Spine0", "c_spine3": f"Spine{count - 1}"} if count > 1 else {"c_spine3": "Spine0"}
    errors = []
    for person in people:
        pose = solve(person, target, {**names, **ends})
        places, _ = posed(target, pose)
        ours = person.posed[person.index["c_neck"]] - person.posed[person.index["root"]]
        errors.append(np.degrees(angle_between(places[target.index["Neck"]] - places[0], ours)))
    # one bone cannot bend, but it can lean
    assert np.mean(errors) < (2.0 if count > 1 else 6.0)


def test_bones_that_are_missing_are_no_hindrance(body: Body, people: list[SourcePose]) -> None:
    names = bone_names("mixamo")
    target = relaid(body, body.joint_parameters(stretched_arms(body)), names)
    kept = {
        "bust": lambda joint: "leg" not in joint and "foot" not in joint and "ball" not in joint,
        "no hands": lambda joint: not any(part in joint for part in ("thumb", "wrist", *FINGERS)),
        "one phalanx": lambda joint: not joint.endswith(("2", "3", "_null")) or "spine" in joint,
        "no spine": lambda joint: "spine" not in joint and "neck" not in joint,
        "no shoulders": lambda joint: "clavicle" not in joint,
    }  # fmt: skip
    for which, keep in kept.items():
        fewer = {joint: bone for joint, bone in names.items() if keep(joint)}
        for person in people[:5]:
            pose = solve(person, target, fewer)
            alike = likeness(person, target.turned(pose.standing), fewer, *posed(target, pose))
            assert max(alike.limbs.values()) < 0.01, which
            assert np.isfinite([*pose.rotations.values()]).all()
            assert bool(pose.notes) == (which in ("bust", "no hands"))


def test_limbs_without_length_are_borne(body: Body, people: list[SourcePose]) -> None:
    names = bone_names("mixamo")
    target = relaid(body, body.joint_parameters(stretched_arms(body)), names)
    rest = target.rest.copy()
    for bone in ("LeftForeArm", "RightLeg", "LeftHandIndex2", "LeftFoot"):
        rest[target.index[bone], :3, 3] = rest[target.parents[target.index[bone]], :3, 3]
    for person in people[:5]:
        pose = solve(person, replace(target, rest=rest), names)
        rotations = np.array([*pose.rotations.values()])
        assert rotations @ rotations.transpose(0, 2, 1) == pytest.approx(np.tile(np.eye(3), (len(rotations), 1, 1)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"root": ""}, "hips"),
        ({"l_uparm": "Wing"}, "no bone 'Wing'"),
        ({"l_wing": "LeftArm"}, "no joint 'l_wing'"),
        ({"l_uparm": "RightArm"}, "cannot be both"),
        ({"c_spine3": "LeftFoot", "l_foot": "Spine2"}, ""),
        ({"root": "Head", "c_head": "Hips"}, "spine"),
    ],
)
def test_what_is_assigned_wrongly_is_said(
    change: dict[str, str], message: str, body: Body, people: list[SourcePose]
) -> None:
    names = bone_names("mixamo")
    target = relaid(body, np.zeros((127, 7)), names)
    if not message:
        assert any("is not below" in note for note in solve(people[0], target, {**names, **change}).notes)
        return
    with pytest.raises(UsageError, match=message):
        solve(people[0], target, {**names, **change})


def test_swapped_sides_are_noticed(body: Body, people: list[SourcePose]) -> None:
    names = bone_names("mixamo")
    target = relaid(body, np.zeros((127, 7)), names)
    swapped = {joint: names[mirrored(joint)] for joint in names}
    assert any("swapped" in note for note in solve(people[0], target, swapped).notes)
    assert solve(people[0], target, names).notes == ()
