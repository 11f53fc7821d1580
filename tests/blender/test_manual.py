"""F1 over a button or a field of ours opens the page of the guide about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import bpy
import pytest

import sam3db_blender
from sam3db_blender import places, registration
from sam3db_blender.ui import manual

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(autouse=True)
def _guide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The extension with a guide."""
    monkeypatch.setattr(places, "guide_folder", lambda: tmp_path)
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _opened(rna_id: str) -> str:
    """The address that Blender would open, by its own look-up."""
    from bl_operators.wm import WM_OT_doc_view_manual

    return str(WM_OT_doc_view_manual._lookup_rna_url(rna_id, verbose=False))


@pytest.mark.parametrize("page", manual.PAGES)
def test_its_pages_exist(page: str) -> None:
    name, _, anchor = page.partition("#")
    source = DOCS / Path(name).with_suffix(".md")
    assert source.is_file()
    assert not anchor or anchor in _anchors(source)


def test_what_it_names_is_registered() -> None:
    names = [name for names in manual.PAGES.values() for name in names]
    assert len(names) == len(set(names))
    operators = {cls.bl_idname for cls in registration.CLASSES if issubclass(cls, bpy.types.Operator)}
    types = {cls.__name__ for cls in registration.CLASSES}
    assert [name for name in names if f"sam3db.{name}" not in operators and name not in types] == []


def test_blender_opens_the_page_about_a_button(tmp_path: Path) -> None:
    assert _opened("bpy.ops.sam3db.next_handle") == (
        (tmp_path / "guide" / "correcting.html").as_uri() + "#when-you-are-not-sure-where-to-begin"
    )
    assert _opened("bpy.types.SAM3DB_BatchState.folder") == (tmp_path / "guide" / "batches.html").as_uri()
    assert _opened("bpy.ops.sam3db.something_new") == (tmp_path / "index.html").as_uri()


def test_blenders_own_pages_stay_and_ours_go() -> None:
    assert "docs.blender.org" in _opened("bpy.ops.mesh.bevel")
    sam3db_blender.unregister()
    assert "file:" not in _opened("bpy.ops.sam3db.next_handle")
    sam3db_blender.register()


def test_without_a_guide_nothing_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(places, "guide_folder", lambda: tmp_path / "nowhere")
    assert "file:" not in _opened("bpy.ops.sam3db.next_handle")
