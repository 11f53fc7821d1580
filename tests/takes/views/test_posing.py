"""One body in several photos again, as artists drag keypoints: the request, and what becomes of the body."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from native_runtime.camera import Gravity
from native_runtime.engines.base import Capabilities
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.pipeline.decoding import decode, encode
from native_runtime.prompts.prompt import keypoint_names
from native_runtime.service.protocol import REQUESTS
from native_runtime.takes.hands import hand_let_go
from native_runtime.takes.views.joint import in_view
from native_runtime.takes.views.pose_request import PoseViewsRequest
from native_runtime.takes.views.posing import pose_views
from tests.fitting.test_fit import INTRINSICS, SIZE, see

from .test_joint import ANGLES, around, posed

WRIST = keypoint_names().index("left_wrist")
DEGREES = (0, 75, -100)


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


class Silent:
    """Hears of progress."""

    def status(self, text: str) -> None: ...
    def progress(self, value: float) -> None: ...
    def warning(self, text: str) -> None: ...


@dataclass
class Seeing:
    """In place of the pipeline: an engine that sees in each photo what there is, to a few centimetres.

    Attributes:
        states: the person before each photo's camera, by the photo's name.
    """

    body: Body
    states: dict[str, PlacedState]
    asked: list[str] = field(default_factory=list)

    def keep_photos(self, count: int) -> None:
        assert count == len(self.states)

    def person_at(self, request: Any, reporter: Any) -> Any:
        engine = SimpleNamespace(name="truth", body=self.body, capabilities=Capabilities(pa_mpjpe=30.0))
        photo = SimpleNamespace(path=Path(request.photo), original_size=SIZE)
        lens = SimpleNamespace(gravity=Gravity())
        return SimpleNamespace(photo=photo, engine=engine, lens=lens, kept={}, reading=None), 0

    def seen_of(self, found: Any, person: int) -> None:
        return None

    def estimates(self, found: Any, people: Any, **options: Any) -> Any:
        name = found.photo.path.name
        self.asked.append(name)
        yield 0, estimate(self.body, self.states[name])


def estimate(body: Body, state: PlacedState) -> Estimate:
    return Estimate.from_state(
        body, state, INTRINSICS, image_size=np.array(SIZE), bbox=np.array([0.0, 0, *SIZE]), engine="truth"
    )


def request_for(body: Body, start: PlacedState, pins: dict[int, list[Any]]) -> PoseViewsRequest:
    views = []
    for number, degrees in enumerate(DEGREES):
        camera = around(body, start, degrees).to_world
        views.append(
            {
                "number": 10 * number,
                "photo": f"/photos/{number}.png",
                "box": [0.0, 0.0, *map(float, SIZE)],
                "intrinsics": INTRINSICS.tolist(),
                "camera": camera.tolist(),
                "pins": pins.get(number, []),
            }
        )
    numbers = ("model_parameters", "identity", "expression", "camera_translation")
    content = {"views": views, "start": {name: getattr(start, name).tolist() for name in numbers}, "engine": "truth"}
    return decode(PoseViewsRequest, json.loads(json.dumps(content)))


def seeing(body: Body, start: PlacedState) -> Seeing:
    cameras = [around(body, start, degrees) for degrees in DEGREES]
    states = {f"{n}.png": in_view(body, start, c.rotation, c.translation) for n, c in enumerate(cameras)}
    return Seeing(body, states)


def keypoints(body: Body, state: PlacedState, number: int, start: PlacedState) -> np.ndarray:
    """(70, 2) px where a photo shows the person."""
    camera = around(body, start, DEGREES[number])
    return estimate(body, in_view(body, state, camera.rotation, camera.translation)).keypoints_2d


def test_the_request_goes_through_json(body: Body) -> None:
    start = posed(body, ANGLES)
    request = request_for(body, start, {1: [["left_wrist", 3.0, 4.0]]})
    assert REQUESTS["pose_views"] is PoseViewsRequest
    assert request.views[1].pins == ((WRIST, 3.0, 4.0),)
    assert decode(PoseViewsRequest, json.loads(json.dumps(encode(request)))) == request
    spoilt = json.loads(json.dumps(encode(request)))
    for key, value, said in (
        ("views", [], "needs the photos"),
        ("views", "a", "list of photos"),
        ("start", [1], "numbers of a body"),
        ("start", {**spoilt["start"], "identity": ["a"]}, "list of numbers"),
        ("views", [{**spoilt["views"][0], "camera": [[1, 2, 3]]}], "four rows"),
    ):
        with pytest.raises(UsageError, match=said):
            decode(PoseViewsRequest, {**spoilt, key: value})


def test_without_pins_the_body_stays(body: Body) -> None:
    start = posed(body, ANGLES)
    answer = pose_views(request_for(body, start, {}), seeing(body, start), Silent())  # type: ignore[arg-type]
    np.testing.assert_array_equal(answer.model_parameters, start.model_parameters)
    np.testing.assert_array_equal(answer.camera_translation, start.camera_translation)
    assert set(answer.details["views"]["point_errors_px"]) == {"0", "10", "20"}
    assert max(answer.details["views"]["point_errors_px"].values()) < 0.1


@pytest.mark.parametrize("places", [(1,), (1, 2)])
def test_a_pin_on_a_photo_moves_the_one_body(body: Body, places: tuple[int, ...]) -> None:
    start, wanted = posed(body, ANGLES), posed(body, ANGLES | {"l_elbow_bend": 1.3})
    pins = {n: [["left_wrist", *keypoints(body, wanted, n, start)[WRIST].tolist()]] for n in places}
    inference = seeing(body, start)
    answer = pose_views(request_for(body, start, pins), inference, Silent())  # type: ignore[arg-type]
    assert sorted(inference.asked) == ["0.png", "1.png", "2.png"], "each photo is looked at once"
    np.testing.assert_array_equal(answer.identity, start.identity)
    for number in range(3):
        true, before = (keypoints(body, state, number, start) for state in (wanted, start))
        now = keypoints(body, answer.state, number, start)
        away = np.linalg.norm(true[WRIST] - before[WRIST])
        if number in places:
            assert np.linalg.norm(now[WRIST] - true[WRIST]) < max(0.15 * away, 2.0)
        elif len(places) > 1:
            assert np.linalg.norm(now[WRIST] - true[WRIST]) < max(0.3 * away, 3.0)
        assert np.linalg.norm(now[WRIST] - before[WRIST]) > 0.3 * away
        feet = [keypoint_names().index(f"{side}_ankle") for side in ("left", "right")]
        assert np.linalg.norm(now[feet] - before[feet], axis=1).max() < 4.0
    said = answer.details["views"]["prompts"]
    assert [bool(said[key]) for key in ("0", "10", "20")] == [number in places for number in range(3)]


def test_a_hand_goes_with_its_wrist_unless_its_fingers_are_pinned(body: Body) -> None:
    evidence, _ = see(body, posed(body, ANGLES))
    names = evidence.points.names
    fingers = [n for n, name in enumerate(names) if name.startswith("left_") and ("finger" in name or "thumb" in name)]
    others = [n for n in range(len(names)) if n not in fingers]
    trusted = evidence.points.trusted.copy()
    trusted[fingers[-1:]] = True
    given = replace(evidence, points=replace(evidence.points, trusted=trusted))
    free = hand_let_go(body, given, "left").points.weights
    assert len(fingers) == 20
    assert free[fingers[:-1]].max() == 0.0
    assert free[fingers[-1]] == evidence.points.weights[fingers[-1]]
    np.testing.assert_array_equal(free[others], evidence.points.weights[others])


def test_a_pin_that_nobody_can_reach_stretches_the_limb_and_is_said(body: Body) -> None:
    start = posed(body, ANGLES)
    far = keypoints(body, start, 1, start)[WRIST] + (0.8 * SIZE[1], 0.0)
    request = request_for(body, start, {1: [["left_wrist", *far.tolist()]]})
    answer = pose_views(request, seeing(body, start), Silent())  # type: ignore[arg-type]
    assert answer.details["views"]["prompts"]["10"]["pins_out_of_reach"] == ["left_wrist"]
    trunk = [
        keypoint_names().index(f"{side}_{part}") for side in ("left", "right") for part in ("hip", "knee", "ankle")
    ]
    for number in range(3):
        now, before = (keypoints(body, state, number, start) for state in (answer.state, start))
        assert np.linalg.norm(now[trunk] - before[trunk], axis=1).max() < 0.05 * SIZE[1]
    now, before = (keypoints(body, state, 1, start)[WRIST] for state in (answer.state, start))
    assert (far - now)[0] < 0.9 * (far - before)[0]


def test_another_body_is_refused(body: Body) -> None:
    start = posed(body, ANGLES)
    request = request_for(body, replace(start, identity=np.zeros(2)), {})
    with pytest.raises(UsageError, match="another one than the engine's"):
        pose_views(request, seeing(body, start), Silent())  # type: ignore[arg-type]
