"""File > Import > SAM 3D Body Result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bpy
import cv2
import numpy as np
import pytest

import sam3db_blender
from native_runtime.camera import mhr_to_camera, project
from native_runtime.mhr import Body
from native_runtime.models import manifest
from sam3db_blender import places
from sam3db_blender.operators.import_result import photo_beside
from sam3db_blender.operators.importing import add_results
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.pose import read_settings
from sam3db_blender.scene.provenance import read_origin
from tests.support.bodies import reference_body, toy_body

SIZE = (640, 480)


@pytest.fixture(scope="module")
def body() -> Body:
    """A small body with as many components as MHR's own."""
    return toy_body(identity_count=45, expression_count=72)


@pytest.fixture
def add_on(body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    bodies = tmp_path / "models" / "bodies"
    bodies.mkdir(parents=True)
    body.save(bodies / "mhr-lod5.npz")
    manifest.write(bodies, {"mhr-lod5.npz": manifest.describe(bodies / "mhr-lod5.npz")})
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


@pytest.fixture
def result(body: Body, tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    parameters = rng.normal(0, 0.2, 204)
    parameters[:3] = 0
    identity, expression, place = rng.normal(0, 1, 45), rng.normal(0, 0.2, 72), np.array([0.2, 1.0, 4.0])
    pose = body.pose(parameters)
    keypoints = mhr_to_camera(body.keypoints(pose, body.vertices(parameters, identity, expression)))
    matrix = np.array([[700.0, 0, SIZE[0] / 2], [0, 700.0, SIZE[1] / 2], [0, 0, 1]])
    path = tmp_path / "result.npz"
    np.savez(
        path,
        mhr_model_params=parameters,
        shape_params=identity,
        expr_params=expression,
        pred_cam_t=place,
        pred_keypoints_3d=keypoints,
        pred_keypoints_2d=project(keypoints + place, matrix),
    )
    return path


def test_with_and_without_the_photo(add_on: None, body: Body, result: Path, tmp_path: Path) -> None:
    assert bpy.ops.sam3db.import_result(filepath=str(result)) == {"FINISHED"}
    rig = bpy.context.view_layer.objects.active
    numbers = np.load(result)
    settings = read_settings(rig, body)
    assert settings.model_parameters == pytest.approx(numbers["mhr_model_params"], abs=1e-5)
    assert settings.identity == pytest.approx(numbers["shape_params"])
    render = bpy.context.scene.render
    assert (render.resolution_x, render.resolution_y) == SIZE
    assert not bpy.context.scene.camera.data.background_images
    assert bpy.data.collections["result"]

    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.full((960, 1280, 3), 127, np.uint8))
    assert bpy.ops.sam3db.import_result(filepath=str(result), photo=str(photo), light=False) == {"FINISHED"}
    assert (render.resolution_x, render.resolution_y) == (1280, 960)
    assert bpy.context.scene.camera.data.background_images[0].image.size[0] == 1280
    assert read_origin(bpy.context.view_layer.objects.active).details["photo"] == "photo.png"


def test_the_photo_beside_is_found(tmp_path: Path) -> None:
    for name in ("a.npz", "a.JPG", "a.txt", "ab.jpg", "b.npz"):
        (tmp_path / name).touch()
    assert photo_beside(tmp_path / "a.npz") == tmp_path / "a.JPG"
    assert photo_beside(tmp_path / "b.npz") is None


def test_failures_leave_the_scene_alone(add_on: None, tmp_path: Path, result: Path) -> None:
    before = len(bpy.data.objects)
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    with pytest.raises(RuntimeError, match=r"bad\.npz"):
        bpy.ops.sam3db.import_result(filepath=str(tmp_path / "bad.npz"))
    (tmp_path / "models" / "bodies" / "manifest.json").unlink()
    with pytest.raises(RuntimeError, match="official assets"):
        bpy.ops.sam3db.import_result(filepath=str(result))
    assert len(bpy.data.objects) == before


def test_a_real_output(shared: Path) -> None:
    """An output of the real model stands before its camera as the model saw it."""
    body = reference_body(shared)
    path = shared / "mhr" / "sam3d_body_outputs" / "img_subj00.npz"
    built = add_results(bpy.context, path, body)
    bpy.context.view_layer.update()
    with np.load(path) as truth:
        joints, place = truth["pred_joint_coords"].astype(float), truth["pred_cam_t"].astype(float)
        low, high = truth["pred_vertices"].min(axis=0), truth["pred_vertices"].max(axis=0)
    rig = built.characters[0].rig
    heads = np.array([rig.matrix_world @ bone.head for bone in rig.pose.bones])
    assert np.linalg.norm(built.placement.camera(heads) - place - joints, axis=1).max() < 1e-5
    found = evaluated_vertices(built.characters[0].mesh, bpy.context.evaluated_depsgraph_get())
    seen = built.placement.camera(found) - place
    # coarser, and without the correctives, which the reference data lacks
    assert seen.min(axis=0) == pytest.approx(low, abs=0.02)
    assert seen.max(axis=0) == pytest.approx(high, abs=0.02)
