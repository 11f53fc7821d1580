"""The extension's zip: what is in it, and that Blender's own validation accepts it. `test_installed` installs it."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path

import pytest

from native_runtime.errors import UsageError
from sam3db_blender import packaging


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


def test_the_manifest_and_the_package_have_one_version(repository: Path) -> None:
    manifest = tomllib.loads((repository / "blender_manifest.toml").read_text(encoding="utf-8"))
    package = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    assert manifest["version"] == package["project"]["version"]


def test_platform_and_wheels_are_top_level_keys(stage: Path) -> None:
    manifest = tomllib.loads((stage / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert manifest["platforms"] == ["linux-x64"]
    assert all((stage / wheel).is_file() for wheel in manifest["wheels"])
    assert set(manifest["permissions"]) == {"files", "network"}


def test_our_wheel_has_the_runtime_and_its_data_and_no_add_on(stage: Path) -> None:
    (wheel,) = (stage / "wheels").glob("sam3db-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "native_runtime/service/worker.py" in names
    assert "rig_templates/mhr/keypoints.json" in names
    assert "native_runtime/models/convert_networks/requirements.txt" in names
    assert not any(name.startswith(("sam3db_blender", "tests", "bench")) for name in names)


def test_the_add_on_holds_no_build_tools_and_no_caches(stage: Path) -> None:
    names = {file.relative_to(stage).as_posix() for file in stage.rglob("*") if file.is_file()}
    assert "__init__.py" in names
    assert not names & set(packaging.NOT_IN_ADD_ON)
    assert not any("__pycache__" in name for name in names)


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
