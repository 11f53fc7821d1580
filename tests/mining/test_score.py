"""The score: a probability that grows with the signs, and that nothing unknown changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from native_runtime.mining.judging import REASONS
from native_runtime.mining.score import ScoreModel
from native_runtime.mining.signs import NAMES, Signs

MODEL = ScoreModel.from_json({"offset": -2.0, "signs": {"disagreement": [0.02, 0.01, 0.0, 0.1, 1.5]}})


def test_unknown_signs_change_nothing() -> None:
    assert MODEL.score(Signs()) == pytest.approx(1 / (1 + 2.718281828**2))
    assert MODEL.score(Signs(disagreement=0.02)) == pytest.approx(MODEL.score(Signs()))


def test_it_grows_with_a_sign_up_to_its_cap() -> None:
    scores = [MODEL.score(Signs(disagreement=value)) for value in (0.0, 0.02, 0.05, 0.1, 5.0)]
    assert scores[0] < scores[1] < scores[2] < scores[3] == scores[4] <= 1.0


def test_the_parts_add_up() -> None:
    signs = Signs(disagreement=0.06, outline=0.4, hidden=0.2)
    model = ScoreModel.load()
    odds = model.score(signs) / (1 - model.score(signs))
    assert odds == pytest.approx(2.718281828459045 ** (model.offset + sum(model.parts(signs).values())))


def test_the_programs_own_model_ranks_wrong_estimates_higher() -> None:
    right = Signs(disagreement=0.01, worst_disagreement=0.02, outline=0.1, residual=0.003, worst_residual=0.006,
                  hidden=0.1, outside=0.0, unseen=0.0, faint=0.0, depth=0.02)  # fmt: skip
    wrong = replace(right, disagreement=0.07, worst_disagreement=0.1, outline=0.45, residual=0.03, worst_residual=0.06)
    model = ScoreModel.load()
    assert model.score(right) < 0.3 < model.score(wrong)


def test_every_sign_has_a_reason() -> None:
    assert set(REASONS) == set(NAMES)


def test_json_has_no_nan() -> None:
    assert Signs(blur=1.23456).to_json()["blur"] == 1.2346
    assert Signs().to_json()["flip"] is None
