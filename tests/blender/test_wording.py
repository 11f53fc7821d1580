"""Messages as an artist reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import pytest

import sam3db_blender
from native_runtime.errors import ModelError, NoPersonError, Remedy, Sam3dbError
from native_runtime.mhr import Body
from native_runtime.models import manifest
from native_runtime.process.payload import ErrorPayload
from sam3db_blender import places
from sam3db_blender.files.bodies import title_of
from sam3db_blender.remedies import in_words
from sam3db_blender.ui.batch_panel import draw_batch
from sam3db_blender.ui.official_bodies import draw_official_bodies
from tests.support import layout
from tests.support.photo_scenes import photo_scene


@pytest.mark.parametrize("remedy", Remedy)
def test_every_remedy_has_words_in_the_window(remedy: Remedy) -> None:
    said = in_words(ModelError("It is gone.", remedy))
    assert re.fullmatch(r"It is gone\. [A-Z].+\.", said)
    assert "sam3db " not in said
    assert "--" not in said


@pytest.mark.parametrize(
    ("error", "read"),
    [
        (
            NoPersonError("Too little of person {person} can be seen to fit a body.", person=2),
            "Too little of person 3 can be seen to fit a body.",
        ),
        (
            NoPersonError("There is no person {who}; there are people {first} to {last}.", who=5, first=0, last=2),
            "There is no person 6; there are people 1 to 3.",
        ),
        (NoPersonError("Fitting {3} people"), "Fitting {3} people"),
    ],
)
def test_people_are_counted_from_one(error: Sam3dbError, read: str) -> None:
    """Files and commands count them from 0."""
    assert in_words(error) == in_words(ErrorPayload.from_exception(error)) == read


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
