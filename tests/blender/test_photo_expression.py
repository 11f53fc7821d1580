"""The expression that was read from a photo: more or less of it, none of it, and through every inference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.engines.faces import FACE
from native_runtime.mhr import Body
from sam3db_blender import places
from sam3db_blender.handles import session, watch
from sam3db_blender.rig.pose import read_shape
from sam3db_blender.scene.photo_face import photo_expression, read_of
from sam3db_blender.scene.provenance import read_origin
from tests.support.bodies import toy_body
from tests.support.posing_stage import Stage, estimate_of_person, install_body, set_up, write_photo

NAMES = ("browInnerUp", "jawOpen", "mouthSmileLeft", "eyeBlinkLeft")


def expressive_body() -> Body:
    """A toy body with shapes of brows, jaw and mouth."""
    return replace(toy_body(expression_count=len(NAMES), name="small"), expression_names=NAMES)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    body = expressive_body()
    install_body(body, tmp_path / "models")
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    return set_up(body, tmp_path, write_photo(tmp_path))


@pytest.fixture
def operators(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(watch, "loop", stage.loop)
    monkeypatch.setattr(watch, "refresh", lambda rig: stage.loop.ask(stage.character.id))
    sam3db_blender.register()
    bpy.context.view_layer.objects.active = stage.rig
    yield
    sam3db_blender.unregister()


def shown(stage: Stage) -> np.ndarray:
    return read_shape(stage.rig, stage.body)[1]


def answer(stage: Stage, expression: list[float], without: dict[str, Any] | None = None, seed: int = 7) -> None:
    """The worker answers a question with an expression; `without`: what it had in place of edits."""
    stage.loop.ask(stage.character.id)
    stage.wait()
    details: dict[str, Any] = {FACE: {"why": "", "confidence": {"jawOpen": 0.9}}}
    if without is not None:
        details["without_edits"] = without
    estimate = estimate_of_person(stage.body, seed, **details)
    state = replace(estimate.state, expression=np.array(expression))
    stage.worker.answer(estimate.with_state(stage.body, state))
    stage.wait(0.2)
    stage.wait(0.0)
    bpy.context.view_layer.update()


READ = [0.2, 0.4, 0.5, 0.0]


def test_an_answer_shows_the_expression_that_was_read(stage: Stage, operators: None) -> None:
    answer(stage, READ)
    np.testing.assert_allclose(shown(stage), READ, atol=1e-6)
    assert read_of(read_origin(stage.rig))["confidence"] == {"jawOpen": 0.9}
    assert session.request_for(stage.rig).edits is None


def test_strength_and_mouth_scale_it_from_the_photo_each_time(stage: Stage, operators: None) -> None:
    answer(stage, READ)
    assert bpy.ops.sam3db.photo_expression(strength=0.5, mouth=2.0) == {"FINISHED"}
    np.testing.assert_allclose(shown(stage), [0.1, 0.4, 0.5, 0.0], atol=1e-6)
    assert bpy.ops.sam3db.photo_expression(strength=2.0, mouth=1.0) == {"FINISHED"}
    np.testing.assert_allclose(shown(stage), [0.4, 0.8, 1.0, 0.0], atol=1e-6)
    assert bpy.ops.sam3db.photo_expression() == {"FINISHED"}
    np.testing.assert_allclose(shown(stage), READ, atol=1e-6)


def test_what_was_set_stays_through_inferences_and_the_photo_is_not_forgotten(stage: Stage, operators: None) -> None:
    answer(stage, READ)
    bpy.ops.sam3db.photo_expression(strength=0.5, mouth=1.0)
    half = [0.1, 0.2, 0.25, 0.0]
    sent = session.request_for(stage.rig).edits
    assert sent is not None
    assert sent.expression == pytest.approx({0: 0.1, 1: 0.2, 2: 0.25})
    answer(stage, half, {"expression": {"0": 0.2, "1": 0.4, "2": 0.5}}, seed=8)
    np.testing.assert_allclose(shown(stage), half, atol=1e-6)
    np.testing.assert_allclose(photo_expression(stage.rig, stage.body), READ, atol=1e-6)
    bpy.ops.sam3db.photo_expression(strength=1.0, mouth=1.0)
    np.testing.assert_allclose(shown(stage), READ, atol=1e-6)


def test_neutral_stays_neutral(stage: Stage, operators: None) -> None:
    answer(stage, READ)
    assert bpy.ops.sam3db.reset_character(parts={"expression"}) == {"FINISHED"}
    assert not shown(stage).any()
    sent = session.request_for(stage.rig).edits
    assert sent is not None
    assert sent.expression == pytest.approx({0: 0.0, 1: 0.0, 2: 0.0})
    answer(stage, [0.0] * 4, {"expression": {"0": 0.2, "1": 0.4, "2": 0.5}}, seed=8)
    assert not shown(stage).any()


def test_where_nothing_was_read_it_says_so(stage: Stage, operators: None) -> None:
    before = shown(stage)
    with pytest.raises(RuntimeError, match="No expression was read"):
        bpy.ops.sam3db.photo_expression(strength=2.0)
    np.testing.assert_array_equal(shown(stage), before)
