"""Messages of the command line as an artist reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import pytest

import sam3db_blender
from native_runtime.mhr import Body
from native_runtime.models import manifest
from sam3db_blender import places
from sam3db_blender.files.bodies import title_of
from sam3db_blender.ui.batch_panel import draw_batch
from sam3db_blender.ui.official_bodies import draw_official_bodies
from sam3db_blender.wording import for_artists, from_worker
from tests.support import layout
from tests.support.photo_scenes import photo_scene


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Build them with `sam3db models build`.", "Build them with a new installation of the extension."),
        ("Build it with: sam3db models build", "Build it with: a new installation of the extension"),
        ("Make it anew with `sam3db models import --levels N`.", "Make it anew with the panel 'Official Bodies'."),
        ("Choose it as the MHR model (--mhr).", "Choose it as the MHR model."),
        ("The photo a--b.jpg (1) is grey.", "The photo a--b.jpg (1) is grey."),
    ],
)
def test_commands_become_places_in_the_window(said: str, read: str) -> None:
    assert for_artists(said) == read


def test_no_message_about_models_keeps_a_command(repository: Path) -> None:
    """Whatever commands and options the runtime's texts name, where the window may show them."""
    places = ("models/store.py", "models/manifest.py", "build/sam3d_body", "engines", "onnx", "mhr", "service")
    files = [
        file
        for place in places
        for path in [repository / "native_runtime" / place]
        for file in (path.rglob("*.py") if path.is_dir() else [path])
    ]
    texts = [match for file in files for match in re.findall(r'"([^"\n]*`sam3db [^"\n]*)"', file.read_text())]
    assert len(texts) >= 5
    for text in texts:
        assert "sam3db " not in for_artists(text), text


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Fitting person 0", "Fitting person 1"),
        ("Too little of person 2 can be seen to fit a body.", "Too little of person 3 can be seen to fit a body."),
        ("There is no person 5; there are people 0 to 2.", "There is no person 6; there are people 1 to 3."),
        ("Fitting 3 people", "Fitting 3 people"),
    ],
)
def test_people_are_counted_from_one(said: str, read: str) -> None:
    """Files and commands count them from 0."""
    assert from_worker(said) == read


TITLES = {
    "default": "Fine",
    "default-lod1": "Medium",
    "default-lod2": "Coarse",
    "mhr-lod1": "MHR Level 1",
    "mhr-lod3": "MHR Level 3",
    "mine": "mine",
}


@pytest.fixture
def installed(small_body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Body]:
    """The extension with bodies of all these names; the default one."""
    folder = tmp_path / "models" / "bodies"
    folder.mkdir(parents=True)
    for name in TITLES:
        replace(small_body, name=name).save(folder / f"{name}.npz")
    manifest.write(folder, {file.name: manifest.describe(file) for file in folder.glob("*.npz")})
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    sam3db_blender.register()
    yield replace(small_body, name="default")
    sam3db_blender.unregister()


def _choices(data: Any, name: str) -> dict[str, str]:
    """What a menu offers of the bodies, as Blender shows it."""
    shown = {body: bpy.types.UILayout.enum_item_name(data, name, body) for body in TITLES}
    return {body: title for body, title in shown.items() if title}


@pytest.mark.parametrize(("name", "title"), TITLES.items())
def test_a_body_s_title(name: str, title: str) -> None:
    assert title_of(name) == title


def test_bodies_are_called_the_same_everywhere(installed: Body) -> None:
    """In every menu that offers some, and in the panels."""
    window_manager: Any = bpy.context.window_manager
    rig = photo_scene(installed).characters[0].rig
    bpy.context.view_layer.objects.active = rig
    assert _choices(window_manager.sam3db, "body") == TITLES
    assert "<body>" in layout.drawn(draw_batch, window_manager, 200).splitlines()  # the same property
    levels = window_manager.operator_properties_last("sam3db.switch_level")
    assert _choices(levels, "level") == {name: TITLES[name] for name in ("default", "default-lod1", "default-lod2")}
    results = window_manager.operator_properties_last("sam3db.import_result")
    assert _choices(results, "body") == {name: TITLES[name] for name in ("mhr-lod1", "mhr-lod3")}
    assert "Installed: MHR Level 1, MHR Level 3" in layout.drawn(draw_official_bodies, 200)
