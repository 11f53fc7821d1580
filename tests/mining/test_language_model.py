"""A language model that is asked about photos: a stub server on this machine that answers well and badly."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.errors import ModelError, UsageError
from native_runtime.mining.language_model.asking import Asker, Endpoint, LimitReachedError
from native_runtime.mining.language_model.question import LONGER_SIDE, Described, UnusableAnswerError
from tests.mining.stub_model import completion, serving

PHOTO = np.full((900, 1200, 3), (200, 60, 20), np.uint8)


GOOD = completion('{"kinds": ["lying", "crowd", "dragon"], "note": "Two\\n people  lie."}')
DESCRIBED = Described(("lying", "crowd"), "Two people lie.")


def _asker(url: str, **limits: Any) -> tuple[Asker, list[float]]:
    waits: list[float] = []
    return Asker(Endpoint(url, "seer", **limits), waits.append), waits


def test_the_answer_is_read_and_the_photo_is_small_and_without_metadata() -> None:
    with serving(GOOD) as stub:
        asker, _ = _asker(stub.url, key="secret")
        assert asker.ask(PHOTO) == DESCRIBED
    (asked,) = stub.asked
    assert (asked["path"], asked["model"]) == ("/v1/chat/completions", "seer")
    assert asked["response_format"]["json_schema"]["schema"]["required"] == ["kinds", "note"]
    data = base64.b64decode(asked["messages"][1]["content"][0]["image_url"]["url"].partition(",")[2])
    sent = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert max(sent.shape) == LONGER_SIDE
    assert np.abs(sent.mean(axis=(0, 1)) - [20, 60, 200]).max() < 5, "colours are exchanged"
    assert b"Exif" not in data
    assert stub.keys == ["Bearer secret"]
    assert (asker.photos, asker.tokens) == (1, 100)
    assert "secret" not in repr(asker.endpoint)


def test_fenced_json_is_read() -> None:
    with serving(completion('Sure!\n```json\n{"kinds": ["crowd"], "note": ""}\n```')) as stub:
        assert _asker(stub.url)[0].ask(PHOTO).kinds == ("crowd",)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (completion("I think they lie."), "did not answer with JSON"),
        (completion('{"kinds": "lying"}'), "names no kinds"),
        (completion(None), "said nothing"),
        ({"choices": []}, "another form"),
        ([], "another form"),
        (b"<html>", "another form"),
        (b"[" * 100_000, "another form"),
        (b'"' + b"x" * (1 << 20) + b'"', "another form"),
    ],
)
def test_answers_without_use_are_asked_for_twice(answer: Any, said: str) -> None:
    with serving(answer) as stub:
        with pytest.raises(UnusableAnswerError, match=said):
            _asker(stub.url)[0].ask(PHOTO)
        assert len(stub.asked) == 2


def test_a_better_second_answer_counts() -> None:
    with serving(completion("hm"), GOOD) as stub:
        asker, _ = _asker(stub.url)
        assert asker.ask(PHOTO) == DESCRIBED
        assert (asker.photos, asker.tokens) == (1, 200)


def test_a_refusal_is_not_argued_with() -> None:
    with serving(completion(None, refusal="I cannot look at people.")) as stub:
        with pytest.raises(UnusableAnswerError, match="refused"):
            _asker(stub.url)[0].ask(PHOTO)
        assert len(stub.asked) == 1


def test_it_waits_as_long_as_a_busy_server_says() -> None:
    busy = (429, {"Retry-After": "7"}, {})
    with serving(busy, (503, {}, {}), (500, {"Retry-After": "soon"}, {}), GOOD) as stub:
        asker, waits = _asker(stub.url)
        assert asker.ask(PHOTO) == DESCRIBED
        assert waits == [7.0, 2.0, 4.0]


def test_it_gives_up_on_a_server_that_stays_busy() -> None:
    with serving((429, {"Retry-After": "100000"}, {})) as stub:
        asker, waits = _asker(stub.url, retries=2)
        with pytest.raises(ModelError, match="takes no more requests"):
            asker.ask(PHOTO)
        assert waits == [60.0, 60.0]


@pytest.mark.parametrize(("status", "said"), [(401, "accept the key"), (404, "knows no model"), (413, "HTTP 413")])
def test_what_will_not_pass_is_not_tried_again(status: int, said: str) -> None:
    with serving((status, {}, {})) as stub:
        with pytest.raises(ModelError, match=said):
            _asker(stub.url)[0].ask(PHOTO)
        assert len(stub.asked) == 1


def test_a_server_that_knows_no_schema_is_asked_without() -> None:
    with serving((400, {}, {}), GOOD) as stub:
        asker, _ = _asker(stub.url)
        assert asker.ask(PHOTO) == asker.ask(PHOTO) == DESCRIBED
    assert ["response_format" in asked for asked in stub.asked] == [True, False, False]


def test_the_key_and_the_photo_do_not_follow_a_redirection_elsewhere() -> None:
    with serving(GOOD) as other, serving((307, {"Location": f"{other.url}/chat/completions"}, {})) as stub:
        with pytest.raises(ModelError):
            _asker(stub.url, key="secret")[0].ask(PHOTO)
        assert other.asked == []


def test_no_server_is_said_to_be_none() -> None:
    with serving(GOOD) as stub:
        url = stub.url
    asker, waits = _asker(url, retries=1)
    with pytest.raises(ModelError, match=r"no connection to 127\.0\.0\.1"):
        asker.ask(PHOTO)
    assert waits == [1.0]


def test_limits_hold() -> None:
    with serving(GOOD) as stub:
        asker, _ = _asker(stub.url, most_photos=2)
        asker.ask(PHOTO)
        asker.ask(PHOTO)
        with pytest.raises(LimitReachedError, match="2 photos"):
            asker.ask(PHOTO)
        asker, _ = _asker(stub.url, most_tokens=150)
        asker.ask(PHOTO)
        asker.ask(PHOTO)
        with pytest.raises(LimitReachedError, match="200 tokens"):
            asker.ask(PHOTO)
        assert len(stub.asked) == 4


@pytest.mark.parametrize("url", ["http://example.com/v1", "ftp://example.com", "example.com/v1", ""])
def test_photos_are_sent_by_https_only(url: str) -> None:
    with pytest.raises(UsageError, match="https"):
        Endpoint(url, "seer")
