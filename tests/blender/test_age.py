"""The age of a character: typed in the panel, and characters made before bodies knew ages."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.characters.ages import lengths_of
from native_runtime.mhr import Body
from sam3db_blender.rig.pose import read_settings
from sam3db_blender.scene import edits
from sam3db_blender.scene.bodies import body_of, fitting, knows_ages
from tests.support.bodies import aged
from tests.support.photo_scenes import photo_scene


@pytest.fixture
def add_on() -> Iterator[None]:
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


@pytest.fixture(scope="module")
def growing(small_body: Body) -> Body:
    """A made-up body that knows ages."""
    return aged(small_body)


def test_the_age_is_typed(add_on: None, growing: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = photo_scene(growing).characters[0].rig
    monkeypatch.setattr("sam3db_blender.scene.bodies.body_of", lambda rig, exact=False: growing)
    bpy.context.view_layer.objects.active = rig
    before = read_settings(rig, growing)
    assert bpy.ops.sam3db.set_age(years=5.0, sex="male") == {"FINISHED"}
    after = read_settings(rig, growing)
    childhood = growing.identity_names.index("childhood")
    assert after.identity[childhood] == pytest.approx(before.identity[childhood] + 1.0, abs=0.05)
    moved = lengths_of(growing.ages)  # type: ignore[arg-type]
    thigh = growing.parameter_index("scale_uplegs")
    assert moved[thigh]
    assert after.model_parameters[thigh] < before.model_parameters[thigh] - 1.0
    moved[:3] = True
    np.testing.assert_allclose(after.model_parameters[~moved], before.model_parameters[~moved], atol=1e-4)
    np.testing.assert_allclose(after.expression, before.expression, atol=1e-6)
    # the artist's own work, as if done with sliders
    assert edits.notice(rig, growing).mine[thigh] == pytest.approx(after.model_parameters[thigh], abs=1e-4)
    assert {"REGISTER", "UNDO"} <= bpy.types.SAM3DB_OT_set_age.bl_options
    field = bpy.ops.sam3db.set_age.get_rna_type().properties["years"]
    assert (field.hard_min, field.hard_max) == (5.0, 90.0)


def test_a_body_that_knows_no_ages_says_so(add_on: None, small_body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = photo_scene(small_body).characters[0].rig
    monkeypatch.setattr("sam3db_blender.scene.bodies.body_of", lambda rig, exact=False: small_body)
    bpy.context.view_layer.objects.active = rig
    assert not knows_ages(rig)
    with pytest.raises(RuntimeError, match="knows no ages"):
        bpy.ops.sam3db.set_age(years=8.0)


def test_characters_made_before_keep_their_body(
    small_body: Body, growing: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rig without sliders of ages is read and changed with the body as it was, whatever is installed now."""
    old, new = (photo_scene(body).characters[0].rig for body in (small_body, growing))
    monkeypatch.setattr("sam3db_blender.scene.bodies.installed_body", lambda name: growing)
    assert knows_ages(new)
    assert not knows_ages(old)
    assert body_of(new) is growing
    body = body_of(old)
    assert body.hash == small_body.hash
    assert body_of(old, exact=True) is body, "the very same body as it was made of"
    assert len(read_settings(old, body).identity) == small_body.identity_count
    assert fitting(old, small_body) is small_body
