"""`sam3db models import`: from folder, archive and single files; what it refuses, and that it then writes nothing."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from native_runtime.build.official import import_official
from native_runtime.cli.console import Console
from native_runtime.cli.main import main
from native_runtime.errors import ModelError, UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.correctives import pose_features
from native_runtime.models import manifest
from native_runtime.models.store import body_path
from tests.support.advice import refused
from tests.support.official_release import fbx_bytes, fbx_tree, write_correctives, write_release, zip_folder


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Body]:
    """A folder with LOD 3 (with correctives) and LOD 6 (without), and the body they were made of."""
    folder = tmp_path_factory.mktemp("release")
    body = write_release(folder)
    write_correctives(folder, 3, body.vertex_count)
    return folder, body


@pytest.fixture
def copy(release: tuple[Path, Body], tmp_path: Path) -> Path:
    """The folder again, to be spoiled."""
    return Path(shutil.copytree(release[0], tmp_path / "release"))


def parameters(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, 204)


def test_bodies_from_a_folder(release: tuple[Path, Body], tmp_path: Path) -> None:
    folder, toy = release
    made = import_official(folder, tmp_path)
    assert made.bodies == ("mhr-lod3", "mhr-lod6")
    assert "mhr-lod6" in made.notes[0]
    assert "corrective_blendshapes_lod6.npz" in made.notes[0]
    body = Body.load(body_path("mhr-lod6", tmp_path))
    assert body.identity_groups == ("body",) * 20 + ("head",) * 20 + ("hands",) * 5
    assert body.expression_count == 72
    np.testing.assert_array_equal(body.limit_max, toy.limit_max)
    np.testing.assert_array_equal(body.uvs, toy.uvs)
    rng = np.random.default_rng(1)
    identity, expression = rng.normal(size=45), rng.normal(size=72)
    expected = toy.vertices(parameters(), identity, expression)
    np.testing.assert_allclose(body.vertices(parameters(), identity, expression), expected, atol=2e-3)
    assert json.loads(body.provenance)["files"]["lod6.fbx"].startswith("sha256:")
    entry = manifest.read(tmp_path / "bodies")["files"]["mhr-lod6.npz"]
    assert entry["content"] == body.hash
    assert "Apache-2.0" in entry["licence"]


def test_the_archive_gives_the_same_bodies(release: tuple[Path, Body], tmp_path: Path) -> None:
    archive = zip_folder(release[0], tmp_path / "assets.zip")
    import_official(archive, tmp_path / "a")
    import_official(release[0], tmp_path / "b")
    for name in ("mhr-lod3.npz", "mhr-lod6.npz"):
        assert (tmp_path / "a" / "bodies" / name).read_bytes() == (tmp_path / "b" / "bodies" / name).read_bytes()


def test_the_unpacked_archive_and_its_folder_are_both_understood(release: tuple[Path, Body], tmp_path: Path) -> None:
    shutil.copytree(release[0], tmp_path / "unpacked" / "assets")
    assert import_official(tmp_path / "unpacked", tmp_path / "m").bodies == ("mhr-lod3", "mhr-lod6")


def test_correctives_follow_the_formula(release: tuple[Path, Body], tmp_path: Path) -> None:
    folder, toy = release
    activation, basis = write_correctives(tmp_path, 3, toy.vertex_count)  # the same numbers every time
    import_official(folder, tmp_path, [3])
    body = Body.load(body_path("mhr-lod3", tmp_path))
    p = parameters(2)
    features = pose_features(body.joint_parameters(p))
    offsets = np.einsum("c,cva->va", np.maximum(activation.astype(float) @ features, 0), basis.astype(float))
    expected = body.skin(body.pose(p), (body.rest_vertices + offsets).astype(np.float32))
    np.testing.assert_allclose(body.vertices(p), expected, atol=1e-3)
    assert np.abs(body.vertices(p) - body.vertices(p, correctives=False)).max() > 0.1
    batch = body.vertices(np.stack([p, parameters(3)]))
    np.testing.assert_allclose(batch[0], body.vertices(p), atol=1e-3)


def test_blendshape_files_may_hold_no_correctives(copy: Path, tmp_path: Path) -> None:
    np.savez(copy / "corrective_blendshapes_lod3.npz", something_else=np.zeros(3))
    made = import_official(copy, tmp_path / "m", [3])
    assert "their files hold none" in made.notes[0]
    assert Body.load(made.folder / "mhr-lod3.npz").correctives is None


def test_levels_can_be_chosen(copy: Path, tmp_path: Path) -> None:
    shutil.copy(copy / "lod3.fbx", copy / "lod0.fbx")
    assert import_official(copy, tmp_path / "a").bodies == ("mhr-lod3", "mhr-lod6")
    assert import_official(copy, tmp_path / "b", "all").bodies == ("mhr-lod0", "mhr-lod3", "mhr-lod6")
    assert import_official(copy, tmp_path / "c", [6]).bodies == ("mhr-lod6",)
    assert import_official(copy / "lod0.fbx", tmp_path / "d").bodies == ("mhr-lod0",)
    with pytest.raises(UsageError, match="level of detail 9"):
        import_official(copy, tmp_path / "e", [9])
    with pytest.raises(UsageError, match="level of detail 3 only"):
        import_official(copy / "lod3.fbx", tmp_path / "e", [6])
    with pytest.raises(ModelError, match=r"lacks lod1\.fbx \(there: lod0\.fbx, lod3\.fbx, lod6\.fbx\)"):
        import_official(copy, tmp_path / "e", [1])
    assert not (tmp_path / "e").exists()


def test_others_in_the_manifest_stay(release: tuple[Path, Body], tmp_path: Path) -> None:
    folder = tmp_path / "bodies"
    manifest.write(folder, {"default.npz": {"sha256": "0", "size": 1}}, recipe="r")
    import_official(release[0], tmp_path, [6])
    content = manifest.read(folder)
    assert set(content["files"]) == {"default.npz", "mhr-lod6.npz"}
    assert content["recipe"] == "r"


def test_a_damaged_body_is_noticed(release: tuple[Path, Body], tmp_path: Path) -> None:
    import_official(release[0], tmp_path, [6])
    path = tmp_path / "bodies" / "mhr-lod6.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with refused(ModelError, match="sam3db models import"):
        body_path("mhr-lod6", tmp_path)


def test_keypoints_and_landmarks_are_all_there(release: tuple[Path, Body], tmp_path: Path) -> None:
    import_official(release[0], tmp_path, [6])
    body = Body.load(body_path("mhr-lod6", tmp_path))
    assert len(body.keypoint_names) == 70
    assert body.landmark_names[0] == "blazepose_00"
    assert len(body.landmark_names) == 33 + 42
    pose = body.pose(parameters())
    places = body.keypoints(pose, body.vertices(parameters()))
    wrist = body.keypoint_names.index("left_wrist")
    np.testing.assert_allclose(places[wrist], pose.translations[body.joint_index("l_wrist")])
    sums = np.bincount(body.landmark_rows.rows, body.landmark_rows.values)
    np.testing.assert_allclose(sums, 1)


# what is refused


def assert_refused(source: Path, models: Path, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        import_official(source, models)
    assert not models.exists()


def test_levels_that_stand_on_other_joints_are_refused(copy: Path, release: tuple[Path, Body], tmp_path: Path) -> None:
    tree = fbx_tree(release[1])
    objects = tree.first("Objects")
    assert objects is not None
    model = next(node for node in objects.all("Model") if b"l_wrist\x00" in node.properties[1])
    row = model.children[0].children[1]
    row.properties = (*row.properties[:4], row.properties[4] + 0.1, *row.properties[5:])
    (copy / "lod6.fbx").write_bytes(fbx_bytes(tree))
    assert_refused(copy, tmp_path / "m", "do not belong together: their joints are up to 0.1 cm apart")
    # also where the other level was imported earlier
    import_official(release[0], tmp_path / "n", [3])
    with pytest.raises(ModelError, match="do not belong together"):
        import_official(copy, tmp_path / "n", [6])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("compact_v6_1.model", r"lacks the file compact_v6_1\.model"),
        ("lod3.fbx", None),
        ("corrective_activation.npz", None),
    ],
)
def test_missing_files(copy: Path, tmp_path: Path, name: str, message: str | None) -> None:
    (copy / name).unlink()
    if message is not None:
        assert_refused(copy, tmp_path / "m", message)
    else:
        assert import_official(copy, tmp_path / "m").bodies


def test_sources_that_are_nothing(tmp_path: Path) -> None:
    assert_refused(tmp_path / "nowhere.zip", tmp_path / "m", "no file or folder")
    (tmp_path / "empty").mkdir()
    assert_refused(tmp_path / "empty", tmp_path / "m", r"holds no lodN\.fbx")
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 and then nothing")
    assert_refused(tmp_path / "a.zip", tmp_path / "m", r"a\.zip is damaged")


def test_model_definitions_cut_short_are_refused(copy: Path, tmp_path: Path) -> None:
    path = copy / "compact_v6_1.model"
    lines = path.read_text().splitlines()
    for count in (2, 3, 40, lines.index("[ParameterSets]"), lines.index("[Limits]") + 5):
        path.write_text("\n".join(lines[:count]))
        assert_refused(copy, tmp_path / "m", "compact_v6_1")
    path.write_bytes(b"\xff\xfe\x00")
    assert_refused(copy, tmp_path / "m", "not a text file")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("0.sparse_indices", np.array([[0, 99], [0, 0]]), "outside its 48 x 750"),
        ("0.sparse_indices", np.array([[0, -1], [0, 0]]), "outside its 48 x 750"),
        ("0.sparse_weight", np.zeros(5, np.float32), "expected"),
        ("0.sparse_weight", np.array([np.nan, 0], np.float32), "not finite"),
        ("posedirs_sparse_mask", np.zeros((48, 10), bool), r"expected \(any, 750\)"),
        ("posedirs_sparse_mask", np.array([{}], dtype=object), "(?i)object|kind"),
    ],
)
def test_wrong_activations(copy: Path, tmp_path: Path, key: str, value: np.ndarray, message: str) -> None:
    path = copy / "corrective_activation.npz"
    arrays = {"0.sparse_indices": np.zeros((2, 2), int), "0.sparse_weight": np.zeros(2, np.float32)}
    arrays["posedirs_sparse_mask"] = np.zeros((48, 750), bool)
    np.savez(path, allow_pickle=True, **{**arrays, key: value})
    assert_refused(copy, tmp_path / "m", message)


def test_wrong_blendshapes(copy: Path, tmp_path: Path) -> None:
    path = copy / "corrective_blendshapes_lod3.npz"
    np.savez(path, corrective_blendshapes=np.zeros((48, 10, 3), np.float32))
    assert_refused(copy, tmp_path / "m", r"expected \(48, 1016, 3\)")
    np.savez_compressed(path, corrective_blendshapes=np.random.default_rng(0).normal(size=(48, 1016, 3)))
    data = path.read_bytes()
    for cut in (0, 50, len(data) // 2, len(data) - 30):
        path.write_bytes(data[:cut])
        assert_refused(copy, tmp_path / "m", r"lod3\.npz is damaged")


def test_the_order_of_numbers_in_the_file_does_not_matter(copy: Path, tmp_path: Path) -> None:
    path = copy / "corrective_blendshapes_lod3.npz"
    basis = np.load(path)["corrective_blendshapes"]
    import_official(copy, tmp_path / "a", [3])
    np.savez(path, corrective_blendshapes=np.asfortranarray(basis))
    import_official(copy, tmp_path / "b", [3])
    one, other = (Body.load(body_path("mhr-lod3", tmp_path / m)).correctives for m in "ab")
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.basis.dense(), basis)
    np.testing.assert_array_equal(other.basis.dense(), basis)


def test_an_array_that_claims_terabytes_is_refused_before_it_is_read(copy: Path, tmp_path: Path) -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (48, 1016, 3000000000), }"
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(copy / "corrective_blendshapes_lod3.npz", "w") as file:
        file.writestr("corrective_blendshapes.npy", array)
    assert_refused(copy, tmp_path / "m", "expected")


@pytest.mark.parametrize("name", ["../lod3.fbx", "/lod3.fbx", "a/../../lod3.fbx", "..\\lod3.fbx", "C:\\lod3.fbx"])
def test_members_that_would_lie_outside_are_refused(release: tuple[Path, Body], tmp_path: Path, name: str) -> None:
    archive = zip_folder(release[0], tmp_path / "assets.zip")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(name, b"")
    assert_refused(archive, tmp_path / "m", "outside it")


def test_doubled_members_are_refused(release: tuple[Path, Body], tmp_path: Path) -> None:
    archive = zip_folder(release[0], tmp_path / "assets.zip")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("other/lod3.fbx", b"")
    assert_refused(archive, tmp_path / "m", r"holds lod3\.fbx twice")


def test_members_that_claim_too_much_are_not_unpacked(release: tuple[Path, Body], tmp_path: Path) -> None:
    folder = tmp_path / "bomb"
    folder.mkdir()
    shutil.copy(release[0] / "lod3.fbx", folder)
    with (folder / "compact_v6_1.model").open("wb") as file:
        file.truncate(80 << 20)
    assert_refused(folder, tmp_path / "m", "claims 80 MB")
    assert_refused(zip_folder(folder, tmp_path / "assets.zip"), tmp_path / "m", "claims 80 MB")


def test_damaged_archives_are_refused(release: tuple[Path, Body], tmp_path: Path) -> None:
    data = zip_folder(release[0], tmp_path / "assets.zip").read_bytes()
    spoiled = tmp_path / "spoiled.zip"
    rng = np.random.default_rng(9)
    for cut in np.linspace(0, len(data) - 1, 8).astype(int):
        spoiled.write_bytes(data[:cut])
        assert_refused(spoiled, tmp_path / "m", r"spoiled\.zip")
    for _ in range(6):
        content = bytearray(data)
        start = int(rng.integers(100, len(data) // 2))
        content[start : start + 200] = rng.bytes(200)
        spoiled.write_bytes(content)
        assert_refused(spoiled, tmp_path / "m", "damaged")


# the command


def command(*words: str) -> tuple[int, dict]:
    out = io.StringIO()
    code = main(["models", "import", *words, "--json"], Console(out, as_json=True, debug=False))
    return code, json.loads(out.getvalue() or "{}")


def test_the_command(release: tuple[Path, Body], tmp_path: Path) -> None:
    code, result = command(str(release[0]), "--lod", "6", "--models", str(tmp_path))
    assert code == 0
    assert result["bodies"] == ["mhr-lod6"]
    assert result["notes"]
    code, result = command(str(tmp_path / "no.zip"), "--models", str(tmp_path / "x"))
    assert code == 1
    assert result["error"]["kind"] == "ModelError"
    assert not (tmp_path / "x").exists()
    assert command(str(release[0]), "--lod", "6", "--all")[0] == 2
