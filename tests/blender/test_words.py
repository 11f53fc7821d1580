"""What an artist reads: every label, tooltip and button of the registered extension."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

import sam3db_blender
from sam3db_blender import places, registration
from sam3db_blender.operators.import_character import SAM3DB_OT_import_character
from sam3db_blender.properties import import_options
from sam3db_blender.ui import character_panel
from sam3db_blender.ui.photo_menu import SAM3DB_MT_help


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


# --- labels and tooltips ---------------------------------------------------------------------------------------------

#: Words of programmers and of this project's insides, and what is said instead.
ODD = {
    "infer": "pose, update from photo",
    "anew": "again",
    "randomise": "randomize, as Blender spells it",
    "symmetrise": "symmetrize, as Blender spells it",
    "licence": "license, as Blender spells it",
    "angle of view": "field of view, as Blender says",
    "millimetres": "mm, focal length",
    "lod": "level of detail",
    "keypoint": "handle, joint",
    "keypoints": "handles, joints",
    "params": "parameters",
}
#: Words that a title has in small letters.
SMALL = {
    "a",
    "an",
    "and",
    "as",
    "at",
    "but",
    "by",
    "for",
    "from",
    "in",
    "into",
    "of",
    "on",
    "or",
    "per",
    "the",
    "to",
    "with",
}
#: Names that are spelt their own way, units, and a sentence that has to be one.
OWN_SPELLING = {"glTF", "(int8)", "(fp16)", "(fp32)", "px", "(cm)"}
SENTENCES = {"I have read and accept the SAM License"}


def _title_case(label: str) -> bool:
    words = [word for word in label.split() if word not in OWN_SPELLING]
    return label in SENTENCES or all(
        word in SMALL if word.lower() in SMALL and 0 < number < len(words) - 1 else not word[:1].islower()
        for number, word in enumerate(words)
    )


def _texts() -> Iterator[tuple[str, str, str]]:
    """Where a text is from, its label and its tooltip, of all that can be seen."""
    for cls in (*_own(bpy.types.Operator), *_own(bpy.types.Panel), *_own(bpy.types.Menu)):
        tooltip = _rna(cls).description if issubclass(cls, bpy.types.Operator) else " ".join(str(cls.__doc__).split())
        yield cls.__name__, str(cls.bl_label), tooltip
    for place, prop in _properties():
        if prop.is_hidden or (prop.type in ("POINTER", "COLLECTION") and not prop.description):
            continue
        if place.endswith((".filepath", ".check_existing", "_Preview.path")):
            continue
        yield place, prop.name, prop.description
        if prop.type == "ENUM":
            for item in prop.enum_items_static:
                if item.identifier:
                    yield f"{place}={item.identifier}", item.name, item.description


def test_labels_are_titles() -> None:
    wanting = [(place, label) for place, label, _ in _texts() if not label or "_" in label or not _title_case(label)]
    assert wanting == []


def test_tooltips_are_sentences_without_a_full_stop() -> None:
    """Blender sets it."""
    wanting = [
        (place, text)
        for place, _, text in _texts()
        if not text or text.endswith(".") or not (text[0].isupper() or text[0].isdigit())
    ]
    assert wanting == []


def test_tooltips_have_no_breaks_and_runs_of_blanks() -> None:
    """Blender shows a docstring of several lines with its line breaks and its indentation."""
    assert [(place, text) for place, _, text in _texts() if text != " ".join(text.split())] == []


def test_no_odd_words() -> None:
    found = {}
    for place, label, text in _texts():
        words = f" {label} {text} ".lower().replace(",", " ").replace(";", " ").replace(".", " ")
        odd = [word for word in ODD if f" {word} " in words]
        if odd:
            found[place] = odd, label, text
    assert found == {}


def test_the_lens_is_spoken_of_as_blender_does() -> None:
    """The same names where a photo is imported and where its lens is set later."""
    imported = bpy.types.WindowManager.bl_rna.properties["sam3db"].fixed_type.properties["lens"]
    later = bpy.ops.sam3db.set_lens.get_rna_type().properties["mode"]
    names = [{item.identifier: item.name for item in prop.enum_items_static} for prop in (imported, later)]
    assert names[0] == names[1]
    assert {"Focal Length", "Field of View"} <= set(names[0].values())


def test_a_failure_is_told_by_its_reason_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A popup that ends in a path to a log crowds the reason out."""
    monkeypatch.setattr(places, "user_folder", lambda name: tmp_path)
    reports: list[str] = []
    operator = SimpleNamespace(report=lambda kind, text: reports.append(text), _job=None)
    SAM3DB_OT_import_character._fail(operator, "The photo is empty.", "Traceback ...")
    assert reports == ["The photo is empty."]
    assert "Traceback ..." in (tmp_path / "import.log").read_text()


class _Buttons:
    """A layout that notes the buttons."""

    def __init__(self) -> None:
        self.buttons: dict[str, SimpleNamespace] = {}

    def operator(self, name: str, text: str = "", icon: str = "") -> SimpleNamespace:
        self.buttons[text] = SimpleNamespace(name=name)
        return self.buttons[text]

    def separator(self) -> None: ...

    def column(self) -> _Buttons:
        return self


def test_the_help_menu_opens_the_guide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Pages within the extension, which need no network. tests/docs sees to it that they are there."""
    monkeypatch.setattr(places, "guide_folder", lambda: tmp_path)
    layout = _Buttons()
    SAM3DB_MT_help.draw(SimpleNamespace(layout=layout), bpy.context)
    assert layout.buttons["User Guide"].url == (tmp_path / "index.html").as_uri()


def test_the_guide_names_what_there_is() -> None:
    """Every panel, button and field that it sets in bold has a label of that name."""
    folder = Path(__file__).resolve().parents[2] / "docs" / "guide"
    text = "\n".join(page.read_text(encoding="utf-8") for page in folder.glob("*.md"))
    titles = {label for _, label, _ in _texts()} | {section for _, section, _ in character_panel._SECTIONS}
    # what panels, and the preferences, call a thing instead of its own name
    for panel in Path(character_panel.__file__).parent.rglob("*.py"):
        titles |= set(re.findall(r'text="([^"]+)"', panel.read_text(encoding="utf-8")))
    titles |= {label for _, label, *_ in import_options._known_engines()}
    titles |= {
        "Photo",
        "Draw",
        "To FK",
        "To IK",
        "Fix Left Foot",
        "Fix Right Foot",
    }  # the tab; made where they are drawn
    bold = {" ".join(name.split()) for name in re.findall(r"\*\*([^*]+)\*\*", text)}
    parts = {part for name in bold for part in name.split(" > ")}
    assert len(parts) > 60
    assert sorted(parts - titles) == []


#: Letters that fit beside a checkbox, and on half of a row, in a sidebar of the usual width.
CHECKBOX = 18


def test_labels_of_checkboxes_fit_the_sidebar() -> None:
    """In a column of values Blender cuts the rest off: "Stand Where the P..."."""
    groups = {cls.__name__ for cls in _own(bpy.types.PropertyGroup)}
    long = [
        (place, prop.name)
        for place, prop in _properties()
        if place.partition(".")[0] in groups and prop.type == "BOOLEAN" and not prop.is_hidden
        if len(prop.name) > CHECKBOX
    ]
    assert long == []
