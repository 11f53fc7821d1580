"""The extension's preferences: what is drawn, what it does, and that nothing of an artist's settings is lost."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

import sam3db_blender
from sam3db_blender import places
from sam3db_blender.preferences import SAM3DB_AddonPreferences
from sam3db_blender.ui.preferences.sections import SECTIONS, draw_sections
from tests.support.layout import Layout

#: Names under which Blender keeps what artists have set in earlier versions.
OLDER = {"models_folder", "provider", "remember_photos", "offer_models", "make_controls"}


@pytest.fixture
def settings() -> Iterator[Any]:
    """The preferences of the extension as Blender keeps them, where it is installed."""
    sam3db_blender.register()
    entry = bpy.context.preferences.addons.new()
    entry.module = places.PACKAGE
    yield entry.preferences
    bpy.context.preferences.addons.remove(entry)
    sam3db_blender.unregister()


def names_of(settings: Any) -> set[str]:
    return {prop.identifier for prop in settings.bl_rna.properties} - {"rna_type", "bl_idname"}


def shown(settings: Any) -> list[str]:
    layout = Layout()
    context = SimpleNamespace(
        region=SimpleNamespace(width=900),
        preferences=bpy.context.preferences,
        window_manager=bpy.context.window_manager,
    )
    draw_sections(layout, settings, context)
    return layout.drawn


def test_each_preference_is_drawn_once(settings: Any) -> None:
    drawn = [line[1:-1] for line in shown(settings) if line.startswith("<") and line[1:-1] in names_of(settings)]
    assert sorted(drawn) == sorted(names_of(settings))


def test_each_section_has_a_key_and_a_title_of_its_own(settings: Any) -> None:
    assert len({section.key for section in SECTIONS}) == len({section.title for section in SECTIONS}) == len(SECTIONS)
    assert [section.title for section in SECTIONS if section.open] == ["Models"]
    assert {section.title for section in SECTIONS} <= set(shown(settings))


def test_what_earlier_versions_kept_is_still_known(settings: Any) -> None:
    assert names_of(settings) >= OLDER
    assert places.preferences() == settings
    assert isinstance(settings, SAM3DB_AddonPreferences)
