"""Messages of the command line as an artist reads them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sam3db_blender.body_files import title_of
from sam3db_blender.wording import for_artists, from_worker


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
    places = ("models/store.py", "models/manifest.py", "models/sam3d_body", "engines", "onnx", "mhr", "service")
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


@pytest.mark.parametrize(
    ("name", "title"), [("default", "Fine"), ("default-lod1", "Medium"), ("mhr-lod3", "MHR Level 3"), ("mine", "mine")]
)
def test_bodies_are_called_the_same_everywhere(name: str, title: str) -> None:
    assert title_of(name) == title
