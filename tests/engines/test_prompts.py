"""Prompts: what is read from files and callers, what is refused, and how it is written down."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from native_runtime.engines.estimate import Prompts
from native_runtime.errors import PromptError
from native_runtime.prompts.prompt import check_prompts, keypoint_names, kind_of, read_prompts


def test_places_stay_triples() -> None:
    assert check_prompts([["left_wrist", 1, 2.5], (np.int64(3), np.float32(4), 5, "place")]) == [
        (keypoint_names().index("left_wrist"), 1.0, 2.5),
        (3, 4.0, 5.0),
    ]


@pytest.mark.parametrize("kind", ["ignore", "incorrect"])
def test_other_kinds_are_kept_and_written_down(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "prompts.json"
    # as some editors on Windows write it, with a mark in front
    file.write_text(json.dumps({"keypoints": [["right_elbow", 10, 20, kind], [7, 1, 2]]}), encoding="utf-8-sig")
    prompts = read_prompts(file)
    assert [kind_of(prompt) for prompt in prompts] == [kind, "place"]
    written = {"keypoints": [list(prompt) for prompt in prompts], "mask": True}
    assert Prompts.from_json(json.loads(json.dumps(written))) == Prompts(tuple(prompts), True)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ([7, 1], "x, y"),
        ([7, 1, 2, "place", 3], "x, y"),
        ([7, 1, 2, "wrong"], "kind"),
        ([7, 1, 2, ["place"]], "kind"),
        ([70, 1, 2], "between 0 and 69"),
        ([True, 1, 2], "between 0 and 69"),
        (["third_arm", 1, 2], "no keypoint"),
        ([7, float("nan"), 2], "two numbers"),
        ([7, "1", 2, "ignore"], "two numbers"),
        ("abc", "no keypoint|two numbers|not"),
    ],
)
def test_unusable_prompts_are_refused(entry: object, said: str) -> None:
    with pytest.raises(PromptError, match=said):
        check_prompts([entry])


def test_a_keypoint_is_mentioned_once() -> None:
    with pytest.raises(PromptError, match="left_elbow"):
        check_prompts([[7, 1, 2], [7, 1, 2, "ignore"]])


def test_a_misspelt_name_is_told_the_one_that_is_near() -> None:
    for wrong, meant in (("left_wirst", "left_wrist"), ("Right Knee", "right_knee"), ("nose1", "nose")):
        with pytest.raises(PromptError) as refused:
            check_prompts([[wrong, 1, 2]])
        assert str(refused.value) == f"There is no keypoint {wrong!r}. Did you mean {meant!r}?"
    with pytest.raises(PromptError, match=r"'tail'.*names are those of MHR-70: nose, "):
        check_prompts([["tail", 1, 2]])
