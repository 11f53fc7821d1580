"""The face mesh: its windows, and the network against MediaPipe itself."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from native_runtime.detection import face_mesh
from native_runtime.detection.crops import Crop, Picture
from native_runtime.detection.landmarks import FaceMesh
from native_runtime.detection.networks import LandmarkNetworks
from native_runtime.image.reading import read_photo
from native_runtime.models import store
from native_runtime.onnx.sessions import Network, open_network

RECORDED = json.loads(Path(__file__).with_name("face_mesh_by_mediapipe.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def network() -> Network:
    if not store.lists_network("face_landmark"):
        pytest.skip("no network of the face mesh: run `sam3db models build` (make models)")
    return open_network(store.network_path("face_landmark"), ["cpu"])


@pytest.fixture(scope="module")
def laughing(network: Network, photos: Path) -> tuple[Picture, FaceMesh, Crop]:
    """A woman who laughs, seen from nearly straight ahead, and the window that shows her."""
    picture, crop = Picture(read_photo(photos / "sofa.jpg").pixels), Crop(*RECORDED["cases"][0]["crop"])
    return picture, face_mesh._read(network, picture, crop), crop


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["photo"])
def test_the_points_are_where_mediapipe_has_them(network: Network, photos: Path, case: dict) -> None:
    crop = Crop(*case["crop"])
    found = face_mesh._read(network, Picture(read_photo(photos / case["photo"]).pixels), crop)
    wanted, pixel = np.array(case["points"]), crop.size / face_mesh.MESH_INPUT
    got = crop.to_fractions(found.points[RECORDED["numbers"]]) * face_mesh.MESH_INPUT
    np.testing.assert_allclose(got, wanted[:, :2], atol=0.02)
    np.testing.assert_allclose(found.depths[RECORDED["numbers"]] / pixel, wanted[:, 2], atol=0.02)


def test_the_window_turns_and_grows_with_the_face(laughing: tuple[Picture, FaceMesh, Crop]) -> None:
    points = laughing[1].points
    before = face_mesh.window_around(points)
    c, s = np.cos(0.7), np.sin(0.7)
    after = face_mesh.window_around(2.0 * points @ np.array([[c, s], [-s, c]]) + (11.0, -4.0))
    assert after.angle == pytest.approx(before.angle + 0.7)
    assert after.size == pytest.approx(2.0 * before.size)
    inside = before.to_fractions(points)
    assert inside.min() > 0.1
    assert inside.max() < 0.9


def test_a_mirrored_face_has_mirrored_points(network: Network, laughing: tuple[Picture, FaceMesh, Crop]) -> None:
    picture, plain, crop = laughing
    flipped = Picture(np.ascontiguousarray(cv2.flip(picture.pixels, 1)))
    last = picture.width - 1
    back = face_mesh._read(network, flipped, Crop(last - crop.x, crop.y, crop.size, -crop.angle))
    pairs = [(61, 291), (33, 263), (133, 362), (159, 386), (468, 473), (13, 13), (14, 14), (1, 1)]
    for one, other in pairs:
        place = back.points[other] * (-1, 1) + (last, 0)
        assert np.hypot(*(place - plain.points[one])) < 0.04 * crop.size, (one, other)


def test_a_face_is_read_alike_in_the_mirror(network: Network, laughing: tuple[Picture, FaceMesh, Crop]) -> None:
    """As the mean of both readings, but for the pixels of windows that do not lie on the mirrored ones."""
    picture, _, crop = laughing
    plain = face_mesh.read_around(network, picture, crop)
    flipped = Picture(np.ascontiguousarray(cv2.flip(picture.pixels, 1)))
    last, partner = picture.width - 1, face_mesh.mirror_partners()
    back = face_mesh.read_around(network, flipped, Crop(last - crop.x, crop.y, crop.size, -crop.angle))
    assert plain is not None
    assert back is not None
    np.testing.assert_array_equal(partner[partner], np.arange(face_mesh.ALL_POINTS))
    off = np.linalg.norm(back.points[partner] * (-1, 1) + (last, 0) - plain.points, axis=1)
    assert np.median(off) < 0.004 * crop.size
    assert off.max() < 0.02 * crop.size


def test_a_rough_first_window_leads_to_the_same_points(
    network: Network, laughing: tuple[Picture, FaceMesh, Crop]
) -> None:
    picture, mesh, _ = laughing
    points = np.array([mesh.points[468], mesh.points[473], mesh.points[1], mesh.points[[13, 14]].mean(axis=0)])
    size = 2.4 * float(np.hypot(*(points[:2].mean(axis=0) - points[3])))
    for shift, scale in ((0.0, 1.0), (0.1 * size, 1.15)):
        found = face_mesh.read_mesh(network, picture, points + shift, size * scale)
        assert found is not None
        assert np.hypot(*(found.points - mesh.points).T).mean() < 0.03 * size


def test_small_faces_and_walls_have_no_points(network: Network, laughing: tuple[Picture, FaceMesh, Crop]) -> None:
    picture, mesh, _ = laughing
    points = np.array([mesh.points[468], mesh.points[473], mesh.points[1], mesh.points[13]])
    assert face_mesh.read_mesh(network, picture, points, face_mesh.SMALLEST_FACE - 1) is None
    assert face_mesh.read_mesh(network, picture, points + (640.0, 60.0) - points[2], 80.0) is None


def test_older_models_folders_have_no_points_of_faces(tmp_path: Path, network: Network) -> None:
    """They go on working: sex and age are read as before."""
    folder, old = store.models_dir() / store.NETWORKS_FOLDER, tmp_path / store.NETWORKS_FOLDER
    old.mkdir()
    content = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    del content["files"]["face_landmark.onnx"]
    (old / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    for name in content["files"]:
        (old / name).symlink_to(folder / name)
    opened = LandmarkNetworks(tmp_path, ["cpu"]).face_networks
    assert opened is not None
    assert opened.mesh is None
