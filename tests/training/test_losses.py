"""Every term: values worked out by hand, gradients against finite differences, and what must not count."""

from __future__ import annotations

from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")

from native_runtime.models.sam3d_body_layout import BODY_ANGLES, BODY_POSE_FINGERS, BODY_ROTATIONS  # noqa: E402
from native_runtime.training.losses.hand_boxes import (  # noqa: E402
    corners,
    generalised_iou,
    hand_box_loss,
    presence_loss,
)
from native_runtime.training.losses.keypoints import (  # noqa: E402
    from_origins,
    keypoint_loss_2d,
    keypoint_loss_3d,
    laplace,
)
from native_runtime.training.losses.parameters import limit_loss, parameter_loss, pose_loss  # noqa: E402
from native_runtime.training.losses.schedule import Weight  # noqa: E402
from native_runtime.training.losses.total import Answer, HandAnswer, TrainingLoss, Weights  # noqa: E402
from native_runtime.training.losses.vertices import vertex_loss  # noqa: E402
from native_runtime.training.people import People  # noqa: E402

Tensor = torch.Tensor


@pytest.fixture
def random() -> Callable[..., Tensor]:
    generator = torch.Generator().manual_seed(7)
    return lambda *size: torch.randn(*size, generator=generator, dtype=torch.float64)


def people(random: Callable[..., Tensor], count: int = 2) -> People:
    return People(
        keypoints_2d=0.2 * random(count, 70, 2),
        keypoints_3d=random(count, 70, 3),
        known_2d=torch.ones(count, 70, dtype=torch.float64),
        known_3d=torch.ones(count, 70, dtype=torch.float64),
        pose=random(count, 266),
        hands=random(count, 108),
        scale=random(count, 28),
        shape=random(count, 45),
        known_pose=torch.ones(count, dtype=torch.float64),
        known_hands=torch.ones(count, 2, dtype=torch.float64),
        known_shape=torch.ones(count, dtype=torch.float64),
        hand_boxes=torch.full((count, 2, 4), 0.3, dtype=torch.float64),
        hand_seen=torch.ones(count, 2),
        vertices=random(count, 50, 3),
        known_vertices=torch.ones(count, dtype=torch.float64),
    )


def answer(truth: People) -> Answer:
    return Answer(
        keypoints_2d=truth.keypoints_2d.clone(),
        keypoints_3d=truth.keypoints_3d.clone(),
        pose=truth.pose.clone(),
        hands=truth.hands.clone(),
        scale=truth.scale.clone(),
        shape=truth.shape.clone(),
        model_parameters=torch.zeros(len(truth.pose), 204, dtype=torch.float64),
        vertices=None if truth.vertices is None else truth.vertices + truth.keypoints_3d[:, 9:11].mean(1, keepdim=True),
    )


def objective(weights: Weights | None = None) -> TrainingLoss:
    low = torch.full((204,), -1.0, dtype=torch.float64)
    return TrainingLoss(weights or Weights(), low, -low).double()


def test_the_laplace_loss_by_hand() -> None:
    error = torch.tensor([[[0.3, -0.4]]], dtype=torch.float64)
    scale = torch.tensor([0.5], dtype=torch.float64)
    assert laplace(error, scale).item() == pytest.approx(0.7 * 0.60653066 + 2 * 0.5)


def test_the_learnt_scale_settles_where_the_mean_error_is() -> None:
    # of n coordinates |e|_1 = n b on average: the best scale of a Laplace distribution is b
    error = torch.tensor([0.1, -0.3, 0.2, 0.4], dtype=torch.float64)[:, None, None]
    scale = torch.tensor([0.25], dtype=torch.float64).log().requires_grad_()
    laplace(error, scale).mean().backward()
    assert scale.grad is not None
    assert scale.grad.item() == pytest.approx(0.0, abs=1e-12)


def test_a_prompted_keypoint_counts_more(random: Callable[..., Tensor]) -> None:
    truth = torch.zeros(1, 70, 2, dtype=torch.float64)
    said = truth.clone()
    said[0, 7] = 0.1
    known, scale = torch.ones(1, 70, dtype=torch.float64), torch.zeros(70, dtype=torch.float64)
    prompted = torch.zeros(1, 70, dtype=torch.float64)
    plain = keypoint_loss_2d(said, truth, known, scale, prompted, 4.0)
    prompted[0, 7] = 1
    assert plain.item() == pytest.approx(0.2 / 70)
    assert keypoint_loss_2d(said, truth, known, scale, prompted, 4.0).item() == pytest.approx(0.8 / 73)


def test_body_and_hands_are_each_compared_from_their_own_origin(random: Callable[..., Tensor]) -> None:
    truth = random(2, 70, 3)
    known, scale = torch.ones(2, 70, dtype=torch.float64), torch.zeros(70, dtype=torch.float64)
    moved = truth + random(2, 1, 3)
    assert keypoint_loss_3d(moved, truth, known, scale).abs().max() < 1e-12
    hand = truth.clone()
    hand[:, 21:42] += 0.5  # the whole right hand with its wrist: only the wrist is elsewhere
    assert keypoint_loss_3d(hand, truth, known, scale)[0].item() == pytest.approx(3 * 0.5 / 70)
    fingers = truth.clone()
    fingers[:, 42:62] += 0.5
    assert keypoint_loss_3d(fingers, truth, known, scale)[0].item() == pytest.approx(20 * 1.5 / 70)
    assert from_origins(truth)[:, [9, 10]].mean(1).abs().max() < 1e-12


def test_what_is_unknown_teaches_nothing(random: Callable[..., Tensor]) -> None:
    truth, scale = random(1, 70, 3), torch.zeros(70, dtype=torch.float64)
    said = (truth + random(1, 70, 3)).requires_grad_()
    known = torch.zeros(1, 70, dtype=torch.float64)
    keypoint_loss_3d(said, truth, known, scale).sum().backward()
    assert said.grad is not None
    assert said.grad.abs().max() == 0
    known[0, :21] = 1
    known[0, 9] = 0  # without both hips the body has no origin, and its places mean nothing
    assert keypoint_loss_3d(said, truth, known, scale).item() == 0


def test_equal_poses_written_differently_are_equal(random: Callable[..., Tensor]) -> None:
    pose = random(3, 266)
    other = pose.clone()
    other[:, :3] *= 2.5  # the first column's length
    other[:, 3:6] += 0.7 * other[:, :3]  # what of the second column lies along the first
    start = 6 + 6 * len(BODY_ROTATIONS)
    other[:, start : start + 2] *= 3.0
    assert pose_loss(other, pose).max() < 1e-20
    fingers = next(i for i, angles in enumerate(BODY_ROTATIONS) if BODY_POSE_FINGERS.start <= angles[0] < 116)
    other[:, 6 + 6 * fingers] += 5.0
    assert pose_loss(other, pose).max() < 1e-20
    other[:, 265] += 1.0  # a length
    assert pose_loss(other, pose).min() > 1e-4
    assert len(BODY_ANGLES) == 58


def test_a_half_turn_differs_by_as_much_as_it_should() -> None:
    straight = torch.zeros(1, 266, dtype=torch.float64)
    straight[:, [0, 4]] = 1
    turned = straight.clone()
    turned[:, 0], turned[:, 4] = -1, -1  # about z
    numbers = 266 - 6 * sum(bool({*range(62, 116), *range(130, 133)} & {*angles}) for angles in BODY_ROTATIONS)
    numbers -= 2 * sum(62 <= angle < 116 for angle in BODY_ANGLES)
    assert pose_loss(turned, straight).item() == pytest.approx(2 * 4 / numbers)


def test_limits_by_hand() -> None:
    parameters = torch.tensor([[0.5, -2.0, 9.0]], dtype=torch.float64)
    low = torch.tensor([0.0, -1.5, -torch.inf], dtype=torch.float64)
    high = torch.tensor([0.2, 1.0, torch.inf], dtype=torch.float64)
    assert limit_loss(parameters, low, high).item() == pytest.approx(0.09 + 0.25)


def test_generalised_iou_by_hand() -> None:
    a, b = torch.tensor([0.0, 0.0, 2.0, 2.0]), torch.tensor([1.0, 1.0, 3.0, 3.0])
    assert generalised_iou(a, b).item() == pytest.approx(1 / 7 - 2 / 9)
    assert generalised_iou(a, a).item() == pytest.approx(1.0)
    assert generalised_iou(a, a + 100).item() < -0.99
    assert corners(torch.tensor([0.5, 0.4, 0.2, 0.6])).tolist() == pytest.approx([0.4, 0.1, 0.6, 0.7])


def test_a_hand_that_is_not_seen_has_no_box(random: Callable[..., Tensor]) -> None:
    truth = torch.tensor([[[0.5, 0.5, 0.2, 0.2], [0.1, 0.1, 0.1, 0.1]]], dtype=torch.float64)
    said = truth.clone()
    said[0, 1] += 0.4
    assert hand_box_loss(said, truth, torch.tensor([[1.0, 0.0]])).item() == pytest.approx(0.0, abs=1e-9)
    assert hand_box_loss(said, truth, torch.tensor([[1.0, 1.0]])).item() > 0.8
    logits = torch.tensor([[[0.0, 0.0], [5.0, -5.0]]], dtype=torch.float64)
    assert presence_loss(logits, torch.tensor([[1.0, -1.0]])).item() == pytest.approx(0.6931471805)
    assert presence_loss(logits, torch.tensor([[-1.0, -1.0]])).item() == 0


def test_the_place_of_the_person_does_not_count_for_the_surface(random: Callable[..., Tensor]) -> None:
    truth, shift = random(2, 50, 3), random(2, 3)
    assert vertex_loss(truth + shift[:, None], truth, shift, torch.zeros_like(shift)).max() < 1e-12
    assert vertex_loss(truth + 0.1, truth, 0 * shift, 0 * shift)[0].item() == pytest.approx(0.3)


def test_gradients_are_those_of_finite_differences(random: Callable[..., Tensor]) -> None:
    known, scale = random(2, 70).abs(), 0.3 * random(70)
    prompted = (random(2, 70) > 0).double()
    seen = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    boxes = 0.3 + 0.05 * random(2, 2, 4).abs()
    pose, points = random(2, 266), random(2, 70, 3)
    limits = -0.5 * torch.ones(204, dtype=torch.float64), 0.5 * torch.ones(204, dtype=torch.float64)
    cases: list[tuple[Callable[..., Tensor], tuple[Tensor, ...]]] = [
        (
            lambda p, s: keypoint_loss_2d(p, points[..., :2], known, s, prompted, 4.0),
            (random(2, 70, 2), scale),
        ),
        (lambda p, s: keypoint_loss_3d(p, points, known, s), (random(2, 70, 3), scale)),
        (lambda p: pose_loss(p, pose), (random(2, 266),)),
        (lambda p: parameter_loss(p, pose), (random(2, 266),)),
        (lambda p: limit_loss(p, *limits), (random(2, 204),)),
        (lambda p: vertex_loss(p, points, p[:, 9], points[:, 9]), (random(2, 70, 3),)),
        (lambda p: hand_box_loss(p, boxes, seen), (boxes + 0.05,)),
        (lambda p: presence_loss(p, seen), (random(2, 2, 2),)),
    ]
    for function, inputs in cases:
        assert torch.autograd.gradcheck(function, tuple(value.requires_grad_() for value in inputs), fast_mode=True)


def test_a_term_sets_in_evenly() -> None:
    weight = Weight(2.0, start=10, warm_up=4)
    assert [weight.at(step) for step in (0, 9, 10, 12, 14, 99)] == pytest.approx([0, 0, 0.4, 1.2, 2.0, 2.0])
    assert Weight(3.0).at(0) == 3.0
    with pytest.raises(ValueError, match="never negative"):
        Weight(-1.0)


def test_the_truth_costs_nothing_and_every_term_counts(random: Callable[..., Tensor]) -> None:
    truth, prompted = people(random), torch.zeros(2, 70, dtype=torch.float64)
    hands = HandAnswer(truth.hand_boxes.clone(), torch.tensor([-30.0, 30.0], dtype=torch.float64).expand(2, 2, 2))
    right = objective()([answer(truth)], hands, truth, prompted, step=10_000)
    assert abs(right.total.item()) < 1e-9
    assert set(right.terms) == set(Weights.terms())
    wrong = {
        "keypoints_2d": answer(truth)._replace(keypoints_2d=truth.keypoints_2d + 0.1),
        "keypoints_3d": answer(truth)._replace(
            keypoints_3d=truth.keypoints_3d + random(2, 70, 3),
            vertices=None,  # which is seen from the hips
        ),
        "pose": answer(truth)._replace(pose=random(2, 266)),
        "hands": answer(truth)._replace(hands=truth.hands + 1),
        "scale": answer(truth)._replace(scale=truth.scale + 1),
        "shape": answer(truth)._replace(shape=truth.shape + 1),
        "vertices": answer(truth)._replace(vertices=random(2, 50, 3)),
        "limits": answer(truth)._replace(model_parameters=torch.full((2, 204), 1.5, dtype=torch.float64)),
    }
    for name, said in wrong.items():
        loss = objective()([said], hands, truth, prompted, step=10_000)
        weight = getattr(Weights(), name).value
        assert loss.total.item() == pytest.approx(weight * loss.terms[name].item())
        assert loss.total.item() > 1e-3, name


def test_earlier_layers_count_less_and_unknown_people_not_at_all(random: Callable[..., Tensor]) -> None:
    truth, prompted = people(random), torch.zeros(2, 70, dtype=torch.float64)
    wrong = answer(truth)._replace(scale=truth.scale + 1)
    last = objective()([answer(truth), wrong], None, truth, prompted, step=10_000).total
    first = objective()([wrong, answer(truth)], None, truth, prompted, step=10_000).total
    assert first.item() == pytest.approx(0.5 * last.item())
    nothing = truth._replace(
        known_2d=0 * truth.known_2d,
        known_3d=0 * truth.known_3d,
        known_pose=0 * truth.known_pose,
        known_hands=0 * truth.known_hands,
        known_shape=0 * truth.known_shape,
        known_vertices=torch.zeros(2, dtype=torch.float64),
    )
    said = [answer(people(random))]
    assert objective()(said, None, nothing, prompted, step=10_000).total.item() == 0


def test_models_and_data_without_a_surface_have_no_term_of_it(random: Callable[..., Tensor]) -> None:
    truth, prompted = people(random), torch.zeros(2, 70, dtype=torch.float64)
    for said, known in ((answer(truth)._replace(vertices=None), truth), (answer(truth), truth._replace(vertices=None))):
        assert "vertices" not in objective()([said], None, known, prompted, step=0).terms
