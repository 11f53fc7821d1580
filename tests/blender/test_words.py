"""What an artist reads: every label, tooltip and button of the registered extension."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
import pytest

import sam3db_blender
from sam3db_blender import registration


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    """All tests here read what is registered."""
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


def _own(base: type) -> list[type]:
    return [cls for cls in registration.CLASSES if issubclass(cls, base)]


def _rna(cls: Any) -> Any:
    if issubclass(cls, bpy.types.Operator):
        group, name = cls.bl_idname.split(".")
        return getattr(getattr(bpy.ops, group), name).get_rna_type()
    return cls.bl_rna


def _properties() -> Iterator[tuple[str, Any]]:
    """The own properties of operators, groups and preferences, each with where it is from."""
    for base in (bpy.types.Operator, bpy.types.PropertyGroup, bpy.types.AddonPreferences):
        inherited = set(base.bl_rna.properties.keys())
        for cls in _own(base):
            for prop in _rna(cls).properties:
                if prop.identifier not in inherited:
                    yield f"{cls.__name__}.{prop.identifier}", prop


# --- file names and file browsers ------------------------------------------------------------------------------------


@pytest.mark.skipif(bpy.app.version < (4, 5, 0), reason="Blender warns of relative paths since 4.5")
def test_no_path_that_starts_with_two_slashes_is_shown_in_red() -> None:
    shown = [
        (place, prop)
        for place, prop in _properties()
        if prop.type == "STRING" and prop.subtype in ("FILE_PATH", "DIR_PATH") and not prop.is_hidden
    ]
    wanting = [
        place
        for place, prop in shown
        if not prop.is_path_supports_blend_relative and not place.endswith((".filepath", ".path"))
    ]
    assert len(shown) > 5
    assert wanting == []


@pytest.mark.parametrize("name", ["import_character", "browse_photo", "load_mask"])
def test_pictures_are_chosen_from_pictures(name: str) -> None:
    """The file browser takes its display mode from a property of this name."""
    display = getattr(bpy.ops.sam3db, name).get_rna_type().properties["display_type"]
    assert display.default == "THUMBNAIL"
    # Blender reads the number, not the word
    browser = bpy.types.FileSelectParams.bl_rna.properties["display_type"].enum_items
    ours = {item.identifier: item.value for item in display.enum_items if item.identifier != "DEFAULT"}
    assert ours == {item.identifier: item.value for item in browser}


def test_a_button_that_cannot_be_pressed_says_why() -> None:
    """The batch's own panel greyed it out without a word."""
    batch = bpy.context.window_manager.sam3db_batch
    for folder, out, missing in (("", "//out", "folder of the photos"), ("//photos", "", "folder for the results")):
        batch.folder, batch.out = folder, out
        assert not bpy.ops.sam3db.run_batch.poll()
        with pytest.raises(RuntimeError, match=missing):
            bpy.ops.sam3db.run_batch()
    batch.folder, batch.out = "//photos", "//out"
    assert bpy.ops.sam3db.run_batch.poll()
    batch.folder = batch.out = ""
