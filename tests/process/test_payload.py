"""Errors on their way from one process to another."""

from __future__ import annotations

import json

import pytest

from native_runtime.errors import FileError, ModelError, NoPersonError, Remedy, Sam3dbError, WorkerError
from native_runtime.process.child import exit_in_words
from native_runtime.process.payload import ErrorPayload


def crossed(error: BaseException) -> ErrorPayload:
    return ErrorPayload.from_json(json.loads(json.dumps(ErrorPayload.from_exception(error).to_json())))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ModelError("There is no {body}.", Remedy.BUILD_MODELS), ModelError),
        (NoPersonError("There is no person {wanted}.", wanted=4), NoPersonError),
        (PermissionError(13, "no", "/a"), FileError),
        (ValueError("so\nlong"), WorkerError),
        (MemoryError(), WorkerError),
    ],
)
def test_an_error_is_raised_again_as_what_it_was(error: Exception, kind: type[Sam3dbError]) -> None:
    sent, received = ErrorPayload.from_exception(error), crossed(error)
    again = received.as_error()
    assert type(again) is kind
    assert str(again) == sent.text
    assert "\n" not in sent.text
    assert again.remedy is sent.remedy
    assert received.to_json() == sent.to_json()


def test_people_are_counted_from_one_where_that_is_wanted() -> None:
    payload = crossed(
        NoPersonError("There is no person {wanted}; there are people {first} to {last}.", wanted=5, first=0, last=2)
    )
    assert payload.text == "There is no person 5; there are people 0 to 2."
    assert payload.counted_from_one() == "There is no person 6; there are people 1 to 3."


def test_what_a_newer_version_sends_is_understood_as_far_as_it_goes() -> None:
    payload = ErrorPayload.from_json({"kind": "NewError", "text": "What?", "remedy": "pray", "more": 1, "detail": "x"})
    assert (payload.remedy, payload.traceback, type(payload.as_error())) == (None, "x", WorkerError)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-9, "ran out of memory"),
        (-11, "crashed (SIGSEGV)"),
        (-99, "crashed (signal 99)"),
        (0xC0000005, "crashed (0xC0000005)"),
        (3, "exit code 3"),
    ],
)
def test_an_exit_in_words(code: int, words: str) -> None:
    assert words in exit_in_words(code)
