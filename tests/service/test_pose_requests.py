"""The worker's request `pose`, with a fake engine: one person again, whenever an artist has moved a handle."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from native_runtime.camera import intrinsics_for
from native_runtime.engines.base import Capabilities
from native_runtime.engines.edits import Edits
from native_runtime.engines.estimate import Estimate
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.readings import ReadPhoto
from native_runtime.service.client import Event, WorkerClient

PATIENCE_S = 30.0
WHOLE, HALF, THIRD = [0.0, 0.0, 30.0, 20.0], [0.0, 0.0, 15.0, 10.0], [0.0, 0.0, 10.0, 20 / 3]
"""Where the fake engine finds three people in a picture of 30 x 20 pixels."""


def outcomes(client: WorkerClient, *numbers: int) -> tuple[dict[int, Event], list[Event]]:
    """The last event of each request, in the order in which they ended, and all events."""
    last: dict[int, Event] = {}
    events: list[Event] = []
    end = time.monotonic() + PATIENCE_S
    while len(last) < len(numbers):
        assert time.monotonic() < end, f"no end; so far: {events}"
        for event in client.poll():
            events.append(event)
            if event.is_final and event.id in numbers:
                assert event.id is not None
                last[event.id] = event
        time.sleep(0.005)
    return last, events


def outcome(client: WorkerClient, **keys: Any) -> Event:
    number = client.request("pose", **keys)
    return outcomes(client, number)[0][number]


def test_one_person_comes_back_with_what_was_pinned(client: WorkerClient, photo: Callable[[str], str]) -> None:
    path = photo("three")
    done = outcome(client, photo=path, box=[0, 0.5, 14, 10], pins=[[3, 4.5, 6, "place"], ["nose", 1, 2]], fov_deg=90)
    assert done.kind == "done", done
    result = done.result
    assert (result["person"], result["bbox"], result["image_size"]) == (1, HALF, [30, 20])
    assert result["warnings"] == ["the left foot is a guess"]
    lens = result["details"].pop("lens")
    assert (lens["source"], lens["fov_deg"]) == ("set", pytest.approx(90))
    assert result["details"] == {"suggested_keypoints": []}
    with np.load(result["estimate"]) as arrays:
        assert arrays["keypoints"].tolist() == [[3, 4.5, 6], [0, 1, 2]]
        assert arrays["intrinsics"][0, 0] == pytest.approx(15.0)


def test_without_a_box_the_largest_person_is_meant(client: WorkerClient, photo: Callable[[str], str]) -> None:
    assert outcome(client, photo=photo("three")).result["bbox"] == WHOLE


def test_a_box_of_nobody_is_told_of(client: WorkerClient, photo: Callable[[str], str]) -> None:
    event = outcome(client, photo=photo("three"), box=[28, 18, 30, 20])
    assert event.error == "NoPersonError"
    assert "nobody" in event.text


def test_a_reading_that_knows_the_person_serves_again(client: WorkerClient, photo: Callable[[str], str]) -> None:
    """The lens that an estimate came with, through single precision, is the lens of the reading."""
    path = photo("three")
    number = client.request("estimate", photo=path, fov_deg=90)
    done = outcomes(client, number)[0][number]
    with np.load(done.result["people"][0]["estimate"]) as arrays:
        camera = arrays["intrinsics"].astype(np.float32).astype(float).tolist()
    number = client.request("pose", photo=path, box=THIRD, intrinsics=camera)
    last, events = outcomes(client, number)
    assert last[number].result["person"] == 2
    assert not [event for event in events if event.kind == "status"]  # nothing was opened or read anew
    camera[0][0] *= 1.01
    number = client.request("pose", photo=path, box=THIRD, intrinsics=camera)
    last, _ = outcomes(client, number)
    with np.load(last[number].result["estimate"]) as arrays:
        np.testing.assert_allclose(arrays["intrinsics"], camera)


def test_an_engine_that_takes_boxes_is_told_it_unless_it_knows_the_person(
    client: WorkerClient, photo: Callable[[str], str]
) -> None:
    path, keys = photo("three"), dict[str, Any](engine="sam3d_body")
    told = outcome(client, photo=path, box=[3, 3, 9, 17], pins=[[5, 1, 1, "incorrect"]], inference="body", **keys)
    assert (told.result["person"], told.result["bbox"]) == (0, [3, 3, 9, 17])
    assert json.loads(told.result["warnings"][0])["kinds"] == ["incorrect"]
    number = client.request("read", photo=path, **keys)
    outcomes(client, number)
    assert outcome(client, photo=path, box=HALF, **keys).result["person"] == 1


def test_the_newest_of_a_slot_overtakes_what_waits(client: WorkerClient, photo: Callable[[str], str]) -> None:
    path, slow = photo("one"), photo("slow")
    running = client.request("pose", photo=slow, slot="a")
    while not any(event.id == running for event in client.poll()):
        time.sleep(0.005)
    older = [client.request("pose", photo=path, slot="a") for _ in range(3)]
    other = client.request("pose", photo=path, slot="b")
    newest = client.request("pose", photo=path, slot="a", pins=[[1, 2, 3]])
    last, _ = outcomes(client, running, *older, other, newest)
    assert [last[number].error for number in older] == ["Cancelled"] * 3
    assert [last[number].kind for number in (running, other, newest)] == ["done"] * 3
    assert list(last)[-1] == newest


@pytest.mark.parametrize(
    "keys",
    [
        {"box": [1, 2, 3]},
        {"box": [[1, 2, 3, 4]]},
        {"intrinsics": [1, 2, 3]},
        {"intrinsics": [[0, 0, 0], [0, 1, 0], [0, 0, 1]]},
        {"intrinsics": [[9, 0, 0], [0, 9, 0], [0, 0, 2]]},
        {"intrinsics": [[9, 0, 5], [0, 9, 5], [0, 0, 1]], "fov_deg": 40},
        {"intrinsics": [["a", 0, 0], [0, 1, 0], [0, 0, 1]]},
        {"edits": True},
        {"edits": {"model_parameters": {"12": "much"}}},
        {"edits": {"model_parameters": {"0": 0.5}}},
        {"edits": {"camera_translation": [1, 2]}},
        {"snap": 1},
        {"slot": 7},
        {"boxes": [[0, 0, 9, 9]]},
    ],
)
def test_requests_that_make_no_sense_are_refused(
    client: WorkerClient, photo: Callable[[str], str], keys: dict[str, Any]
) -> None:
    event = outcome(client, photo=photo("one"), **keys)
    assert event.error == "UsageError", event
    assert event.text


class Deaf:
    """A reading of an engine that takes pins for hints, and here does not heed them at all."""

    def __init__(self, estimate: Estimate) -> None:
        self._estimate = estimate
        self.people = [SimpleNamespace(bbox=estimate.bbox, landmarks=None)]

    def estimate(
        self, person: int = 0, keypoints: Any = (), mask: Any = None, *, inference: Any = None, edits: Any = None
    ) -> Estimate:
        self.edits = edits
        return self._estimate


def test_what_an_engine_leaves_is_closed_on_demand(default_body_path: Path) -> None:
    body = Body.load(default_body_path)
    size = (800, 1000)
    parameters = np.zeros(len(body.parameter_names))
    nothing = np.zeros(body.identity_count), np.zeros(body.expression_count)
    answer = Estimate.from_state(
        body, PlacedState(parameters, *nothing, np.array([0.0, 0.9, 4.0])), intrinsics_for(size),
        image_size=np.array(size), bbox=np.zeros(4), engine="deaf",
    )  # fmt: skip
    wrist, head = body.keypoint_names.index("left_wrist"), body.parameter_index("head_twist")
    x, y = (answer.keypoints_2d[wrist] + [-8.0, 12.0]).tolist()
    reading = Deaf(answer)
    engine = SimpleNamespace(name="deaf", body=body, capabilities=Capabilities())
    photo = Photo(np.zeros((size[1], size[0], 3), np.uint8), Path("dark.jpg"))
    found = ReadPhoto(photo, reading, engine)  # type: ignore[arg-type]
    inference = Inference()
    assert inference.pose(found, 0, [(wrist, x, y)]).vertices is answer.vertices
    snapped = inference.pose(found, 0, [(wrist, x, y)], snap=True)
    assert np.linalg.norm(snapped.keypoints_2d[wrist] - [x, y]) < 1.5
    edited = parameters.copy()
    edited[head] = 0.3
    edits = Edits({head: 0.3})
    kept = inference.pose(found, 0, [(wrist, x, y)], edits=edits)
    np.testing.assert_array_equal(kept.model_parameters, edited)
    assert kept.details["without_edits"] == {"model_parameters": {str(head): 0.0}}
    both = inference.pose(found, 0, [(wrist, x, y)], edits=edits, snap=True)
    assert np.linalg.norm(both.keypoints_2d[wrist] - [x, y]) < 1.5
    assert both.model_parameters[head] == 0.3
    assert reading.edits is None
    engine.capabilities = Capabilities(edits=True)  # it sees to edits itself
    assert inference.pose(found, 0, [(wrist, x, y)], edits=edits, snap=True).vertices is answer.vertices
    assert reading.edits is edits
