"""Presets as plain functions: reset, randomise, copy, blend, symmetrise, and their file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.characters.exchange import from_json, load_settings, save_settings, to_json, transfer
from native_runtime.characters.parts import PARTS
from native_runtime.characters.presets import blend, copy, lopsided, paired, randomise, reset, symmetrise
from native_runtime.characters.settings import CharacterSettings, parameters_of
from native_runtime.errors import NewerFormatError, UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix


def _settings(body: Body, seed: int = 0) -> CharacterSettings:
    rng = np.random.default_rng(seed)
    settings = randomise(body, CharacterSettings.neutral(body), PARTS, rng)
    settings.model_parameters[:6] = rng.normal(0, 1, 6)
    return settings


def test_reset_leaves_the_other_parts(any_body: Body) -> None:
    settings = _settings(any_body)
    for part in PARTS:
        fresh = reset(any_body, settings, [part])
        for other in ("pose", "skeleton"):
            own = parameters_of(any_body, other)
            wanted = np.zeros(204) if other == part else settings.model_parameters
            assert np.array_equal(fresh.model_parameters[own], wanted[own])
        assert np.array_equal(fresh.identity, settings.identity * (part != "shape"))
        assert np.array_equal(fresh.expression, settings.expression * (part != "expression"))
    assert settings.model_parameters.any()


def test_random_characters_keep_the_limits(any_body: Body) -> None:
    seen = []
    for seed in range(30):
        settings = randomise(any_body, CharacterSettings.neutral(any_body), PARTS, np.random.default_rng(seed))
        assert (settings.model_parameters >= any_body.limit_min).all()
        assert (settings.model_parameters <= any_body.limit_max).all()
        assert (settings.identity >= any_body.identity_min).all()
        assert (settings.identity <= any_body.identity_max).all()
        assert ((settings.expression >= 0) & (settings.expression <= 1)).all()
        assert not settings.model_parameters[:6].any()
        seen.append(settings.model_parameters)
    again = randomise(any_body, CharacterSettings.neutral(any_body), PARTS, np.random.default_rng(0))
    assert np.array_equal(again.model_parameters, seen[0])
    # the whole range is used, and less of it when less is wanted
    arm = any_body.parameter_index("scale_uparms")
    assert max(p[arm] for p in seen) > 0.5
    calm = randomise(any_body, again, ["skeleton"], np.random.default_rng(0), amount=0.1)
    own = parameters_of(any_body, "skeleton")
    assert calm.model_parameters[own] == pytest.approx(0.1 * seen[0][own])
    assert np.array_equal(calm.model_parameters[~own], again.model_parameters[~own])


def test_symmetric_characters_are_symmetric(default_body_path: Path) -> None:
    body = Body.load(default_body_path)
    settings = replace(_settings(body, 3), identity=np.zeros(body.identity_count))
    settings.model_parameters[:6] = 0
    for side in ("left", "right"):
        even = symmetrise(body, settings, PARTS, side=side, straighten=True)
        joints = body.pose(even.model_parameters).translations
        for i, name in enumerate(body.joint_names):
            if name.startswith("l_"):
                twin = joints[body.joint_index("r_" + name[2:])]
                assert joints[i] * (-1, 1, 1) == pytest.approx(twin, abs=1e-9), name
        kept = body.parameter_index(f"{side[0]}_elbow_bend")
        assert even.model_parameters[kept] == settings.model_parameters[kept]
    smile = [body.expression_names.index(f"mouthSmile{side}") for side in ("Left", "Right")]
    settings.expression[smile] = (0.8, 0.1)
    assert symmetrise(body, settings, ["expression"]).expression[smile] == pytest.approx([0.8, 0.8])
    # without straightening, the spine keeps its twist
    twist = body.parameter_index("spine_twist0")
    assert symmetrise(body, settings, PARTS).model_parameters[twist] == settings.model_parameters[twist]
    assert twist in lopsided(body)
    assert body.parameter_index("spine_bend0") not in lopsided(body)


def test_pairs() -> None:
    names = [
        "l_uparm_ry",
        "r_uparm_ry",
        "leg_length",
        "scale_l_hands",
        "scale_r_hands",
        "eyeLeft",
        "eyeRight",
        "l_lone",
    ]
    assert paired(names) == [(0, 1), (3, 4), (5, 6)]


def test_blending(any_body: Body) -> None:
    first, second = _settings(any_body, 1), _settings(any_body, 2)
    assert blend(any_body, first, second, 0.0, PARTS).model_parameters == pytest.approx(first.model_parameters)
    end = blend(any_body, first, second, 1.0, PARTS)
    assert end.model_parameters[6:] == pytest.approx(second.model_parameters[6:])
    assert end.model_parameters[:3] == pytest.approx(first.model_parameters[:3])
    assert euler_to_matrix(end.model_parameters[3:6]) == pytest.approx(
        euler_to_matrix(second.model_parameters[3:6]), abs=1e-9
    )
    half = blend(any_body, first, second, 0.5, ["shape"])
    assert half.identity == pytest.approx((first.identity + second.identity) / 2)
    assert np.array_equal(half.model_parameters, first.model_parameters)
    # an angle goes the short way
    elbow = any_body.parameter_index("l_elbow_bend")
    first.model_parameters[elbow], second.model_parameters[elbow] = 3.0, -3.0
    assert abs(blend(any_body, first, second, 0.5, ["pose"]).model_parameters[elbow]) == pytest.approx(np.pi)
    # half way turns half as far
    first.model_parameters[3:6], second.model_parameters[3:6] = 0, (0.8, 0, 0)
    assert blend(any_body, first, second, 0.5, ["pose"]).model_parameters[3:6] == pytest.approx([0.4, 0, 0])


def test_copy_keeps_the_place(any_body: Body) -> None:
    first, second = _settings(any_body, 1), _settings(any_body, 2)
    assert np.array_equal(copy(any_body, first, second, PARTS).model_parameters[:3], first.model_parameters[:3])
    assert np.array_equal(copy(any_body, first, second, PARTS, place=True).model_parameters, second.model_parameters)


def test_file_and_back(any_body: Body, tmp_path: Path) -> None:
    settings = _settings(any_body)
    beyond = np.zeros((127, 7))
    beyond[any_body.joint_index("c_jaw"), 3] = 0.25
    settings = replace(settings, beyond=beyond)
    path = tmp_path / "größe.json"
    save_settings(path, any_body, settings)
    assert [p.name for p in tmp_path.iterdir()] == ["größe.json"]
    again, notes = load_settings(path, any_body, CharacterSettings.neutral(any_body), place=True)
    for name in ("model_parameters", "identity", "expression", "beyond"):
        assert np.array_equal(getattr(again, name), getattr(settings, name))
    assert notes == []
    # a file with one part touches that part alone
    save_settings(path, any_body, settings, ["skeleton"])
    base = _settings(any_body, 5)
    again, _ = load_settings(path, any_body, base)
    own = parameters_of(any_body, "skeleton")
    assert np.array_equal(again.model_parameters, np.where(own, settings.model_parameters, base.model_parameters))
    assert np.array_equal(again.identity, base.identity)


def test_another_body_takes_what_it_knows(small_body: Body, default_body_path: Path) -> None:
    default = Body.load(default_body_path)
    settings = _settings(default)
    again, notes = transfer(small_body, CharacterSettings.neutral(small_body), default, settings, PARTS, place=True)
    assert np.array_equal(again.model_parameters, settings.model_parameters)
    assert again.identity[0] == settings.identity[0]  # both have 'weight'
    assert again.identity[1:].tolist() == [0, 0]
    assert len(notes) == 1
    assert "'muscle'" in notes[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "no character settings"),
        ({"format": "sam3db-estimate/1"}, "no character settings"),
        ({"format": "sam3db-settings/1"}, "contains no part"),
        ({"format": "sam3db-settings/1", "parts": ["pose"], "parameters": [1]}, "has no names"),
        ({"format": "sam3db-settings/1", "parts": ["pose"], "parameters": {"l_elbow_bend": "much"}}, "not a number"),
        ({"format": "sam3db-settings/1", "parts": ["pose"], "parameters": {"l_elbow_bend": np.inf}}, "not a number"),
        ({"format": "sam3db-settings/1", "parts": ["pose"], "parameters": {"l_elbow_bend": True}}, "not a number"),
        ({"format": "sam3db-settings/1", "parts": ["shape"], "identity": {"weight": 99}}, "beyond"),
    ],
)
def test_bad_files_are_refused(small_body: Body, content: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        from_json(small_body, content, CharacterSettings.neutral(small_body))


def test_settings_of_a_newer_version_are_refused(small_body: Body) -> None:
    content = {"format": "sam3db-settings/9", "parts": ["pose"]}
    with pytest.raises(NewerFormatError, match=r"newer version of this program\. Update the program to read it\."):
        from_json(small_body, content, CharacterSettings.neutral(small_body))


def test_unreadable_files(small_body: Body, tmp_path: Path) -> None:
    base = CharacterSettings.neutral(small_body)
    with pytest.raises(UsageError, match="Cannot read"):
        load_settings(tmp_path / "none.json", small_body, base)
    (tmp_path / "a.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(UsageError, match="not JSON"):
        load_settings(tmp_path / "a.json", small_body, base)
    (tmp_path / "b.json").write_text("[" * 100_000)
    with pytest.raises(UsageError, match="not JSON"):
        load_settings(tmp_path / "b.json", small_body, base)
    with pytest.raises(UsageError, match="Cannot write"):
        save_settings(tmp_path / "no" / "c.json", small_body, base)
    assert json.loads(json.dumps(to_json(small_body, base)))["format"] == "sam3db-settings/1"
