"""One click chooses the sex that a character's body shows, and every inference keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.errors import Sam3dbError
from native_runtime.fitting.shape_prior import sliders_of
from native_runtime.mhr import Body
from native_runtime.pipeline.decoding import encode
from sam3db_blender import places
from sam3db_blender.handles import session, sex, watch
from sam3db_blender.rig.pose import read_shape
from sam3db_blender.scene import edits, snapshots
from sam3db_blender.scene.provenance import read_origin
from sam3db_blender.ui.character_panel import SAM3DB_PT_character
from tests.support.bodies import toy_body
from tests.support.posing_stage import Stage, install_body, set_up, write_photo

GENDER, BREASTS, WEIGHT = "Body: gender", "Body: breasts", "Body: weight"


def sexed_body() -> Body:
    """A toy body with the sliders of sex, and one more."""
    body = toy_body(identity_count=5, name="small")
    names = ("gender", "breasts", "weight", "face_gender", "hand_gender")
    return replace(body, identity_names=names, identity_groups=("body", "body", "body", "head", "hands"))


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    body = sexed_body()
    install_body(body, tmp_path / "models")
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    return set_up(body, tmp_path, write_photo(tmp_path))


@pytest.fixture
def operators(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The extension, whose loop is the stage's; questions are only asked, as in a window."""
    monkeypatch.setattr(watch, "loop", stage.loop)
    monkeypatch.setattr(watch, "refresh", lambda rig: stage.loop.ask(stage.character.id))
    sam3db_blender.register()
    bpy.context.view_layer.objects.active = stage.rig
    yield
    sam3db_blender.unregister()


def shape(stage: Stage) -> dict[str, float]:
    return dict(zip(stage.body.identity_names, read_shape(stage.rig, stage.body)[0].tolist(), strict=True))


def asked(stage: Stage) -> dict[str, object]:
    return encode(session.request_for(stage.rig))


@pytest.mark.parametrize("choice", ["female", "male", "neutral"])
def test_a_choice_sets_the_sliders_and_asks_for_a_fit(stage: Stage, operators: None, choice: str) -> None:
    weight = shape(stage)["weight"]
    assert bpy.ops.sam3db.choose_sex(sex=choice) == {"FINISHED"}
    wanted = sliders_of(stage.body, choice)  # type: ignore[arg-type]
    found = read_shape(stage.rig, stage.body)[0]
    assert found[list(wanted)] == pytest.approx(list(wanted.values()), abs=1e-5)
    assert shape(stage)["weight"] == weight
    stage.wait()
    assert stage.worker.asked[-1]["sex"] == choice
    # It is no edit by hand: the fit is free to shape the body around it.
    assert "edits" not in stage.worker.asked[-1]


def test_every_inference_keeps_the_choice(stage: Stage, operators: None) -> None:
    bpy.ops.sam3db.choose_sex(sex="male")
    for seed in (7, 8):
        stage.wait()
        stage.answer(seed)
        assert asked(stage)["sex"] == "male"
        stage.loop.ask(stage.character.id)
    assert snapshots.entries(stage.rig)[1][0] == "Sex: Man"
    bpy.ops.sam3db.choose_sex(sex="automatic")
    assert "sex" not in asked(stage)


def test_a_choice_replaces_what_was_done_by_hand_on_these_sliders_alone(stage: Stage, operators: None) -> None:
    stage.rig[GENDER], stage.rig[WEIGHT] = 0.4, 1.5
    stage.rig.update_tag()
    bpy.ops.sam3db.choose_sex(sex="female")
    sent = session.request_for(stage.rig).edits
    assert sent is not None
    assert sent.identity == pytest.approx({2: 1.5})
    # What is done later stands against the choice.
    stage.rig[BREASTS] = 1.2
    stage.rig.update_tag()
    sent = session.request_for(stage.rig).edits
    assert sent is not None
    assert sent.identity == pytest.approx({1: 1.2, 2: 1.5})


def test_going_back_takes_the_choice_along(stage: Stage, operators: None) -> None:
    bpy.ops.sam3db.choose_sex(sex="male")
    stage.wait()
    stage.answer(7, looks={"sex": "male", "stated": True, "certainty": 1.0})
    times = dict(snapshots.entries(stage.rig))
    session.go_back(stage.rig, times["Import"])
    assert sex.chosen_sex(stage.rig, read_origin(stage.rig)) is None
    session.go_back(stage.rig, times["Sex: Man"])
    assert sex.chosen_sex(stage.rig, read_origin(stage.rig)) == "male"


def test_without_the_photo_the_sliders_follow_all_the_same(stage: Stage, operators: None, tmp_path: Path) -> None:
    (tmp_path / "photo.png").unlink()
    for image in list(bpy.data.images):
        bpy.data.images.remove(image)
    assert bpy.ops.sam3db.choose_sex(sex="female") == {"FINISHED"}
    assert shape(stage)["gender"] < -0.5
    assert edits.notice(stage.rig, stage.body).mine == {}
    stage.wait()
    assert stage.worker.asked == []


def test_a_linked_character_is_left_alone(stage: Stage, operators: None, tmp_path: Path) -> None:
    blend = tmp_path / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    name = stage.rig.name
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(str(blend), link=True) as (_source, wanted):
        wanted.objects = [name]
    (rig,) = wanted.objects
    before = json.dumps(sorted(map(str, rig.items())))
    with pytest.raises(Sam3dbError, match="library override"):
        sex.choose(rig, "male")
    assert json.dumps(sorted(map(str, rig.items()))) == before


def test_a_body_without_the_sliders_has_nothing_to_choose(
    small_body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_body(small_body, tmp_path / "models")
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    stage = set_up(small_body, tmp_path, write_photo(tmp_path))
    before = np.concatenate(read_shape(stage.rig, stage.body))
    assert not sex.can_choose(stage.rig, read_origin(stage.rig))
    with pytest.raises(Sam3dbError, match="no sliders"):
        sex.choose(stage.rig, "male")
    np.testing.assert_array_equal(np.concatenate(read_shape(stage.rig, stage.body)), before)


class Drawing:
    """A layout that notes what is drawn."""

    def __init__(self) -> None:
        self.labels: list[str] = []
        self.buttons: dict[str, tuple[str, bool]] = {}

    def column(self, align: bool = False) -> Drawing:
        return self

    row = column

    def label(self, text: str, icon: str) -> None:
        self.labels.append(text)

    def operator(self, name: str, text: str, depress: bool) -> Any:
        assert name == "sam3db.choose_sex"
        drawing = self

        class Button:
            def __setattr__(self, key: str, value: str) -> None:
                assert key == "sex"
                drawing.buttons[text] = value, depress

        return Button()


def test_the_panel_shows_the_choice(stage: Stage, operators: None) -> None:
    assert sex.can_choose(stage.rig, read_origin(stage.rig))

    def drawn() -> dict[str, tuple[str, bool]]:
        panel = SimpleNamespace(layout=Drawing())
        SAM3DB_PT_character._draw_sex(panel, stage.rig, read_origin(stage.rig))  # type: ignore[arg-type]
        assert panel.layout.labels
        buttons: dict[str, tuple[str, bool]] = panel.layout.buttons
        return buttons

    assert drawn()["Automatic"] == ("automatic", True)
    bpy.ops.sam3db.choose_sex(sex="female")
    assert drawn() == {
        "Automatic": ("automatic", False),
        "Woman": ("female", True),
        "Man": ("male", False),
        "Neutral": ("neutral", False),
    }


@pytest.mark.parametrize(
    ("looks", "words"),
    [
        ({}, ""),
        ({"sex": "female", "certainty": 1.0, "age": 27.3}, "Woman, about 27, by the face"),
        ({"sex": "male", "certainty": 0.3, "age": None}, "Perhaps a man, by the face"),
        ({"sex": "unknown", "certainty": 0.0, "age": 41.0}, "Not clear from the face, about 41"),
        ({"sex": "male", "stated": True, "certainty": 1.0}, "Chosen by you"),
    ],
)
def test_the_panel_says_what_the_face_says(looks: dict[str, object], words: str) -> None:
    assert sex.in_words(looks) == words
