"""Calibration files of other programs: the same three cameras, written as each program does, are read alike."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from native_runtime.camera import project
from native_runtime.errors import FileError, UsageError
from native_runtime.takes.views.calibration.read import cameras_of, read_calibration
from native_runtime.takes.views.cameras import ViewCamera

SIZE = (640, 480)
POINTS = np.array([[0.1, 0.2, 1.1], [-0.4, 0.3, 0.7], [0.0, -0.2, 1.6]])
"""World, m, before all cameras."""


def camera(number: int, bend: bool = True) -> ViewCamera:
    """Around the world's z, at 3 m, looking inwards."""
    angle = 0.9 * number
    place = np.array([3 * np.cos(angle), 3 * np.sin(angle), 1.2])
    forward = -place / np.linalg.norm(place) * [1, 1, 0.2]
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    matrix = np.array([[500.0 + number, 0, 321.5], [0, 502.0, 238.25], [0, 0, 1]])
    bent = np.array([-0.05, 0.1, 0.001, -0.002, 0.0]) if bend else np.zeros(0)
    return ViewCamera(f"cam{number}", SIZE, matrix, rotation, -rotation @ place, bent)


CAMERAS = [camera(number) for number in range(3)]
MATRIX = "matrix = [[5,0,0],[0,5,0],[0,0,1]]\n"


def pose2sim(folder: Path) -> Path:
    lines = []
    for one in CAMERAS:
        vector = cv2.Rodrigues(one.rotation)[0].ravel().tolist()
        lines += [
            f"[{one.name}]", f'name = "{one.name}"', f"size = [ {SIZE[0]}.0, {SIZE[1]}.0]",
            f"matrix = {one.intrinsics.tolist()}", f"distortions = {one.distortion[:4].tolist()}",
            f"rotation = {vector}", f"translation = {one.translation.tolist()}", "fisheye = false", "",
        ]  # fmt: skip
    path = folder / "Calib.toml"
    path.write_text("\n".join([*lines, "[metadata]", "adjusted = false", "error = 0.0", ""]))
    return path


def qualisys(folder: Path) -> Path:
    text = "<?xml version='1.0' encoding='ASCII'?>\n<calibration><cameras>"
    for one in CAMERAS:
        axes = np.diag([1.0, -1.0, -1.0]) @ one.rotation
        turn = " ".join(f'r{a + 1}{b + 1}="{float(axes[a, b])!r}"' for a in range(3) for b in range(3))
        x, y, z = (1000 * one.place).tolist()
        k = 64 * one.intrinsics
        k1, k2, p1, p2, k3 = one.distortion.tolist()
        text += (
            f'<camera active="1" serial="{one.name}">'
            f'<fov_video left="10" top="20" right="{SIZE[0] + 9}" bottom="{SIZE[1] + 19}"/>'
            f'<transform {turn} x="{x!r}" y="{y!r}" z="{z!r}"/>'
            f'<intrinsic focalLengthU="{k[0, 0]}" focalLengthV="{k[1, 1]}" centerPointU="{k[0, 2] + 640}" '
            f'centerPointV="{k[1, 2] + 1280}" radialDistortion1="{k1}" radialDistortion2="{k2}" '
            f'radialDistortion3="{k3}" tangentalDistortion1="{p1}" tangentalDistortion2="{p2}"/></camera>'
        )
    path = folder / "Calib.qca.txt"
    path.write_text(text + "</cameras></calibration>")
    return path


def easymocap(folder: Path) -> Path:
    lens = cv2.FileStorage(str(folder / "intri.yml"), cv2.FILE_STORAGE_WRITE)
    place = cv2.FileStorage(str(folder / "extri.yml"), cv2.FILE_STORAGE_WRITE)
    for storage in (lens, place):
        storage.startWriteStruct("names", cv2.FileNode_SEQ)
        for one in CAMERAS:
            storage.write("", one.name)
        storage.endWriteStruct()
    for one in CAMERAS:
        lens.write(f"K_{one.name}", one.intrinsics)
        lens.write(f"dist_{one.name}", one.distortion.reshape(1, 5))
        lens.write(f"H_{one.name}", SIZE[1])
        lens.write(f"W_{one.name}", SIZE[0])
        place.write(f"R_{one.name}", cv2.Rodrigues(one.rotation)[0])
        place.write(f"Rot_{one.name}", one.rotation)
        place.write(f"T_{one.name}", one.translation.reshape(3, 1))
    lens.release()
    place.release()
    return folder / "intri.yml"


def opencv(folder: Path, ending: str) -> Path:
    path = folder / f"rig.{ending}"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for one in CAMERAS:
        storage.startWriteStruct(one.name, cv2.FileNode_MAP)
        storage.write("image_width", SIZE[0])
        storage.write("image_height", SIZE[1])
        storage.write("camera_matrix", one.intrinsics)
        storage.write("distortion_coefficients", one.distortion.reshape(5, 1))
        storage.write("rvec", cv2.Rodrigues(one.rotation)[0])
        storage.write("tvec", one.translation.reshape(3, 1))
        storage.endWriteStruct()
    storage.release()
    return path


def listed_json(folder: Path) -> Path:
    path = folder / "cameras.json"
    entries = [
        {"name": one.name, "K": one.intrinsics.tolist(), "dist": one.distortion.tolist(), "R": one.rotation.tolist(),
         "t": one.translation.tolist(), "resolution": list(SIZE)}
        for one in CAMERAS
    ]  # fmt: skip
    path.write_text(json.dumps({"cameras": entries}))
    return path


def colmap(folder: Path) -> Path:
    from native_runtime.mhr.rotations import matrix_to_quaternion

    lenses, images = ["# Camera list"], ["# Image list"]
    for number, one in enumerate(CAMERAS, 1):
        k = one.intrinsics
        values = [k[0, 0], k[1, 1], k[0, 2] + 0.5, k[1, 2] + 0.5, *one.distortion[:4]]
        lenses.append(f"{number} OPENCV {SIZE[0]} {SIZE[1]} {' '.join(map(repr, map(float, values)))}")
        x, y, z, w = matrix_to_quaternion(one.rotation)
        place = [w, x, y, z, *one.translation]
        images += [f"{number} {' '.join(map(repr, map(float, place)))} {number} rig/{one.name}.jpg", "1.0 2.0 -1"]
    images[-1] = ""  # a picture may have no points
    (folder / "cameras.txt").write_text("\n".join(lenses) + "\n")
    (folder / "images.txt").write_text("\n".join(images) + "\n")
    return folder


FORMS = {
    "pose2sim": pose2sim,
    "qualisys": qualisys,
    "easymocap": easymocap,
    "opencv xml": lambda folder: opencv(folder, "xml"),
    "opencv yml": lambda folder: opencv(folder, "yml"),
    "opencv json": lambda folder: opencv(folder, "json"),
    "list in json": listed_json,
    "colmap": colmap,
}


@pytest.mark.parametrize("form", FORMS)
def test_reads_what_each_program_writes(form: str, tmp_path: Path) -> None:
    found = read_calibration(FORMS[form](tmp_path))
    assert [one.name for one in found] == [one.name for one in CAMERAS]
    for one, true in zip(found, CAMERAS, strict=True):
        assert one.size == SIZE
        assert one.metric == (form != "colmap")
        seen = cv2.projectPoints(
            POINTS, cv2.Rodrigues(one.rotation)[0], one.translation, one.intrinsics, one.distortion
        )[0]
        wanted = cv2.projectPoints(
            POINTS, cv2.Rodrigues(true.rotation)[0], true.translation, true.intrinsics, true.distortion
        )[0]
        np.testing.assert_allclose(seen, wanted, atol=1e-4)
        # the points lie before the camera, and undistorted pixels are a pinhole's
        assert (one.from_world(POINTS)[:, 2] > 0).all()
        np.testing.assert_allclose(one.undistorted(seen), project(one.from_world(POINTS), one.intrinsics), atol=0.02)


def test_reads_the_pair_of_opencvs_sample(tmp_path: Path) -> None:
    first, second = CAMERAS[:2]
    turn = second.rotation @ first.rotation.T
    path = tmp_path / "stereo.yml"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for key, value in (("M1", first.intrinsics), ("D1", first.distortion), ("M2", second.intrinsics),
                       ("D2", second.distortion), ("R", turn),
                       ("T", second.translation - turn @ first.translation)):  # fmt: skip
        storage.write(key, value)
    storage.release()
    left, right = read_calibration(path)
    inside = left.from_world(np.zeros(3))
    np.testing.assert_allclose(inside, 0.0)
    np.testing.assert_allclose(right.from_world(first.from_world(POINTS)), second.from_world(POINTS), atol=1e-9)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Calib.toml", ""),
        ("Calib.toml", "[cam\nmatrix = 1"),
        ("Calib.toml", "[cam]\nmatrix = [[1,0,0],[0,1,0],[0,0,1]]\nrotation = [0,0]\ntranslation = [0,0,0]"),
        ("Calib.toml", "[cam]\nmatrix = [[nan,0,0],[0,1,0],[0,0,1]]\nrotation = [0,0,0]\ntranslation = [0,0,0]"),
        ("Calib.toml", "[cam]\nmatrix = [[-5,0,0],[0,1,0],[0,0,1]]\nrotation = [0,0,0]\ntranslation = [0,0,0]"),
        ("Calib.toml", '[cam]\nmatrix = "none"\nrotation = [0,0,0]\ntranslation = [0,0,0]'),
        ("Calib.toml", f"[cam]\nsize = 5\n{MATRIX}rotation = [0,0,0]\ntranslation = [0,0,0]"),
        ("Calib.qca.txt", "nothing"),
        ("Calib.qca.txt", "<calibration><cameras><camera serial='a'/></cameras></calibration>"),
        ("Calib.qca.txt", "<!DOCTYPE a [<!ENTITY b 'c'>]><calibration>&b;</calibration>"),
        ("rig.xml", "<?xml version='1.0'?><opencv_storage><a>"),
        ("rig.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><opencv_storage/>"),
        ("rig.yml", "%YAML:1.0\n---\nK: !!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n   data: [ 1., 2. ]\n"),
        ("rig.yml", "no yaml of OpenCV's"),
        ("rig.json", "{"),
        ("rig.json", "[" * 100_000),
        ("rig.json", '{"cameras": [{"name": "a", "K": [[5,0,0],[0,5,0],[0,0,1]]}]}'),
        ("rig.json", '{"a": {"K": [[5,0,0],[0,5,0],[0,0,1]], "R": [[2,0,0],[0,2,0],[0,0,2]], "t": [0,0,0]}}'),
        ("rig.json", '{"cameras": {"a": 3}}'),
        ("cameras.txt", "1 PERSPECTIVE 640 480 500 320 240"),
        ("cameras.txt", "1 PINHOLE 640 480 500 320"),
        ("calibration.pickle", "x"),
    ],
)  # fmt: skip
def test_refuses_what_is_no_calibration_in_words(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    if name == "cameras.txt":
        (tmp_path / "images.txt").write_text("1 1 0 0 0 0 0 0 1 a.jpg\n\n")
    with pytest.raises(FileError, match="cannot be used"):
        read_calibration(path)


def test_refuses_binary_missing_and_half_a_calibration(tmp_path: Path) -> None:
    (tmp_path / "rig.json").write_bytes(b"\xff\xfe\x00garbage")
    for path in (tmp_path / "rig.json", tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(FileError):
            read_calibration(path)
    easymocap(tmp_path)
    (tmp_path / "extri.yml").unlink()
    with pytest.raises(FileError, match=r"extri\.yml"):
        read_calibration(tmp_path)


def test_photos_find_their_cameras_by_name_then_by_order() -> None:
    def names(*given: object) -> list[str]:
        return [one.name for one in cameras_of(CAMERAS, *given)]  # type: ignore[arg-type]

    assert names(["x/cam2_5.png", "cam0.jpg"]) == ["cam2", "cam0"]
    assert names(["a.png", "b.png", "c.png"]) == ["cam0", "cam1", "cam2"]
    assert names(["a.png", "b.png"], ["cam1", "cam0"]) == ["cam1", "cam0"]
    for photos, chosen in ((["a.png", "b.png"], None), (["a", "b"], ["cam1", "cam1"]), (["a", "b"], ["cam1", "cam9"])):
        with pytest.raises(UsageError):
            cameras_of(CAMERAS, photos, chosen)


def test_a_camera_fits_its_picture_at_another_resolution_only() -> None:
    smaller = CAMERAS[0].for_picture((320, 240))
    there, here = (project(one.from_world(POINTS), one.intrinsics) for one in (smaller, CAMERAS[0]))
    np.testing.assert_allclose(there, (here + 0.5) / 2 - 0.5, atol=1e-9)
    with pytest.raises(UsageError, match="another part"):
        CAMERAS[0].for_picture((480, 640))


def test_the_undistorted_picture_agrees_with_undistorted_points() -> None:
    one = CAMERAS[1]
    dot = np.array([[120.0, 90.0]])
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    picture[88:93, 118:123] = 255
    where = np.argwhere(one.undistorted_picture(picture)[:, :, 0] > 128).mean(axis=0)[::-1]
    np.testing.assert_allclose(where, one.undistorted(dot)[0], atol=0.5)
    assert np.linalg.norm(one.undistorted(dot)[0] - dot[0]) > 0.5
