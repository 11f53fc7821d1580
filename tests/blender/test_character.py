"""From an estimate to a saved file that can be opened, posed and traced back to its photo."""

from __future__ import annotations

from pathlib import Path

import bpy
import cv2
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from native_runtime import __version__
from native_runtime.camera import intrinsics_for, mhr_to_camera, project
from native_runtime.engines.estimate import Estimate, Prompts
from native_runtime.errors import NewerFormatError, Sam3dbError
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.render.framing import crop_around
from sam3db_blender.builder.headless import write_character
from sam3db_blender.handles.photo_scene import build_photo_scene
from sam3db_blender.previews.making import render_panels
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.pose import read_parameters
from sam3db_blender.scene.provenance import is_character, read_origin, write_origin

SIZE = (320, 240)
UP = (0.08, -0.94, -0.33)  # the camera looks down, and is rolled a little


def _photo(size: tuple[int, int] = SIZE, name: str = "Straße 1.jpg") -> Photo:
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    return Photo(pixels=cv2.GaussianBlur(pixels, (0, 0), 5), path=Path(name), original_size=size)


def _estimate(body: Body, seed: int = 0, translation: tuple[float, float, float] = (0.1, 1.0, 4.0)) -> Estimate:
    rng = np.random.default_rng(seed)
    parameters = rng.normal(0, 0.15, len(body.parameter_names))
    parameters[:3] = 0
    return Estimate.from_state(
        body,
        PlacedState(
            parameters,
            rng.normal(0, 1, body.identity_count),
            rng.uniform(0, 0.5, body.expression_count),
            np.array(translation),
        ),
        intrinsics_for(SIZE, focal_px=300.0) + np.array([[0, 0, 20], [0, 0, -15], [0, 0, 0]]),
        image_size=np.array(SIZE),
        bbox=np.array([10.0, 20, 200, 230]),
        engine="landmarks",
        prompts=Prompts(((7, 12.5, 30.25),), mask=True),
        seconds={"fit": 0.25},
        photo="Straße 1.jpg",
        person=seed,
        warnings=("The left hand was not seen.",),
        details={"points": 12, "lens": {"up": list(UP)}},
    )


def test_written_file_holds_the_estimate(any_body: Body, tmp_path: Path) -> None:
    estimate = _estimate(any_body)
    blend, preview = tmp_path / "Straße 1.blend", tmp_path / "preview.png"
    report = write_character(estimate, _photo(), any_body, blend, preview, size=200)
    assert report["blend"] == str(blend)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Straße 1.blend", "preview.png"]
    assert report["seconds"].keys() == {"build", "wearables", "save", "preview"}

    bpy.ops.wm.open_mainfile(filepath=str(blend))
    rig = bpy.data.objects[report["characters"][0]["rig"]]
    mesh = bpy.data.objects[report["characters"][0]["mesh"]]
    origin = read_origin(rig)
    assert origin.id == report["characters"][0]["id"]
    assert origin.details["version"] == __version__
    again = origin.estimate(any_body)
    for name in ("model_parameters", "identity", "expression", "camera_translation", "intrinsics", "keypoints_2d"):
        assert np.array_equal(getattr(again, name), getattr(estimate, name)), name
    for name in ("image_size", "vertices", "joints"):
        assert getattr(again, name) == pytest.approx(getattr(estimate, name)), name
    for name in ("engine", "body_hash", "prompts", "seconds", "photo", "person", "warnings", "details"):
        assert getattr(again, name) == getattr(estimate, name), name

    parameters, rest = read_parameters(rig, any_body, near=estimate.model_parameters)
    assert parameters == pytest.approx(estimate.model_parameters, abs=1e-5)
    assert rest < 1e-5
    found = evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())
    assert found[:, 2].min() == pytest.approx(0, abs=1e-4)  # it stands on the floor
    image = bpy.data.images["Straße 1"]
    assert image.packed_file is not None
    assert tuple(image.size) == SIZE
    assert bpy.context.scene.camera.data.background_images[0].image == image


def test_the_mesh_lies_on_the_pinhole_pixels(any_body: Body) -> None:
    """Estimate, rig, placement and camera together: vertices that Blender evaluates fall on the estimate's own
    pixels.
    """
    estimate = _estimate(any_body)
    scene = bpy.context.scene
    built = build_photo_scene(scene, [estimate], _photo(), any_body)
    bpy.context.view_layer.update()
    points = evaluated_vertices(built.characters[0].mesh, bpy.context.evaluated_depsgraph_get())[::17]
    views = np.array([world_to_camera_view(scene, built.camera, Vector(p)) for p in points.tolist()])
    found = np.stack([views[:, 0] * SIZE[0], (1 - views[:, 1]) * SIZE[1]], axis=1) - 0.5
    assert np.abs(found - project(estimate.vertices[::17], estimate.intrinsics)).max() < 0.01
    assert built.placement.camera(points) == pytest.approx(estimate.vertices[::17], abs=1e-5)


def test_people_share_camera_and_floor(small_body: Body) -> None:
    estimates = [_estimate(small_body, 0), _estimate(small_body, 1, (-1.0, 0.8, 6.0))]
    built = build_photo_scene(bpy.context.scene, estimates, _photo(), small_body)
    bpy.context.view_layer.update()
    depsgraph = bpy.context.evaluated_depsgraph_get()
    clouds = [evaluated_vertices(character.mesh, depsgraph) for character in built.characters]
    assert min(cloud[:, 2].min() for cloud in clouds) == pytest.approx(0, abs=1e-4)
    for cloud, estimate in zip(clouds, estimates):
        assert built.placement.camera(cloud) == pytest.approx(estimate.vertices, abs=1e-4)
    assert len({character.id for character in built.characters}) == 2
    assert [collection.name for collection in built.collection.children] == [
        "Straße 1 Characters",
        "Straße 1 Camera",
        "Straße 1 1 Handles",
        "Straße 1 2 Handles",
    ]
    assert built.characters[0].mesh.data.materials[0] == built.characters[1].mesh.data.materials[0]


def test_a_second_photo_leaves_the_first_alone(small_body: Body) -> None:
    scene = bpy.context.scene
    first = build_photo_scene(scene, [_estimate(small_body)], _photo(), small_body)
    second = build_photo_scene(scene, [_estimate(small_body, 1)], _photo(), small_body)
    assert first.collection.name == "Straße 1"
    assert second.collection.name == "Straße 1.001"
    assert first.characters[0].mesh.parent == first.characters[0].rig
    assert second.characters[0].mesh.parent == second.characters[0].rig
    assert scene.camera == second.camera


def test_wrong_bodies_and_folders_are_refused(small_body: Body, tmp_path: Path) -> None:
    estimate = _estimate(small_body)
    foreign = Estimate(**{**estimate.__dict__, "body_hash": "sha256:0", "body_name": "another"})
    with pytest.raises(Sam3dbError, match="another body"):
        write_character(foreign, _photo(), small_body, tmp_path / "a.blend")
    with pytest.raises(Sam3dbError, match="does not exist"):
        write_character(estimate, _photo(), small_body, tmp_path / "missing" / "a.blend")
    with pytest.raises(Sam3dbError, match="no estimates"):
        write_character([], _photo(), small_body, tmp_path / "a.blend")
    assert list(tmp_path.iterdir()) == []


def test_provenance_of_foreign_objects(small_body: Body) -> None:
    plain = bpy.data.objects.new("plain", bpy.data.armatures.new("plain"))
    assert not is_character(plain)
    assert not is_character(None)
    with pytest.raises(Sam3dbError, match="not a character"):
        read_origin(plain)
    write_origin(plain, _estimate(small_body))
    assert is_character(plain)
    plain["sam3db"]["format"] = "sam3db-character/99"
    with pytest.raises(NewerFormatError, match=r"newer version of this program\. Update the program to read it\."):
        read_origin(plain)


def test_preview_shows_the_character_where_it_is(any_body: Body) -> None:
    """The overlay changes the photo exactly within the bounds of the projected vertices."""
    estimate = _estimate(any_body)
    photo = _photo()
    built = build_photo_scene(bpy.context.scene, [estimate], photo, any_body)
    bpy.context.view_layer.update()
    sheet = render_panels([built.characters[0].rig], photo, 480)
    gap = 12
    paper = (sheet[gap + 1] == (250, 250, 249)).all(axis=1)
    edges = np.flatnonzero(np.diff(paper.astype(int)))
    first = sheet[gap:-gap, edges[0] + 1 : edges[1] + 1].astype(int)
    second = sheet[gap:-gap, edges[2] + 1 : edges[3] + 1].astype(int)
    assert first.shape == second.shape
    changed = np.abs(first - second).max(axis=2) > 3
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    found = np.array([columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1])
    # the photo fits the panels' height or is cropped around the person: sizes scale with the panel
    projected = project(estimate.vertices, estimate.intrinsics)
    expected = np.clip(projected.max(axis=0), 0, SIZE) - np.clip(projected.min(axis=0), 0, SIZE)
    crop = crop_around(projected, *SIZE)
    scale = first.shape[0] / crop.height
    assert found == pytest.approx(expected * scale, abs=3)
    corner = (projected.min(axis=0) + 0.5 - (crop.left, crop.top)) * scale
    assert [columns[0], rows[0]] == pytest.approx(corner, abs=3)


def test_photo_without_anyone_in_frame_still_previews(small_body: Body, tmp_path: Path) -> None:
    report = write_character(
        _estimate(small_body, translation=(30.0, 0.0, 3.0)),
        _photo(),
        small_body,
        tmp_path / "a.blend",
        tmp_path / "a.jpg",
    )
    assert cv2.imread(report["preview"]) is not None


def test_keypoints_behind_the_camera_are_kept(small_body: Body) -> None:
    estimate = _estimate(small_body, translation=(0.0, 0.0, 0.2))
    rig = bpy.data.objects.new("rig", bpy.data.armatures.new("rig"))
    write_origin(rig, estimate)
    again = read_origin(rig).estimate(small_body)
    assert again.keypoints_3d == pytest.approx(
        mhr_to_camera(
            small_body.keypoints(
                small_body.pose(estimate.model_parameters),
                small_body.vertices(estimate.model_parameters, estimate.identity, estimate.expression),
            ),
            estimate.camera_translation,
        )
    )
