"""The extension's zip: what is in it, and that Blender's own validation accepts it. `test_installed` installs it."""

from __future__ import annotations

import os
import tomllib
import zipfile
from pathlib import Path

import pytest

from native_runtime import __version__
from native_runtime.errors import Sam3dbError, UsageError
from native_runtime.models import manifest
from sam3db_blender import packaging
from sam3db_blender.packaging import archive
from sam3db_blender.packaging.build import zip_name
from sam3db_blender.packaging.targets import ROOT
from sam3db_blender.packaging.wheels import BUILDERS


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """The content of a zip without the large parts (bundled wheels and models)."""
    folder = tmp_path_factory.mktemp("extension")
    stage = folder / "stage"
    (stage / "wheels").mkdir(parents=True)
    packaging.build_own_wheel(stage / "wheels", folder / "source")
    packaging.copy_add_on(stage)
    text = (repository / "blender_manifest.toml").read_text(encoding="utf-8")
    names = [wheel.name for wheel in (stage / "wheels").iterdir()]
    (stage / "blender_manifest.toml").write_text(
        packaging.complete_manifest(text, "linux-x64", names), encoding="utf-8"
    )
    return stage


def test_the_manifest_and_the_package_have_one_version(stage: Path) -> None:
    content = tomllib.loads((stage / "blender_manifest.toml").read_text(encoding="utf-8"))
    (wheel,) = (stage / "wheels").glob("sam3db-*.whl")
    assert content["version"] == wheel.name.split("-")[1] == __version__


def test_platform_and_wheels_are_top_level_keys(stage: Path) -> None:
    content = tomllib.loads((stage / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert content["platforms"] == ["linux-x64"]
    assert all((stage / wheel).is_file() for wheel in content["wheels"])


def test_our_wheel_has_the_runtime_and_its_data_and_no_add_on(stage: Path) -> None:
    (wheel,) = (stage / "wheels").glob("sam3db-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "native_runtime/service/worker.py" in names
    assert "rig_templates/mhr/keypoints.json" in names
    assert "rig_templates/presets/pictures/relaxed.jpg" in names
    assert "native_runtime/build/catalogue.py" in names
    assert not any(name.startswith(("sam3db_blender", "tests", "bench")) for name in names)


def test_what_builds_the_models_stays_at_home(stage: Path) -> None:
    """It fetches their sources with pip, and the zip has the models themselves."""
    (wheel,) = (stage / "wheels").glob("sam3db-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    left_out = (*BUILDERS, *(f"native_runtime/{name}" for name in packaging.NOT_IN_WHEEL))
    assert all((ROOT / path).exists() for path in left_out)
    assert not any(name.startswith(left_out) for name in names)


def test_the_add_on_holds_no_build_tools_and_no_caches(stage: Path) -> None:
    names = {file.relative_to(stage).as_posix() for file in stage.rglob("*") if file.is_file()}
    assert "__init__.py" in names
    assert not names & set(packaging.NOT_IN_ADD_ON)
    assert not any("__pycache__" in name for name in names)


def test_the_graphs_of_sam3d_body_come_without_weights(stage: Path, repository: Path) -> None:
    (wheel,) = (stage / "wheels").glob("sam3db-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    folder = repository / "native_runtime" / "build" / "sam3d_body" / "templates"
    templates = {path.relative_to(repository).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert templates
    assert templates <= names
    assert "native_runtime/build/sam3d_body/convert.py" in names
    assert not any(name.startswith("native_runtime/network/") for name in names)
    packaging.check_no_weights(stage)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("models/sam3d_body/encoder.weights", 10),
        ("models/sources/sam3d_body/dinov3/model.ckpt", 10),
        ("anything.safetensors", 10),
        ("templates/dinov3/encoder-fp32.onnx.gz", packaging.LARGEST_TEMPLATE + 1),
    ],
)
def test_a_zip_with_weights_is_refused(tmp_path: Path, name: str, size: int) -> None:
    (tmp_path / "beside" / name).parent.mkdir(parents=True)
    (tmp_path / "beside" / name).write_bytes(bytes(size))
    with pytest.raises(Sam3dbError, match=f"{Path(name).name} holds weights"):
        packaging.check_no_weights(tmp_path / "beside")
    (tmp_path / "inside" / "wheels").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "inside" / "wheels" / "sam3db-1.whl", "w") as archive:
        archive.writestr("harmless.py", "")
        archive.writestr(name, bytes(size))
    with pytest.raises(Sam3dbError, match=f"{Path(name).name} holds weights"):
        packaging.check_no_weights(tmp_path / "inside")


def test_of_the_users_models_only_ours_are_taken_along(tmp_path: Path) -> None:
    models = tmp_path / "models"
    for name in ("landmarks/pose.onnx", "bodies/default.npz", "bodies/mhr-lod1.npz", "sam3d_body/encoder.onnx"):
        (models / name).parent.mkdir(parents=True, exist_ok=True)
        (models / name).write_bytes(b"content")
        manifest.update(models / Path(name).parent, {Path(name).name: manifest.describe(models / name)})
    sources = models / "sources" / "sam3d_body" / "dinov3"
    sources.mkdir(parents=True)
    (sources / "model.ckpt").write_bytes(b"weights")
    packaging.copy_models(models, tmp_path / "stage" / "models")
    taken = {path.relative_to(tmp_path / "stage").as_posix() for path in (tmp_path / "stage").rglob("*.*")}
    manifests = {"models/landmarks/manifest.json", "models/bodies/manifest.json"}
    assert taken == {"models/landmarks/pose.onnx", "models/bodies/default.npz"} | manifests


@pytest.mark.bpy
def test_blender_finds_nothing_wrong(stage: Path, tmp_path: Path) -> None:
    pytest.importorskip("bpy", reason="bpy carries Blender's validation")
    packaging.write_zip(stage, tmp_path / "extension.zip")
    packaging.validate(tmp_path / "extension.zip")


def test_the_same_sources_give_the_same_zip(stage: Path, tmp_path: Path) -> None:
    packaging.write_zip(stage, tmp_path / "a.zip")
    packaging.write_zip(stage, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_an_unknown_platform_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="linux-x64"):
        packaging.build(packaging.Target("amiga-68k", ("3.11",)), tmp_path, tmp_path)


def test_the_same_sources_give_the_same_wheel(stage: Path, repository: Path, tmp_path: Path) -> None:
    """Whatever the umask is, and whenever it is built: the second is built from a copy elsewhere."""
    before = os.umask(0o077)
    try:
        (tmp_path / "wheels").mkdir()
        packaging.build_own_wheel(tmp_path / "wheels", tmp_path / "elsewhere")
    finally:
        os.umask(before)
    (first,), (second,) = ((folder / "wheels").glob("sam3db-*.whl") for folder in (stage, tmp_path))
    assert archive.differences(first, second) == []


def test_two_zips_that_differ_are_told_apart(tmp_path: Path) -> None:
    for name, content in {"a": b"1", "b": b"2"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.py").write_bytes(b"x = 1\n")
        (tmp_path / name / "other.npz").write_bytes(content)
    (tmp_path / "b" / "more.py").write_bytes(b"")
    zips = [tmp_path / f"{name}.zip" for name in "ab"]
    for path in zips:
        packaging.write_zip(path.with_suffix(""), path)
    assert archive.differences(zips[0], zips[0]) == []
    assert archive.differences(*zips) == ["more.py is in one of them only", "other.npz differs"]


def test_zips_are_named_as_blender_splits_platforms() -> None:
    assert zip_name("macos-arm64") == f"sam3db_blender-{__version__}-macos_arm64.zip"
    assert all("-" not in zip_name(name).split("-", 2)[2] for name in packaging.PLATFORMS)


def test_models_are_compressed_and_wheels_are_not(tmp_path: Path) -> None:
    for name in ("body.npz", "network.onnx", "some.whl"):
        (tmp_path / "stage").mkdir(exist_ok=True)
        (tmp_path / "stage" / name).write_bytes(bytes(1000))
    packaging.write_zip(tmp_path / "stage", tmp_path / "extension.zip")
    with zipfile.ZipFile(tmp_path / "extension.zip") as packed:
        sizes = {info.filename: info.compress_size for info in packed.infolist()}
        assert packed.testzip() is None
    assert sizes["some.whl"] == 1000
    assert max(sizes["body.npz"], sizes["network.onnx"]) < 100


def test_every_platform_has_locked_wheels() -> None:
    for name, platform in packaging.PLATFORMS.items():
        lock = platform.lock.read_text(encoding="utf-8")
        for distribution in ("onnxruntime", "opencv-python-headless", "pi-heif", "pillow"):
            assert f"{distribution}==" in lock, name
        assert "numpy==" not in lock  # Blender brings it
