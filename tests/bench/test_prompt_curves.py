"""The curves of prompts measure what they say, on models whose every answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.prompt_curves.__main__ import BODY, SCORED, Curves, error
from bench.prompt_curves.models import MODES, Answer, Case, EnginePerson, in_modes
from native_runtime.dataset.rows import Row
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import Prompt
from native_runtime.prompts.quality.anatomy import mirrors
from tests.support import pictured


class Obedient:
    """Sees everybody 10 cm too far right but for the hips, and puts a keypoint where it is told, at its true depth."""

    def __init__(self, row: Row) -> None:
        self._row, self.asked = row, list[Sequence[Prompt]]()
        off = np.ones(70)
        off[[9, 10]] = 0.0
        self._start = row.keypoints_3d[:, :3] + 0.1 * off[:, None] * [1.0, 0.0, 0.0]

    def answer(self, prompts: Sequence[Prompt]) -> Answer:
        self.asked.append(tuple(prompts))
        points, lens = self._start.copy(), self._row.intrinsics
        for keypoint, x, y in prompts:
            depth = self._row.keypoints_3d[keypoint, 2]
            points[keypoint] = depth * np.linalg.solve(lens, [x, y, 1.0])
        pixels = points @ lens.T
        far = {k for k, x, y in prompts if np.hypot(*(self._row.keypoints_2d[k, :2] - [x, y])) > 5}
        return Answer(pixels[:, :2] / pixels[:, 2:], points, frozenset(far))


@pytest.fixture
def row(tmp_path: Path, default_body_path: Path, rng: np.random.Generator) -> Row:
    return pictured.data_set(tmp_path, Body.load(default_body_path), rng, 1)[0][0]


@pytest.fixture
def case(row: Row) -> Case:
    model = Obedient(row)
    return Case("one", row, np.ones(70, bool), model, model.answer(()))


def test_gains_losses_and_warnings_are_counted(case: Case) -> None:
    curves = Curves()
    curves.measure(case, np.random.default_rng(0))
    table = curves.table()
    kept = len(SCORED) - 2
    before = 1000 * 0.1 * kept / len(SCORED)
    assert error(case.first, case) == pytest.approx(before)
    # hips are right, so that each prompt mends one of the others: 10 cm of one of the scored keypoints
    for count in (1, 2, 3, 5):
        row = table[f"{count} at the worst joints"]
        assert row["before"] - row["after"] == pytest.approx(count * 100 / len(SCORED))
        assert (row["people"], row["helps"], row["flagged"]) == (1, 100, 0)
    assert table["1 at the worst joint, noise 10%"]["after"] > table["1 at the worst joints"]["after"]
    assert table["1 on the wrong side"]["flagged"] == 100


def test_prompts_are_at_true_places_and_noise_within_its_bounds(case: Case) -> None:
    Curves().measure(case, np.random.default_rng(1))
    true, model = case.row.keypoints_2d[:, :2], case.model
    assert isinstance(model, Obedient)
    side = float((case.row.box[2:] - case.row.box[:2]).max())
    chain, noisy = model.asked[1:6], [model.asked[number][0] for number in (6, 7, 9, 10)]
    assert [len(prompts) for prompts in chain] == [1, 2, 3, 4, 5]
    assert len({k for k, *_ in chain[-1]}) == 5
    for k, x, y in chain[-1]:
        assert k in BODY
        np.testing.assert_allclose([x, y], true[k])
    for (k, x, y), most in zip(noisy, (0.05, 0.1, 0.05, 0.1)):
        off = np.abs([x, y] - true[k])
        assert 0 < off.max() <= most * side
    ((k, x, y),) = model.asked[-1]
    np.testing.assert_allclose([x, y], true[mirrors()[k]])


def test_an_engine_is_told_how_prompts_are_put(case: Case) -> None:
    told: list[dict[str, Any]] = []

    class Reading:
        def estimate(self, person: int, prompts: Sequence[Prompt], **said: Any) -> Any:
            told.append(said)
            first = case.first
            warned = {"prompt_warnings": [{"keypoint": prompts[0][0]}]}
            return SimpleNamespace(keypoints_2d=first.keypoints_2d, keypoints_3d=first.keypoints_3d, details=warned)

    asked = in_modes(replace(case, model=EnginePerson(Reading(), 0, {})), MODES, 0.03)
    assert [set(one.model.answer([(7, 1.0, 2.0)]).flagged) for one in asked.values()] == [{7}] * 3
    assert dict(zip(asked, told)) == {
        "exact": {}, "whole-body": {"prompt_error": 0.03, "snap": True}, "may-be-off": {"prompt_error": 0.03},
    }  # fmt: skip
    with pytest.raises(TypeError, match="Only engines"):
        in_modes(case, MODES, 0.03)


def test_a_network_in_training_gets_prompts_where_its_crop_has_them(
    tmp_path: Path, models: Path, rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch", reason="training needs PyTorch")
    from bench.prompt_curves.networks import network_cases
    from native_runtime.dataset.annotations import stacked
    from native_runtime.dataset.pictures import PictureFolder
    from native_runtime.training.data import CropSettings, PeopleInPictures
    from tests.training.tiny import SIDE, tiny_branch

    body = Body.load(models / "bodies" / "default-lod2.npz")
    entries, branch = pictured.data_set(tmp_path, body, rng, 1), tiny_branch(body)
    head = branch.network.part("head_pose", "body")
    data = PeopleInPictures(
        stacked(entries), PictureFolder(tmp_path), {name: b.numpy() for name, b in head.named_buffers()},
        CropSettings(SIDE, body=body.hash),
    )  # fmt: skip
    seen: list[Any] = []
    answer = branch.answer
    branch.answer = lambda read, crops, prompts, previous: (  # type: ignore[method-assign]
        seen.append((prompts, previous)) or answer(read, crops, prompts, previous)
    )
    (case,) = network_cases(branch, data, [entries[0][0]])
    x, y = entries[0][0].keypoints_2d[7, :2]
    case.model.answer([(7, float(x), float(y))])
    prompts, previous = seen[-1]
    place = data.batch([0]).people.keypoints_2d[0, 7] + 0.5
    torch.testing.assert_close(prompts[0, 1], torch.tensor([*place, 7.0]), atol=1e-4, rtol=0)
    assert previous is not None
    assert seen[0][1] is None
