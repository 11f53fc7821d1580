"""Takes in the scene: characters that move as the people of a video did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.characters.exports.options import ExportOptions
from native_runtime.errors import ModelError, Sam3dbError, UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix
from native_runtime.takes.take import Take, TakeFootage
from native_runtime.texture.files import save_texture
from native_runtime.texture.making import Texture
from sam3db_blender.compat import animation_curves, strip_curves
from sam3db_blender.controls.build import remove_controls
from sam3db_blender.exports.taking import take_character
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.scene.presence import AWAY
from sam3db_blender.scene.provenance import read_origin
from sam3db_blender.scene.readback import estimate_of
from sam3db_blender.scene.textured import texture_of
from sam3db_blender.takes.build import TakeOptions, TakeScene, build_take_scene, rate_of
from sam3db_blender.takes.editing import smooth_here
from sam3db_blender.takes.record import read_record
from tests.support.takes import moving_take

Array = NDArray[np.float64]

BAR = 1e-4  # m


def turning(take: Take, turns: float = 1.3) -> Take:
    """The person turns about the vertical; the angles are given within half a turn, so that they jump."""
    parameters = take.model_parameters.copy()
    heading = 2 * np.pi * turns * np.linspace(0.0, 1.0, len(take))
    parameters[:, 4] = (heading + np.pi) % (2 * np.pi) - np.pi
    return replace(take, model_parameters=parameters)


def panned(take: Take) -> Take:
    """The camera turns and moves on."""
    along = np.linspace(0.0, 1.0, len(take))
    cameras = np.tile(np.eye(4), (len(take), 1, 1))
    cameras[:, :3, :3] = euler_to_matrix(np.stack([0.05 * along, 0.4 * along, 0.02 * along], axis=1))
    cameras[:, :3, 3] = np.stack([0.3 * along, 0.0 * along, 0.1 * along], axis=1)
    return replace(take, camera_to_world=cameras, camera="moving")


def world_vertices(take: Take, body: Body, index: int) -> Array:
    """(V, 3) m, the person of a frame in the take's world."""
    vertices = body.vertices(take.model_parameters[index], take.identity, take.expression[index])
    seen = vertices / 100.0 * (1.0, -1.0, -1.0) + take.camera_translation[index]
    camera = take.camera_to_world[index]
    return np.asarray(seen @ camera[:3, :3].T + camera[:3, 3])


@pytest.fixture(scope="module")
def body(small_body: Body) -> Body:
    """The made-up body, with all its vertices carried by the root."""
    return replace(small_body, name="walker", skin_indices=np.maximum(small_body.skin_indices, 1))


def build(body: Body, takes: Take | list[Take], **options: Any) -> TakeScene:
    options = {"rate": "video", "light": False, **options}
    return build_take_scene(
        bpy.context.scene, takes if isinstance(takes, list) else [takes], body, TakeOptions(**options)
    )


def shown(made: TakeScene, frame: int, number: int = 0) -> Array:
    """(V, 3) m, a character's mesh on a frame."""
    bpy.context.scene.frame_set(frame)
    return evaluated_vertices(made.built.characters[number].mesh, bpy.context.evaluated_depsgraph_get())


def error(made: TakeScene, take: Take, body: Body, frame: int, index: int, number: int = 0) -> float:
    """m, how far the mesh is from the body's on a frame of the scene."""
    expected = made.built.placement.world(world_vertices(take, body, index))
    return float(np.linalg.norm(shown(made, frame, number) - expected, axis=1).max())


def curves_of(obj: bpy.types.Object) -> dict[tuple[str, int], bpy.types.FCurve]:
    return {(curve.data_path, curve.array_index): curve for _, curve in animation_curves(obj)}


def controls(made: TakeScene) -> bpy.types.Object:
    return bpy.data.objects[made.built.characters[0].rig.name.replace(" Rig", " Controls")]


@pytest.mark.parametrize("with_controls", [True, False])
@pytest.mark.parametrize("change", [lambda take: take, lambda take: panned(turning(take))], ids=["fixed", "moving"])
def test_the_mesh_is_the_bodys_on_every_frame(body: Body, change, with_controls: bool) -> None:
    take = change(moving_take(body, 9))
    made = build(body, take, controls=with_controls, start=11)
    assert made.motion.frames == range(11, 20)
    assert max(error(made, take, body, 11 + i, i) for i in range(9)) < BAR
    assert (bpy.context.scene.frame_start, bpy.context.scene.frame_end) == (11, 19)


def test_the_animation_leads_back_to_the_numbers(body: Body) -> None:
    """A character that stands on a frame of its take gives the estimate of that frame."""
    take = moving_take(body, 5)
    made = build(body, take, controls=False)
    bpy.context.scene.frame_set(4)
    found = estimate_of(made.built.characters[0].rig, body)
    np.testing.assert_allclose(found.vertices, take.estimate(3, body).vertices, atol=BAR)
    np.testing.assert_allclose(found.camera_translation, take.camera_translation[3], atol=BAR)


def test_the_camera_sees_what_the_footages_saw(body: Body) -> None:
    take = panned(moving_take(body, 6))
    made = build(body, take)
    camera = made.built.camera
    for index in (0, 2, 5):
        bpy.context.scene.frame_set(1 + index)
        inverse = np.array(camera.matrix_world.inverted())
        points = made.built.placement.world(world_vertices(take, body, index)[:50])
        seen = (points @ inverse[:3, :3].T + inverse[:3, 3]) * (1, -1, -1)
        world = take.camera_to_world[index]
        expected = (world_vertices(take, body, index)[:50] - world[:3, 3]) @ world[:3, :3]
        np.testing.assert_allclose(seen, expected, atol=1e-4)


def test_angles_do_not_jump(body: Body) -> None:
    take = turning(moving_take(body, 24), turns=2.0)
    assert np.abs(np.diff(take.model_parameters[:, 4])).max() > 3.0
    made = build(body, take)
    for (path, _), curve in curves_of(controls(made)).items():
        if path.endswith("rotation_euler"):
            values = [point.co[1] for point in curve.keyframe_points]
            assert np.abs(np.diff(values)).max(initial=0.0) < 1.0, path


def test_only_what_moves_is_keyed(body: Body) -> None:
    take = moving_take(body, 6)
    parameters = take.model_parameters.copy()
    parameters[:, 6:136] = 0.0
    elbow = body.parameter_index("l_elbow_bend")
    knee = body.parameter_index("l_knee_bend")
    parameters[:, elbow] = np.linspace(-0.3, -1.2, 6)
    parameters[:, knee] = 0.5
    take = replace(take, model_parameters=parameters, expression=np.tile(take.expression[:1], (6, 1)))
    made = build(body, take, controls=False)
    rig = made.built.characters[0].rig
    found = {path.split('"')[1]: len(c.keyframe_points) for (path, _), c in curves_of(rig).items() if "euler" in path}
    assert found["l_lowarm"] == 6
    assert found["l_lowleg"] == 1  # stands elsewhere than at rest: a key holds it
    assert "r_lowarm" not in found
    driven = {(curve.data_path, curve.array_index) for curve in rig.animation_data.drivers}
    assert not driven & curves_of(rig).keys()


@pytest.mark.parametrize("rate", [24, 60])
def test_another_frame_rate_shows_the_same_motion(body: Body, rate: int) -> None:
    """A finer take of the same motion says where it should be between the frames."""
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = rate, 1.0
    fine = turning(moving_take(body, 201, first=0, fps=200.0, footage=TakeFootage("walk.mp4", 200.0, 201)), 0.6)
    parts = {
        name: getattr(fine, name)[::8]
        for name in ("model_parameters", "expression", "camera_translation", "camera_to_world", "bbox", "keypoints_2d")
    }
    parts |= {name: getattr(fine, name)[::8] for name in ("keypoints_3d", "joints", "seen", "contacts", "times")}
    take = replace(fine, frames=np.arange(26), footage=TakeFootage("walk.mp4", 25.0, 26), **parts)
    made = build(body, take, rate="scene")
    assert rate_of(bpy.context.scene) == rate
    assert made.motion.frames == range(1, rate + 2)
    worst = 0.0
    for frame in range(2, rate, 5):
        index = (frame - 1) * 200 / rate
        if abs(index - round(index)) < 1e-9:
            worst = max(worst, error(made, fine, body, frame, round(index)))
    assert 0.0 < worst < 1e-3


def test_fewer_keys_stay_within_the_bound(body: Body) -> None:
    take = turning(moving_take(body, 30), 0.5)
    made = build(body, take, bound_mm=2.0)
    count = sum(len(curve.keyframe_points) for curve in curves_of(controls(made)).values())
    assert 0.0 < made.missed_mm[0] <= 2.0
    rig = made.built.characters[0].rig
    worst = 0.0
    for index in range(0, 30, 7):
        bpy.context.scene.frame_set(1 + index)
        heads = np.array([rig.matrix_world @ bone.head for bone in rig.pose.bones])[1:]
        joints = mhr_to_camera(body.pose(take.model_parameters[index]).translations, take.camera_translation[index])
        expected = made.built.placement.world(joints)[1:]
        worst = max(worst, float(np.linalg.norm(heads - expected, axis=1).max()))
    assert worst < 2e-3
    bpy.ops.wm.read_factory_settings(use_empty=True)
    dense = build(body, take)
    assert count < 0.5 * sum(len(curve.keyframe_points) for curve in curves_of(controls(dense)).values())


def test_strips_play_what_actions_would(body: Body) -> None:
    take = panned(moving_take(body, 6))
    made = build(body, take, strip=True, start=5)
    owner = controls(made)
    assert owner.animation_data.action is None
    strip = owner.animation_data.nla_tracks["Take"].strips[0]
    assert (strip.frame_start, strip.frame_end) == (5.0, 10.0)
    assert any(True for _ in strip_curves(strip))
    assert max(error(made, take, body, 5 + i, i) for i in (0, 3, 5)) < BAR


def test_several_people_come_and_go_in_one_world(body: Body) -> None:
    one = panned(moving_take(body, 12, first=0, footage=TakeFootage("walk.mp4", 25.0, 100)))
    whole = panned(moving_take(body, 12, first=0, footage=TakeFootage("walk.mp4", 25.0, 100)))
    # the second person comes in the fifth frame, whose camera is the world of that take
    home = np.linalg.inv(whole.camera_to_world[4])
    names = ("frames", "times", "model_parameters", "expression", "bbox", "keypoints_2d", "keypoints_3d", "joints")
    parts = {name: getattr(whole, name)[4:] for name in (*names, "seen", "contacts")}
    later = replace(
        whole,
        camera_translation=whole.camera_translation[4:] + (0.7, 0.0, 0.5),
        camera_to_world=home @ whole.camera_to_world[4:],
        ground=np.full(4, np.nan),
        person=1,
        **parts,
    )
    made = build(body, [one, later], start=1)
    assert [tuple(p.frames[[0, -1]]) for p in made.motion.people] == [(1, 12), (5, 12)]
    shifted = replace(whole, camera_translation=whole.camera_translation + (0.7, 0.0, 0.5))
    assert max(error(made, one, body, 1 + i, i, 0) for i in (0, 6, 11)) < BAR
    assert max(error(made, shifted, body, 1 + i, i, 1) for i in (4, 8, 11)) < BAR


def test_the_floor_is_at_zero(body: Body) -> None:
    known = moving_take(body, 5)
    made = build(body, known)
    place = made.built.placement
    assert place.world([0.3, 1.2, 4.0])[2] == pytest.approx(0.0, abs=1e-9)  # 1.2 m beneath the camera
    bpy.ops.wm.read_factory_settings(use_empty=True)
    unknown = replace(known, ground=np.full(4, np.nan))
    made = build(body, unknown)
    lowest = min(float(shown(made, 1 + i)[:, 2].min()) for i in range(5))
    assert lowest == pytest.approx(0.0, abs=BAR)
    assert any("floor" in note for note in made.notes)


def test_animation_goes_along_when_controls_go(body: Body) -> None:
    take = moving_take(body, 5)
    made = build(body, take)
    remove_controls(made.built.characters[0].rig, body)
    assert max(error(made, take, body, 1 + i, i) for i in range(5)) < 3 * BAR


def test_a_character_remembers_its_take(body: Body) -> None:
    take = moving_take(body, 5, quality={"jitter": 1.5})
    made = build(body, take)
    record = read_record(made.built.characters[0].rig)
    assert record is not None
    assert (record.person, record.first, record.last, record.camera) == (0, 1, 5, "fixed")
    assert record.quality == {"jitter": 1.5}
    made.built.characters[0].rig["sam3db_take"] = "{"
    with pytest.raises(Exception, match="damaged"):
        read_record(made.built.characters[0].rig)


def _video(path: Path, count: int, fps: float, size: tuple[int, int] = (64, 48)) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, size)
    for number in range(count):
        writer.write(np.full((size[1], size[0], 3), min(255, 10 * number), np.uint8))
    writer.release()
    return path


def test_footage_runs_with_the_scene(body: Body, tmp_path: Path) -> None:
    video = _video(tmp_path / "walk.mp4", 20, 25.0)
    take = moving_take(body, 10, first=4, footage=TakeFootage("walk.mp4", 25.0, 20))
    made = build(body, take, footage=video, start=1)
    user = made.built.camera.data.background_images[0].image_user
    assert made.footage is not None
    assert made.footage.source == "MOVIE"
    # Blender shows the picture frame - frame_start + 1 + frame_offset, and counts them from 1
    assert [f - user.frame_start + 1 + user.frame_offset for f in (1, 10)] == [5, 14]


def test_footage_keeps_step_at_another_rate(body: Body, tmp_path: Path) -> None:
    bpy.context.scene.render.fps = 24
    take = moving_take(body, 51, first=0, fps=50.0, footage=TakeFootage("walk.mp4", 50.0, 51))
    made = build(body, take, rate="scene", footage=_video(tmp_path / "walk.mp4", 51, 50.0))
    camera = made.built.camera
    for frame in (1, 2, 7, 13, 25):
        bpy.context.scene.frame_set(frame)
        seen = camera.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.background_images[0].image_user
        picture = frame - seen.frame_start + 1 + seen.frame_offset
        assert abs((picture - 1) / 50.0 - (frame - 1) / 24.0) <= 0.5 / 50.0 + 1e-6


def test_folders_of_pictures_are_footage(body: Body, tmp_path: Path) -> None:
    for number in range(7, 13):
        cv2.imwrite(str(tmp_path / f"shot_{number:04d}.png"), np.full((48, 64, 3), 10 * number, np.uint8))
    take = moving_take(body, 4, first=1, footage=TakeFootage(tmp_path.name, 25.0, 6))
    made = build(body, take, footage=tmp_path)
    user = made.built.camera.data.background_images[0].image_user
    assert made.footage is not None
    assert made.footage.source == "SEQUENCE"
    assert 1 - user.frame_start + 1 + user.frame_offset == 8  # the second picture
    (tmp_path / "shot_0009.png").unlink()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    made = build(body, take, footage=tmp_path)
    assert made.footage is None
    assert any("not numbered" in note for note in made.notes)


def test_other_pictures_are_no_footage(body: Body, tmp_path: Path) -> None:
    """Such as a video that Blender does not turn upright."""
    take = moving_take(body, 4)
    made = build(body, take, footage=_video(tmp_path / "walk.mp4", 4, 25.0, (48, 64)))
    assert made.footage is None
    assert any("48 x 64" in note for note in made.notes)
    (tmp_path / "text.mp4").write_text("no video")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    made = build(body, take, footage=tmp_path / "text.mp4")
    assert made.footage is None
    assert len(bpy.data.images) == 0


def test_takes_that_do_not_go_together_are_refused(body: Body) -> None:
    take = moving_take(body, 4)
    before = {kind: len(getattr(bpy.data, kind)) for kind in ("objects", "actions", "meshes", "collections")}
    with pytest.raises(UsageError, match="no takes"):
        build(body, [])
    with pytest.raises(UsageError, match="different footage"):
        build(body, [take, replace(take, footage=replace(take.footage, file="other.mp4"))])
    with pytest.raises(ModelError, match="different bodies"):
        build(body, [take, replace(take, body_name="other")])
    with pytest.raises(ModelError, match="body"):
        build(replace(body, name="another"), take)
    assert before == {kind: len(getattr(bpy.data, kind)) for kind in before}


@pytest.mark.parametrize("strip", [False, True], ids=["actions", "strips"])
@pytest.mark.parametrize("with_controls", [True, False], ids=["controls", "bones"])
def test_people_are_seen_on_their_own_frames_alone(body: Body, with_controls: bool, strip: bool) -> None:
    whole = moving_take(body, 12, first=0)
    others = [moving_take(body, 4, first=first, person=number) for number, first in ((1, 4), (2, 0), (3, 8))]
    made = build(body, [whole, *others], start=11, controls=with_controls, strip=strip)
    scene, meshes = bpy.context.scene, [character.mesh for character in made.built.characters]
    assert (scene.frame_start, scene.frame_end) == (11, 22)
    spans = [range(11, 23), range(15, 19), range(11, 15), range(19, 23)]
    assert AWAY not in made.built.characters[0].rig
    for frame in (11, 14, 15, 18, 19, 22, 40):
        scene.frame_set(frame)
        shown = [frame in span or (frame > 22 and span.stop == 23) for span in spans]
        assert [mesh.visible_get() for mesh in meshes] == shown
        assert [not mesh.hide_render for mesh in meshes] == shown
    for index in (0, 3):  # the motion stays on its frames
        assert error(made, others[0], body, 15 + index, index, 1) < BAR
    scene.frame_set(11)
    rig = made.built.characters[1].rig
    for options in (ExportOptions.for_target("mhr"), replace(ExportOptions.for_target("mhr"), visible_only=True)):
        taken = take_character(rig, options, with_meshes=True)
        assert (taken.frames, len(taken.pieces)) == (spans[1], 1)
        assert not any("hidden" in note for note in taken.notes)
    points, poses = taken.pieces[0].skin.points, taken.poses
    assert (meshes[1].visible_get(), meshes[1].hide_viewport) == (False, True)
    for frame, shown in ((15, True), (14, False)):
        scene.frame_set(frame)
        assert meshes[1].visible_get() is shown
    scene.frame_set(15)
    seen = take_character(rig, ExportOptions.for_target("mhr"), with_meshes=True)
    np.testing.assert_allclose(points, seen.pieces[0].skin.points, atol=1e-5)
    np.testing.assert_allclose(poses, seen.poses, atol=1e-5)


def test_tools_for_the_motion_leave_when_it_is_seen_alone(body: Body) -> None:
    made = build(body, [moving_take(body, 30), moving_take(body, 10, first=10, person=1)], start=1)
    rig = made.built.characters[1].rig
    (curve,) = [curve for (path, _), curve in curves_of(rig).items() if AWAY in path]
    before = [tuple(point.co) for point in curve.keyframe_points]
    start = int(before[1][0])
    assert smooth_here(rig, start, 5, 2.0) > 0
    assert [tuple(point.co) for point in curve.keyframe_points] == before
    with pytest.raises(Sam3dbError, match=f"from frame {start} to frame {start + 9}"):
        smooth_here(rig, start - 1, 5, 2.0)


def test_the_texture_beside_a_take_is_worn(body: Body, tmp_path: Path) -> None:
    take = moving_take(body, 3)
    file = take.save(tmp_path / "walk_person0_take")[0]
    assert texture_of(built_from(body, take, file).built.characters[0].mesh) is None
    facts = {"size": 8, "shares": {"seen": 1.0}, "mean_seen": [90, 90, 90]}
    flat = Texture(np.full((8, 8, 3), 90, np.uint8), np.full((8, 8), 255, np.uint8), facts)
    files = save_texture(flat, tmp_path / "walk_person0_take", {"photos": [], "body_name": body.name})
    made = built_from(body, take, file)
    worn = texture_of(made.built.characters[0].mesh)
    assert worn is not None
    assert tuple(worn[1].image.size) == (8, 8)
    assert made.notes == []
    picture = files.colour.read_bytes()
    files.colour.write_bytes(picture[: len(picture) // 2])
    broken = built_from(body, take, file)
    files.colour.write_bytes(picture)
    save_texture(flat, tmp_path / "walk_person0_take", {"photos": [], "body_name": "somebody"})
    other = built_from(body, take, file)
    files.record.write_text("{")
    for none in (broken, other, built_from(body, take, file)):
        assert texture_of(none.built.characters[0].mesh) is None
        (note,) = none.notes
        assert "got no texture" in note


def built_from(body: Body, take: Take, file: Path) -> TakeScene:
    options = TakeOptions(rate="video", light=False)
    return build_take_scene(bpy.context.scene, [take], body, options, [file])


def test_a_take_tells_its_persons_colours(body: Body) -> None:
    red = {"colours": {"skin": {"colour": [0.5, 0.1, 0.1], "sure": 1.0}}}
    take = replace(moving_take(body, 3), details={"look": red})
    made = build(body, take)
    assert read_origin(made.built.characters[0].rig).details["details"]["colours"] == red["colours"]
