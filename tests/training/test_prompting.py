"""What a network in training is told: mostly the truth about its worst keypoint, and the mistakes that people make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")

from native_runtime.network.conditioning import LABEL_INCORRECT, LABEL_NONE  # noqa: E402
from native_runtime.prompts.prompt import keypoint_names  # noqa: E402
from native_runtime.training.prompting.keypoints import (  # noqa: E402
    BODY_KEYPOINTS,
    Prompts,
    PromptSampler,
    PromptSettings,
)
from native_runtime.training.prompting.masks import MaskSettings, draw_masks  # noqa: E402
from native_runtime.training.randomness import generator  # noqa: E402

Tensor = torch.Tensor

NEVER = PromptSettings(none=0, worst=1, body=0, several=0, noisy=0, negative=0, wrong_side=0, outside=0)
PEOPLE = 200


@pytest.fixture
def scene() -> tuple[Tensor, Tensor, Tensor]:
    """Truth, what is known, and an answer whose errors all differ."""
    generator = torch.Generator().manual_seed(3)
    truth = 0.7 * (torch.rand(PEOPLE, 70, 2, generator=generator) - 0.5)
    return truth, torch.ones(PEOPLE, 70), truth + 0.1 * torch.randn(PEOPLE, 70, 2, generator=generator)


@pytest.fixture
def draw() -> Callable[..., Prompts]:
    """Prompts for the scene, with settings that differ from ``NEVER``."""
    return lambda scene, **changes: PromptSampler(replace(NEVER, **changes)).draw(*scene, _generators(len(scene[0])))


def test_the_worst_keypoint_is_said_where_it_is(
    scene: tuple[Tensor, Tensor, Tensor], draw: Callable[..., Prompts]
) -> None:
    truth, known, answer = scene
    known = known.clone()
    known[:, :20] = 0
    error = torch.linalg.vector_norm(answer - truth, dim=2) * known
    error[:, list(BODY_KEYPOINTS)] = 0
    prompts = draw((truth, known, answer))
    worst = error.argmax(1)
    assert prompts.points.shape == (PEOPLE, 1, 3)
    assert torch.equal(prompts.points[:, 0, 2].long(), worst)
    places = truth[torch.arange(PEOPLE), worst] + 0.5
    assert torch.allclose(prompts.points[:, 0, :2], places, atol=1e-6)
    assert torch.equal(prompts.truthful.argmax(1), worst)
    assert torch.equal(prompts.truthful.sum(1), torch.ones(PEOPLE))


def test_a_right_answer_needs_no_prompt(scene: tuple[Tensor, Tensor, Tensor], draw: Callable[..., Prompts]) -> None:
    truth, known, _ = scene
    prompts = draw((truth, known, truth + 1e-4))
    assert (prompts.points[..., 2] == LABEL_NONE).all()
    assert prompts.truthful.sum() == 0
    unknown = draw((truth, 0 * known, truth + 1.0))
    assert (unknown.points[..., 2] == LABEL_NONE).all()


def test_several_prompts_name_different_keypoints(scene: tuple[Tensor, Tensor, Tensor]) -> None:
    sampler = PromptSampler(replace(NEVER, several=1.0, most=4, body=0.5))
    counts = {sampler.count(generator("count", number)) for number in range(40)}
    assert counts == {1, 2, 3, 4}
    assert PromptSampler(NEVER).count(generator("count")) == 1
    prompts = sampler.draw(*scene, _generators(PEOPLE), count=4)
    assert prompts.points.shape[1] == 4
    for labels in prompts.points[..., 2].long().tolist():
        said = [label for label in labels if label != LABEL_NONE]
        assert 1 <= len(said) == len(set(said))


def test_what_one_is_told_does_not_depend_on_the_others(scene: tuple[Tensor, Tensor, Tensor]) -> None:
    sampler = PromptSampler(PromptSettings())
    together = sampler.draw(*scene, _generators(PEOPLE), count=3)
    alone = sampler.draw(*(part[7:8] for part in scene), [generator("test", 7)], count=3)
    assert torch.equal(alone.points[0], together.points[7])
    assert torch.equal(alone.truthful[0], together.truthful[7])


def test_mistakes_happen_as_often_as_they_should_and_are_not_held_to(
    scene: tuple[Tensor, Tensor, Tensor], draw: Callable[..., Prompts]
) -> None:
    truth, known, answer = scene
    rows, names = torch.arange(PEOPLE), keypoint_names()
    noisy = draw((truth, known, answer), noisy=1.0, noise=0.1)
    off = (noisy.points[:, 0, :2] - 0.5 - truth[rows, noisy.points[:, 0, 2].long()]).abs()
    assert off.max() <= 0.1 + 1e-6
    assert 0.04 < off.mean() < 0.06
    assert noisy.truthful.sum() == PEOPLE

    sides = draw((truth, known, answer), wrong_side=1.0, body=1.0)
    said = sides.points[:, 0, 2].long()
    meant = torch.linalg.vector_norm(truth + 0.5 - sides.points[:, :1, :2], dim=2).argmin(1)
    assert sides.truthful.sum() == 0
    for one, other in zip(said.tolist(), meant.tolist()):
        assert {names[one].split("_")[0], names[other].split("_")[0]} == {"left", "right"}
        assert names[one].split("_", 1)[1] == names[other].split("_", 1)[1]

    outside = draw((truth, known, answer), outside=1.0)
    place = outside.points[:, 0, :2] - 0.5
    assert not ((place > truth.amin(1)) & (place < truth.amax(1))).all(1).any()
    assert outside.truthful.sum() == 0

    dummy = draw((truth, known, answer), none=0.5)
    assert 70 < (dummy.points[:, 0, 2] == LABEL_NONE).sum() < 130


def test_what_lies_outside_the_crop_can_only_be_called_wrong(
    scene: tuple[Tensor, Tensor, Tensor], draw: Callable[..., Prompts]
) -> None:
    truth, known, answer = scene
    truth = truth.clone()
    truth[:, 50] = 0.8
    answer = truth.clone()
    answer[:, 50] = 0.2
    assert (draw((truth, known, answer)).points[..., 2] == LABEL_NONE).all()
    prompts = draw((truth, known, answer), negative=1.0)
    assert (prompts.points[:, 0, 2] == LABEL_INCORRECT).all()
    assert torch.allclose(prompts.points[:, 0, :2], torch.tensor(0.7))
    assert prompts.truthful.sum() == 0


def test_the_same_generator_gives_the_same_prompts(scene: tuple[Tensor, Tensor, Tensor]) -> None:
    draws = [PromptSampler(PromptSettings()).draw(*scene, _generators(PEOPLE)) for _ in range(2)]
    assert torch.equal(draws[0].points, draws[1].points)
    later = draws[0].and_then(Prompts.none(PEOPLE, scene[0]))
    assert later.points.shape[1] == draws[0].points.shape[1] + 1
    assert torch.equal(later.truthful, draws[0].truthful)


@pytest.mark.parametrize("changes", [{"none": 1.2}, {"worst": -0.1}, {"rounds": 0}, {"most": 0}, {"noise": -1.0}])
def test_impossible_settings_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="cannot be given"):
        PromptSettings(**changes)  # type: ignore[arg-type]


def test_masks_of_each_kind() -> None:
    masks, others = torch.zeros(3, 1, 40, 40), torch.zeros(3, 1, 40, 40)
    masks[0, :, 10:20, 12:24] = masks[1, :, 11:21, 12:24] = others[0, :, 30:36, 5:15] = 1

    def draw(**rates: float) -> tuple[Tensor, Tensor]:
        given: tuple[Tensor, Tensor] = draw_masks(masks, others, MaskSettings(**{**_NO_MASKS, **rates}), _generators(3))
        return given

    given, score = draw(true=1.0)
    assert score.tolist() == [1.0, 1.0, 0.0]  # nobody knows the third one's
    assert torch.equal(given, masks)
    smaller, _ = draw(eroded=1.0)
    larger, _ = draw(grown=1.0)
    assert 0 < smaller[0].sum() < masks[0].sum() < larger[0].sum()
    assert ((larger[0] - masks[0]) >= 0).all()
    other, score = draw(other=1.0)
    assert torch.equal(other, others)
    assert score.tolist() == [1.0, 0.0, 0.0]
    assert draw()[1].sum() == 0
    with pytest.raises(ValueError, match="cannot be given"):
        MaskSettings(true=0.9, eroded=0.2)


_NO_MASKS = {"true": 0.0, "eroded": 0.0, "grown": 0.0, "other": 0.0, "most": 0.1}


def _generators(count: int) -> list[torch.Generator]:
    return [generator("test", number) for number in range(count)]
