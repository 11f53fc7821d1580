"""One photo's session: what runs when, what each decoder is told, and what may not make a difference."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.cli.remedies import advised
from native_runtime.engines import open_engine
from native_runtime.engines.base import INFERRED, ROUGH
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.sam3d_body import FAST_SIZE
from native_runtime.engines.sam3d_body.engine import Sam3dBodyEngine
from native_runtime.engines.sam3d_body.session import Sam3dBodyReading
from native_runtime.engines.sam3d_body.status import inferences_of
from native_runtime.errors import ModelError, NoPersonError, PromptError, UsageError
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.models import manifest
from native_runtime.prompts.prompt import Prompt
from tests.engines.sam3d_body.fake import SIZE, TRUSTING, FakeNetworks
from tests.support.bodies import toy_body

WIDTH, HEIGHT = 320, 240
BOXES = np.array([[100.0, 40, 180, 200], [200, 60, 260, 180], [20, 70, 70, 180]])
LEFT_KNEE, LEFT_THUMB, RIGHT_THUMB, RIGHT_WRIST, LEFT_WRIST = 11, 42, 21, 41, 62
NONE = [0, 0, -2]
ARRAYS = ("model_parameters", "identity", "camera_translation", "keypoints_2d", "keypoints_3d", "joints", "vertices")


@pytest.fixture
def networks(constants: dict[str, NDArray]) -> FakeNetworks:
    return FakeNetworks(constants)


@pytest.fixture(scope="module")
def photo() -> Photo:
    pixels = np.random.default_rng(2).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return Photo(pixels, Path("somebody.png"))


@pytest.fixture
def engine(networks: FakeNetworks, body: Body) -> Sam3dBodyEngine:
    return Sam3dBodyEngine(networks, body, criteria=TRUSTING)


@pytest.fixture
def alone(engine: Sam3dBodyEngine, photo: Photo) -> Sam3dBodyReading:
    return engine.read(photo, boxes=BOXES[:1])


def same(one: Estimate, two: Estimate) -> bool:
    """Equal but for the last bits: how sums are rounded depends on where arrays happen to lie in memory."""
    pairs = [(getattr(one, name), getattr(two, name)) for name in ARRAYS]
    return all(np.allclose(a, b, rtol=0, atol=1e-6, equal_nan=True) for a, b in pairs)


def left_half() -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[50:190, 110:150] = True
    return mask


def hand_centre(reading: Sam3dBodyReading, side: str) -> tuple[float, float]:
    x0, y0, x1, y1 = reading.estimate().details["hands"][side]["box"]
    return (x0 + x1) / 2 + 1, (y0 + y1) / 2 + 2


# --- models without the parts for hands ---


def test_a_model_without_hands_infers_bodies_alone(
    networks: FakeNetworks, constants: dict[str, NDArray], engine: Sam3dBodyEngine, body: Body, photo: Photo
) -> None:
    whole = engine.read(photo, boxes=BOXES[:1])
    own = FakeNetworks({name: value for name, value in constants.items() if name != "initial_estimate_hand"})
    bodies = Sam3dBodyEngine(own, body, criteria=TRUSTING, inferences=("body",))
    assert bodies.capabilities.inferences == ("body",)
    assert engine.capabilities.inferences == ("full", "body", "fast")
    reading = bodies.read(photo, boxes=BOXES[:1])
    reading.prepare()
    assert own.encoded == 1
    assert same(reading.estimate(), whole.estimate(inference="body"))
    thumb = (RIGHT_THUMB, 130.0, 120.0)
    assert same(reading.estimate(keypoints=[thumb]), whole.estimate(keypoints=[thumb], inference="body"))
    assert len(list(reading.estimate_steps())) == 1
    assert not own.asked["hand"]
    with pytest.raises(UsageError, match=r"cannot infer 'full': its checkpoint lacks the parts for hands.*'body'"):
        reading.estimate(inference="full")


@pytest.mark.parametrize(
    ("stored", "told"),
    [({"inferences": ["body"]}, ("body",)), ({}, ("full", "body")), ({"inferences": ["x"]}, ("full", "body"))],
)
def test_a_manifest_tells_what_its_model_infers(stored: dict[str, list[str]], told: tuple[str], tmp_path: Path) -> None:
    manifest.write(tmp_path, {}, variant="dinov3", **stored)
    assert inferences_of(tmp_path) == told


# --- what runs when ---


def test_only_the_first_question_runs_the_encoder(alone: Sam3dBodyReading, networks: FakeNetworks) -> None:
    assert networks.encoded == 0  # reading alone costs nothing
    alone.estimate()
    assert networks.encoded == alone.encoded == 3
    alone.estimate(keypoints=[(LEFT_KNEE, 130, 150)])
    alone.estimate(keypoints=[(LEFT_KNEE, 131, 150)], previous="last")
    alone.estimate(keypoints=[(LEFT_THUMB, *hand_centre(alone, "left"))])
    alone.estimate(mask=left_half())
    alone.estimate(keypoints=[(LEFT_KNEE, 130, 150)], mask=left_half())
    alone.estimate(inference="body")
    assert networks.encoded == alone.encoded == 3


def test_prompts_run_decoders_only_and_masks_one_context(alone: Sam3dBodyReading, networks: FakeNetworks) -> None:
    alone.estimate()
    networks.runs.clear()
    alone.estimate(keypoints=[(LEFT_KNEE, 130, 150)])
    assert networks.runs == {"body_decoder": 1}
    networks.runs.clear()
    alone.estimate(keypoints=[(RIGHT_THUMB, *hand_centre(alone, "right"))])
    assert networks.runs == {"hand_decoder": 1}
    networks.runs.clear()
    alone.estimate(keypoints=[(RIGHT_THUMB, *hand_centre(alone, "right")), (LEFT_KNEE, 130, 150)])
    assert networks.runs == {"body_decoder": 1, "hand_decoder": 1}
    networks.runs.clear()
    alone.estimate(mask=left_half())
    assert networks.runs == {"body_context": 1, "body_decoder": 2}
    networks.runs.clear()
    alone.estimate(keypoints=[(LEFT_KNEE, 130, 150)], mask=left_half())
    assert networks.runs == {"body_decoder": 1}


def test_unprompted_results_are_remembered(alone: Sam3dBodyReading, networks: FakeNetworks) -> None:
    first = alone.estimate()
    networks.runs.clear()
    assert alone.estimate() is first
    assert alone.estimate_all()[0] is first
    assert not networks.runs


def test_prepared_people_cost_decoder_passes_only(
    engine: Sam3dBodyEngine, photo: Photo, networks: FakeNetworks
) -> None:
    reading = engine.read(photo, boxes=BOXES)
    reading.prepare()
    assert networks.encoded == 3 * len(BOXES)
    assert networks.runs["body_context"] == 1
    networks.runs.clear()
    reading.estimate_all()
    assert set(networks.runs) == {"body_decoder"}


def test_all_people_go_together(engine: Sam3dBodyEngine, photo: Photo, networks: FakeNetworks) -> None:
    engine.read(photo, boxes=BOXES).estimate_all()
    del networks.runs["encode"]  # in portions
    assert networks.runs == {"body_context": 1, "body_decoder": 2, "hand_context": 2, "hand_decoder": 2}


# --- in steps ---


def test_the_first_step_is_the_bodys_and_comes_before_hands_are_encoded(
    alone: Sam3dBodyReading, networks: FakeNetworks, engine: Sam3dBodyEngine, photo: Photo
) -> None:
    steps = alone.estimate_steps()
    first = next(steps)
    assert networks.encoded == 1
    assert first.details[ROUGH] == "hands"
    last = next(steps)
    assert networks.encoded == 3
    assert ROUGH not in last.details
    assert next(steps, None) is None
    fresh = engine.read(photo, boxes=BOXES[:1])
    assert same(first, fresh.estimate(inference="body"))
    whole = engine.read(photo, boxes=BOXES[:1]).estimate()
    assert same(last, whole)
    assert (last.warnings, last.details) == (whole.warnings, whole.details)
    assert not np.allclose(first.keypoints_3d, last.keypoints_3d)
    assert last.seconds.keys() == whole.seconds.keys()
    assert last.seconds["encode"] > first.seconds["encode"]


def test_what_is_known_already_has_no_rough_step(alone: Sam3dBodyReading) -> None:
    whole = alone.estimate()
    assert [step is whole for step in alone.estimate_steps()] == [True]
    assert [ROUGH in step.details for step in alone.estimate_steps(inference="body")] == [False]
    assert len(list(alone.estimate_steps(keypoints=[(LEFT_KNEE, 130, 150)]))) == 1


def test_prompts_and_masks_are_heard_in_every_step(alone: Sam3dBodyReading) -> None:
    asked = {"keypoints": [(LEFT_KNEE, 130, 150)], "mask": left_half()}
    steps = list(alone.estimate_steps(**asked))
    assert [ROUGH in step.details for step in steps] == [True, False]
    assert all(step.prompts.keypoints == ((LEFT_KNEE, 130.0, 150.0),) and step.prompts.mask for step in steps)
    assert same(steps[1], alone.estimate(**asked))


def test_all_people_grow_together(engine: Sam3dBodyEngine, photo: Photo, networks: FakeNetworks) -> None:
    reading = engine.read(photo, boxes=BOXES)
    steps = reading.estimate_all_steps([2, 0])
    first = next(steps)
    assert networks.encoded == 2
    assert [(e.person, e.details[ROUGH]) for e in first] == [(2, "hands"), (0, "hands")]
    last = next(steps)
    assert next(steps, None) is None
    assert networks.runs["body_context"] == 1
    whole = engine.read(photo, boxes=BOXES).estimate_all([2, 0])
    assert all((getattr(a, name) == getattr(b, name)).all() for a, b in zip(last, whole) for name in ARRAYS)
    assert len(list(reading.estimate_all_steps([0, 2]))) == 1


# --- smaller crops ---


def test_the_fast_inference_shows_smaller_crops_and_decodes_as_ever(
    engine: Sam3dBodyEngine, photo: Photo, networks: FakeNetworks
) -> None:
    engine.read(photo, boxes=BOXES[:1]).estimate()
    usual, networks.affines, networks.shown = networks.affines, [], set()
    reading = engine.read(photo, boxes=BOXES[:1])
    estimate = reading.estimate(inference="fast", mask=left_half())
    assert networks.shown == {("crop", FAST_SIZE), ("rays", FAST_SIZE // 16), ("mask", FAST_SIZE)}
    assert (networks.affines[0] == usual[0]).all()  # of the size that the decoder was trained with
    assert estimate.details[INFERRED] == "fast"
    assert reading.encoded == 3


def test_crops_of_both_sizes_are_kept_apart(alone: Sam3dBodyReading, networks: FakeNetworks) -> None:
    full, fast = alone.estimate(), alone.estimate(inference="fast")
    assert networks.encoded == alone.encoded == 6
    assert not same(full, fast)
    networks.runs.clear()
    alone.estimate(keypoints=[(LEFT_KNEE, 130, 150)], inference="fast")
    assert networks.runs == {"body_decoder": 1}
    assert alone.estimate() is full
    assert alone.estimate(inference="fast") is fast


def test_the_fast_inference_has_steps_of_its_own(alone: Sam3dBodyReading, networks: FakeNetworks) -> None:
    steps = alone.estimate_steps(inference="fast")
    first = next(steps)
    assert networks.encoded == 1
    assert (first.details[ROUGH], first.details[INFERRED]) == ("hands", "fast")
    (last,) = steps
    assert networks.shown >= {("crop", FAST_SIZE)}
    assert ("crop", SIZE) not in networks.shown
    assert same(last, alone.estimate(inference="fast"))
    with pytest.raises(UsageError):
        alone.estimate(inference="fast body")


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        ({}, ("full", "body")),
        ({"inferences": ["full", "body"], "size_step": 16}, ("full", "body", "fast")),
        ({"inferences": ["full", "body"], "size_step": 128}, ("full", "body", "fast")),
        ({"inferences": ["full", "body"], "size_step": 512}, ("full", "body")),
        ({"inferences": ["body"], "size_step": 16}, ("body",)),
    ],
)
def test_a_model_says_whether_it_takes_smaller_crops(facts: dict, kinds: tuple[str, ...], tmp_path: Path) -> None:
    manifest.write(tmp_path, {}, **facts)
    assert inferences_of(tmp_path) == kinds


def test_a_model_of_an_earlier_version_refuses_the_fast_inference(
    networks: FakeNetworks, body: Body, photo: Photo
) -> None:
    engine = Sam3dBodyEngine(networks, body, inferences=("full", "body"))
    with pytest.raises(UsageError, match="converted by an older version"):
        engine.read(photo, boxes=BOXES[:1]).estimate(inference="fast")


# --- what makes no difference ---


def test_a_batch_is_its_people_one_by_one(
    engine: Sam3dBodyEngine, photo: Photo, constants: dict[str, NDArray], body: Body
) -> None:
    together = engine.read(photo, boxes=BOXES).estimate_all()
    other = Sam3dBodyEngine(FakeNetworks(constants), body, criteria=TRUSTING).read(photo, boxes=BOXES)
    assert [e.person for e in together] == [0, 1, 2]
    for person in (2, 0, 1):
        assert same(other.estimate(person), together[person])
    assert not same(together[0], together[1])


def test_the_order_of_prompts_makes_no_difference(alone: Sam3dBodyReading) -> None:
    prompts: list[Prompt] = [(LEFT_KNEE, 130, 150), (5, 120, 80, "incorrect"), (RIGHT_WRIST, 120, 110), (9, 140, 120)]
    assert same(alone.estimate(keypoints=prompts), alone.estimate(keypoints=prompts[::-1]))


def test_earlier_questions_make_no_difference(alone: Sam3dBodyReading, engine: Sam3dBodyEngine, photo: Photo) -> None:
    prompts: list[Prompt] = [(LEFT_KNEE, 130, 150), (LEFT_THUMB, *hand_centre(alone, "left"))]
    for other in ([(9, 140.0, 120.0)], [(LEFT_KNEE, 135.0, 155.0)]):
        alone.estimate(keypoints=other)
    fresh = engine.read(photo, boxes=BOXES[:1])
    assert same(alone.estimate(keypoints=prompts), fresh.estimate(keypoints=prompts))
    assert same(alone.estimate(), fresh.estimate())


def test_little_memory_costs_time_and_nothing_else(
    engine: Sam3dBodyEngine, photo: Photo, constants: dict[str, NDArray], body: Body
) -> None:
    little = Sam3dBodyEngine(FakeNetworks(constants), body, kept_bytes=2500, criteria=TRUSTING)
    plenty, tight = engine.read(photo, boxes=BOXES), little.read(photo, boxes=BOXES)
    for person in (0, 1, 2, 0):
        prompts: list[Prompt] = [(LEFT_KNEE, *BOXES[person].reshape(2, 2).mean(axis=0))]
        assert same(plenty.estimate(person, prompts), tight.estimate(person, prompts))
        assert little.kept.bytes <= little.kept.limit
    assert little.kept.dropped > 0
    assert engine.kept.dropped == 0
    assert tight.encoded > plenty.encoded


def test_a_photo_that_is_let_go_leaves_nothing(engine: Sam3dBodyEngine, photo: Photo) -> None:
    reading = engine.read(photo, boxes=BOXES[:1])
    reading.estimate()
    assert engine.kept.bytes > 0
    del reading
    gc.collect()
    assert engine.kept.bytes == 0


# --- what the decoders are told ---


def labels(asked: NDArray) -> list[int]:
    return [int(label) for label in asked[:, 2]]


def test_the_body_is_told_wrists_and_elbows(alone: Sam3dBodyReading, networks: FakeNetworks) -> None:
    alone.estimate()
    assert [labels(asked) for asked in networks.asked["body"]] == [[-2], [41, 62, 8, 7]]
    np.testing.assert_array_equal(networks.previous["body"][0], networks.constants["initial_estimate_body"])
    assert not np.array_equal(networks.previous["body"][1], networks.previous["body"][0])
    np.testing.assert_array_equal(networks.previous["hand"][0], networks.constants["initial_estimate_hand"])


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        ([(LEFT_KNEE, 130, 150)], [LEFT_KNEE, 41, 62, 8, 7]),
        ([(RIGHT_WRIST, 120, 110)], [41, 62, 8, 7]),
        ([(RIGHT_WRIST, 120, 110, "ignore")], [-2, 62, 8, 7]),
        ([(7, 120, 110, "incorrect"), (8, 130, 110)], [-1, 8, 41, 62]),
        ([(LEFT_KNEE, -900, 9000, "incorrect")], [-1, 41, 62, 8, 7]),
    ],
)
def test_prompts_come_before_what_the_hands_say(
    alone: Sam3dBodyReading, networks: FakeNetworks, prompts: list[Prompt], expected: list[int]
) -> None:
    """A wrist or elbow of which a prompt speaks is not told as well."""
    alone.estimate(keypoints=prompts)
    asked = networks.asked["body"][-1]
    assert labels(asked) == expected
    assert ((asked[:, :2] >= 0) & (asked[:, :2] <= 1)).all()


def test_places_are_parts_of_the_crop(alone: Sam3dBodyReading, networks: FakeNetworks) -> None:
    side = 160 * 1.25  # the box is 160 px tall, and padded
    alone.estimate(keypoints=[(LEFT_KNEE, 140 + side / 4, 120 - side / 2 + 1)])
    np.testing.assert_allclose(networks.asked["body"][-1][0], [0.75, 1 / side, LEFT_KNEE], atol=1e-6)


def test_fingers_go_to_their_hand_and_left_ones_mirrored(alone: Sam3dBodyReading, networks: FakeNetworks) -> None:
    places = {side: hand_centre(alone, side) for side in ("left", "right")}
    plain = alone.estimate()
    prompted = alone.estimate(keypoints=[(LEFT_THUMB, *places["left"]), (RIGHT_THUMB + 4, *places["right"])])
    left, right = networks.asked["hand"][-2:]
    assert labels(left) == [21]
    assert labels(right) == [25]
    assert labels(networks.asked["body"][-1]) == [41, 62, 8, 7]  # the body hears of it through the hands alone
    box = plain.details["hands"]["left"]["box"]
    side = box[2] - box[0]
    np.testing.assert_allclose(left[0, :2], [0.5 - 1 / side, 0.5 + 2 / side], atol=1e-3)
    np.testing.assert_allclose(right[0, :2], [0.5 + 1 / side, 0.5 + 2 / side], rtol=0.02)
    assert not same(plain, prompted)


def test_wrists_go_to_the_body(alone: Sam3dBodyReading, networks: FakeNetworks) -> None:
    alone.estimate()
    hands = len(networks.asked["hand"])
    alone.estimate(keypoints=[(LEFT_WRIST, *hand_centre(alone, "left"))])
    assert len(networks.asked["hand"]) == hands
    assert labels(networks.asked["body"][-1]) == [62, 41, 8, 7]


def test_a_prompt_on_a_finger_leaves_the_rest_of_the_body(alone: Sam3dBodyReading) -> None:
    plain = alone.estimate()
    prompted = alone.estimate(keypoints=[(RIGHT_THUMB, *hand_centre(alone, "right"))])
    names = toy_body().parameter_names
    changed = [names[i] for i in np.flatnonzero(prompted.model_parameters != plain.model_parameters)]
    assert changed
    assert all(name.startswith(("r_", "scale_")) for name in changed)


def test_a_finger_outside_its_hand_goes_to_the_body(alone: Sam3dBodyReading, networks: FakeNetworks) -> None:
    alone.estimate()
    hands = len(networks.asked["hand"])
    estimate = alone.estimate(keypoints=[(LEFT_THUMB, 140, 195)])
    assert len(networks.asked["hand"]) == hands
    assert labels(networks.asked["body"][-1])[0] == LEFT_THUMB
    assert any("left thumb tip" in warning for warning in estimate.warnings)


def test_the_body_alone_hears_everything(alone: Sam3dBodyReading, networks: FakeNetworks) -> None:
    alone.estimate(keypoints=[(LEFT_THUMB, 140, 120), (LEFT_KNEE, 130, 150)], inference="body")
    assert labels(networks.asked["body"][-1]) == [LEFT_KNEE, LEFT_THUMB]
    assert not networks.asked["hand"]
    assert networks.encoded == 1


def test_rounds_start_where_they_are_told_to(alone: Sam3dBodyReading, networks: FakeNetworks) -> None:
    prompts: list[Prompt] = [(LEFT_KNEE, 130, 150)]

    def start(previous: str | None) -> NDArray:
        alone.estimate(keypoints=prompts, previous=previous)  # type: ignore[arg-type]
        return networks.previous["body"][-1]

    first = start("first")
    np.testing.assert_array_equal(start("first"), first)
    second = start("last")
    assert not np.array_equal(second, first)
    assert not np.array_equal(start("last"), second)
    np.testing.assert_array_equal(start(None), networks.constants["initial_estimate_body"])
    np.testing.assert_array_equal(start("first"), first)


def test_a_prompt_beside_the_person_is_not_obeyed_in_silence(alone: Sam3dBodyReading) -> None:
    beside = alone.estimate(keypoints=[(LEFT_KNEE, 45, 25)])
    assert any("knee" in warning for warning in beside.warnings)
    assert beside.details["prompt_warnings"][0]["keypoint"] == LEFT_KNEE
    assert not alone.estimate().warnings


def test_hands_that_are_not_believed_say_nothing(photo: Photo, constants: dict[str, NDArray], body: Body) -> None:
    """One person: no second pass at all. Several: it runs on empty prompts, as the reference's does."""
    for count, expected in ((1, [[-2]]), (2, [[-2], [-2], [-2] * 4, [-2] * 4])):
        networks = FakeNetworks(constants)  # whose hands are far too small for the usual criteria
        reading = Sam3dBodyEngine(networks, body).read(photo, boxes=BOXES[:count])
        estimate = reading.estimate_all()[0]
        assert [labels(asked) for asked in networks.asked["body"]] == expected
        assert not any(hand["used"] for hand in estimate.details["hands"].values())
        assert all(hand["reasons"] for hand in estimate.details["hands"].values())
        warned = reading.estimate(keypoints=[(LEFT_THUMB, *hand_centre(reading, "left"))]).warnings
        assert labels(networks.asked["hand"][-1]) == [21]
        assert labels(networks.asked["body"][-1]) == [LEFT_THUMB]
        assert any("left hand is posed by the body decoder" in warning for warning in warned)


# --- what is refused, and what comes out ---


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"person": 3}, NoPersonError, "no person 3"),
        ({"person": -1}, NoPersonError, "no person"),
        ({"keypoints": [(LEFT_KNEE, 300, 120)]}, PromptError, "left knee lies outside .* from 40 to 240"),
        ({"keypoints": [(LEFT_THUMB, 140, 230)]}, PromptError, "left thumb tip lies outside"),
        ({"keypoints": [(70, 1, 1)]}, PromptError, "between 0 and 69"),
        ({"mask": np.ones((5, 5), bool)}, PromptError, "photo's size"),
        ({"mask": np.zeros((HEIGHT, WIDTH), bool)}, PromptError, "must not be empty"),
        ({"inference": "hand"}, UsageError, "'full', 'body'"),
        ({"previous": "second"}, UsageError, "'first', 'last', None"),
    ],
)
def test_unusable_questions_are_refused(
    alone: Sam3dBodyReading, arguments: dict, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        alone.estimate(**arguments)


@pytest.mark.parametrize("box", [[10, 10, 10, 20], [10, 10, 5, 20], [0, 0, np.nan, 1]])
def test_impossible_boxes_are_refused(engine: Sam3dBodyEngine, photo: Photo, box: list[float]) -> None:
    with pytest.raises(UsageError, match="x0 < x1"):
        engine.read(photo, boxes=[box])


def test_another_body_is_refused(networks: FakeNetworks) -> None:
    with pytest.raises(UsageError, match="MHR's own body"):
        Sam3dBodyEngine(networks, toy_body())


def test_estimates_can_be_written_and_read(alone: Sam3dBodyReading, tmp_path: Path) -> None:
    prompts: list[Prompt] = [(LEFT_KNEE, 130, 150), (5, 120, 80, "ignore")]
    assert set(alone.estimate().seconds) == {
        "detect", "open", "encode", "context", "decode", "hands", "merge", "mesh",
    }  # fmt: skip
    estimate = alone.estimate(keypoints=prompts, mask=left_half())
    assert set(estimate.seconds) == {"detect", "decode", "merge", "mesh"}
    json.dumps(estimate.to_json())
    estimate.save(tmp_path / "somebody")
    back = Estimate.load(tmp_path / "somebody.npz")
    assert same(back, estimate)
    assert back.prompts == estimate.prompts
    assert back.prompts.mask
    assert [tuple(p) for p in back.prompts.keypoints] == [(5, 120, 80, "ignore"), (LEFT_KNEE, 130, 150)][::-1]


def test_projection_and_intrinsics_agree(engine: Sam3dBodyEngine, photo: Photo) -> None:
    reading = engine.read(photo, boxes=BOXES[:1])
    estimate, full = reading.estimate(), reading.result()
    np.testing.assert_allclose(estimate.intrinsics[:2, 2], [WIDTH / 2, HEIGHT / 2])
    np.testing.assert_allclose(estimate.keypoints_2d, full.pred_keypoints_2d, atol=1e-6)
    np.testing.assert_allclose(estimate.keypoints_3d, full.pred_keypoints_3d + full.pred_cam_t, atol=1e-9)
    np.testing.assert_allclose(estimate.vertices, full.pred_vertices + full.pred_cam_t, atol=1e-5)


def test_found_people_are_in_original_pixels(networks: FakeNetworks, body: Body) -> None:
    class Finder:
        def boxes(self, rgb: NDArray[np.uint8]) -> NDArray:
            assert rgb.shape == (120, 160, 3)
            return np.array([[10.0, 20, 30, 100]])

    photo = Photo(np.zeros((120, 160, 3), np.uint8), Path("p"), original_size=(320, 240))
    (person,) = Sam3dBodyEngine(networks, body, Finder()).read(photo).people  # type: ignore[arg-type]
    np.testing.assert_allclose(person.bbox, [20.5, 40.5, 60.5, 200.5])


def test_nobody_is_an_empty_photo(engine: Sam3dBodyEngine, photo: Photo) -> None:
    reading = engine.read(photo, boxes=np.zeros((0, 4)))
    assert reading.people == []
    assert reading.estimate_all() == []
    reading.prepare()
    with pytest.raises(NoPersonError):
        reading.estimate()


def test_without_a_model_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        open_engine("sam3d_body", models=tmp_path)
    text = advised(str(caught.value), caught.value.remedy)
    assert "sam3db models get" in text
    assert "landmarks" in text
    assert text.count(". ") == 1  # two sentences


def test_crops_have_the_networks_size(alone: Sam3dBodyReading) -> None:
    assert alone._pipeline.crops.size == SIZE


def test_an_estimate_says_on_which_terms_the_model_is_used(
    constants: dict[str, NDArray], body: Body, photo: Photo
) -> None:
    terms = {"model": "sam3d_body", "terms": ["sam"], "commercial": True}
    engine = Sam3dBodyEngine(FakeNetworks(constants), body, criteria=TRUSTING, terms=terms)
    assert engine.read(photo, boxes=BOXES).estimate(inference="body").details["model_terms"] == terms
