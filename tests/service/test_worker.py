"""The worker process and its client, with a fake engine in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.cli.remedies import REMEDIES
from native_runtime.errors import Remedy
from native_runtime.service.client import Event, WorkerClient

ENGINES = "tests.support.fake_engine"
PATIENCE_S = 30.0


def wait_for(client: WorkerClient, *numbers: int) -> dict[int, list[Event]]:
    """Poll until each request is over; the events of each."""
    events: dict[int, list[Event]] = {number: [] for number in numbers}
    end = time.monotonic() + PATIENCE_S
    while not all(any(event.is_final for event in found) for found in events.values()):
        assert time.monotonic() < end, f"no final event; so far: {events}"
        for event in client.poll():
            if event.id in events:
                events[event.id].append(event)
        time.sleep(0.01)
    return events


def final(client: WorkerClient, number: int) -> Event:
    return wait_for(client, number)[number][-1]


def test_an_estimate_comes_back_as_a_file_with_progress_on_the_way(
    client: WorkerClient, photo: Callable[[str], str]
) -> None:
    number = client.request("estimate", photo=photo("one"), keypoints=[[3, 4.5, 6]], fov_deg=90)
    assert client.busy
    events = wait_for(client, number)[number]
    done = events[-1]
    assert done.kind == "done"
    assert done.result["image_size"] == [30, 20]
    (person,) = done.result["people"]
    with np.load(person["estimate"]) as arrays:
        assert arrays["intrinsics"][0, 0] == pytest.approx(15.0)
        assert arrays["keypoints"].tolist() == [[3, 4.5, 6]]
    values = [event.value for event in events if event.kind == "progress"]
    assert values == sorted(values)
    assert values[-1] == 1.0
    assert [event.text for event in events if event.kind == "warning"] == ["the left foot is a guess"]
    assert any(event.kind == "status" for event in events)
    assert not client.busy


def test_people_can_be_chosen(client: WorkerClient, photo: Callable[[str], str]) -> None:
    path = photo("three")
    numbers = [client.request("estimate", photo=path, persons=persons) for persons in ("largest", "all", [2])]
    results = wait_for(client, *numbers)
    written = [[p["person"] for p in results[n][-1].result["people"] if "estimate" in p] for n in numbers]
    assert written == [[0], [0, 1, 2], [2]]


@pytest.mark.parametrize("persons", ["largest", "all"])
def test_rougher_estimates_come_on_the_way_where_they_are_wanted(
    client: WorkerClient, photo: Callable[[str], str], persons: str
) -> None:
    path, asked = photo("three"), {"engine": "sam3d_body", "persons": persons}
    plain = wait_for(client, number := client.request("estimate", photo=path, **asked))[number]
    assert not [event for event in plain if event.kind == "estimates"]
    events = wait_for(client, number := client.request("estimate", photo=path, steps=True, **asked))[number]
    (early,) = [event for event in events if event.kind == "estimates"]
    last = events[-1]
    files = [[p["estimate"] for p in event.result["people"] if "estimate" in p] for event in (early, last)]
    assert [len(found) for found in files] == [3 if persons == "all" else 1] * 2
    assert not set(files[0]) & set(files[1])
    assert all(Path(path).is_file() for found in files for path in found)
    assert early.result.keys() == last.result.keys()
    assert not early.is_final
    after = events[events.index(early) :]
    assert any(event.kind == "status" and event.text.startswith("Refining") for event in after)
    assert not [event for event in events if event.text == "too early to tell"]


def test_engines_without_steps_just_answer(client: WorkerClient, photo: Callable[[str], str]) -> None:
    events = wait_for(client, number := client.request("estimate", photo=photo("one"), steps=True))[number]
    assert events[-1].kind == "done"
    assert not [event for event in events if event.kind == "estimates"]


def test_cancelling_after_the_first_step_keeps_its_file(client: WorkerClient, photo: Callable[[str], str]) -> None:
    number = client.request("estimate", photo=photo("slow"), engine="sam3d_body", steps=True)
    end = time.monotonic() + PATIENCE_S
    early: list[Event] = []
    while not early:
        assert time.monotonic() < end
        early = [event for event in client.poll() if event.kind == "estimates"]
        time.sleep(0.005)
    client.cancel(number)
    assert final(client, number).error == "Cancelled"
    assert Path(early[0].result["people"][0]["estimate"]).is_file()


def test_what_deep_rooms_log_as_a_warning_is_told(client: WorkerClient, photo: Callable[[str], str]) -> None:
    number = client.request("estimate", photo=photo("slower"))
    texts = [event.text for event in wait_for(client, number)[number] if event.kind == "warning"]
    assert texts == ["encoder.onnx does not fit; the CPU takes over", "the left foot is a guess"]


def test_boxes_kinds_inference_and_providers_reach_the_engine(
    client: WorkerClient, photo: Callable[[str], str]
) -> None:
    path = photo("one")
    wish = {"engine": "sam3d_body", "boxes": [[1, 2, 20, 19], [0, 0, 9, 9.5]], "providers": ["cpu"]}
    read = final(client, client.request("read", photo=path, **wish))
    assert [person["bbox"] for person in read.result["people"]] == wish["boxes"]
    number = client.request(
        "estimate", photo=path, persons=[1], keypoints=[[3, 4, 5, "ignore"]], inference="body", **wish
    )
    events = wait_for(client, number)[number]
    assert events[-1].result["people"][1]["estimate"]
    (told,) = [json.loads(event.text) for event in events if event.kind == "warning"]
    assert told == {"alone": "body", "kinds": ["ignore"], "providers": ["cpu"]}


@pytest.mark.parametrize(
    "wish",
    [
        {"boxes": []},
        {"boxes": "all"},
        {"boxes": [[1, 2, 3]]},
        {"boxes": [[1, 2, 3, "4"]]},
        {"boxes": [[5, 5, 5, 9]]},
        {"boxes": [[100, 0, 120, 10]]},
        {"providers": "cpu"},
        {"inference": 3},
        {"focal_px": "long"},
    ],
)
def test_wishes_that_make_no_sense_are_refused(
    client: WorkerClient, photo: Callable[[str], str], wish: dict[str, Any]
) -> None:
    event = final(client, client.request("estimate", photo=photo("one"), engine="sam3d_body", **wish))
    assert (event.kind, event.error) == ("error", "UsageError")
    assert event.text


def test_the_status_of_engines_says_what_is_missing(client: WorkerClient, tmp_path: Path) -> None:
    events = wait_for(
        client,
        number := client.request("engine_status", models=tmp_path, engine="sam3d_body"),
        everything := client.request("engine_status", models=tmp_path),
        nonsense := client.request("engine_status", engine="steam"),
    )
    one = events[number][-1].result
    assert (one["engine"], one["ready"], one["provider"]) == ("sam3d_body", False, None)
    assert "sam3db models get" in REMEDIES[Remedy(one["remedy"])]
    engines = {entry["engine"]: entry for entry in events[everything][-1].result["engines"]}
    assert engines["sam3d_body"] == one
    assert "sam3db models build" in REMEDIES[Remedy(engines["landmarks"]["remedy"])]
    assert events[nonsense][-1].error == "UsageError"


def test_reading_finds_people_without_estimates(client: WorkerClient, photo: Callable[[str], str]) -> None:
    done = final(client, client.request("read", photo=photo("three")))
    assert [person["person"] for person in done.result["people"]] == [0, 1, 2]
    assert not any("estimate" in person for person in done.result["people"])


@pytest.mark.parametrize("name", ["ein großer Mensch", "写真 😀", "with space and 'quotes\""])
def test_any_file_name_works(client: WorkerClient, photo: Callable[[str], str], name: str) -> None:
    path = photo(name)
    done = final(client, client.request("estimate", photo=path))
    assert done.kind == "done", done
    assert done.result["photo"] == path


def test_the_engine_and_the_photos_stay_until_released(client: WorkerClient, photo: Callable[[str], str]) -> None:
    path = photo("one")
    final(client, client.request("read", photo=path))
    assert final(client, client.request("ping")).result == {"engine_open": True, "photos": 1}
    again = wait_for(client, number := client.request("read", photo=path))[number]
    assert [event.kind for event in again] == ["done"]  # nothing had to be done anew
    final(client, client.request("release"))
    assert final(client, client.request("ping")).result == {"engine_open": False, "photos": 0}


def test_a_changed_photo_is_read_again(client: WorkerClient, photo: Callable[[str], str]) -> None:
    path = photo("one")
    final(client, client.request("read", photo=path))
    ok, data = cv2.imencode(".png", np.full((44, 33, 3), 90, np.uint8))
    assert ok
    Path(path).write_bytes(data.tobytes())
    assert final(client, client.request("read", photo=path)).result["image_size"] == [33, 44]


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"photo": "/nowhere/at/all.jpg"}, "PhotoError"),
        ({"photo": __file__}, "PhotoError"),
        ({"photo": "nobody"}, "NoPersonError"),
        ({"photo": "one", "persons": [5]}, "NoPersonError"),
        ({"photo": "one", "persons": "some"}, "UsageError"),
        ({"photo": "one", "keypoints": [[99, 1, 1]]}, "PromptError"),
        ({"photo": "three", "persons": "all", "keypoints": [[1, 1, 1]]}, "PromptError"),
        ({"photo": "one", "mask": "/nowhere/mask.png"}, "PhotoError"),
        ({"photo": "one", "focal_px": -1}, "UsageError"),
        ({"photo": "one", "fov_deg": "wide"}, "UsageError"),
        ({"photo": "one", "focal_px": 20, "fov_deg": 20}, "UsageError"),
        ({"photo": "one", "colour": "blue"}, "UsageError"),
        ({}, "UsageError"),
        ({"photo": "memory"}, "Internal"),
        ({"photo": "bug"}, "Internal"),
    ],
)
def test_what_goes_wrong_is_told_and_the_worker_lives_on(
    client: WorkerClient, photo: Callable[[str], str], keys: dict[str, Any], error: str
) -> None:
    if keys.get("photo", "/").isalpha():
        keys = keys | {"photo": photo(keys["photo"])}
    event = final(client, client.request("estimate", **keys))
    assert (event.kind, event.error) == ("error", error)
    assert event.text
    assert "Traceback" not in event.text
    pid = client.pid
    assert final(client, client.request("ping")).kind == "done"
    assert client.pid == pid


@pytest.mark.parametrize("do", ["estimate", "pose"])
@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"mask": "/nowhere/mask.png"}, "PhotoError"),
        ({"inference": "body"}, "UsageError"),
        ({"engine": "sam3d_body", "inference": "both"}, "UsageError"),
    ],
)
def test_what_is_known_to_be_wrong_is_refused_before_any_work(
    client: WorkerClient, photo: Callable[[str], str], do: str, keys: dict[str, Any], error: str
) -> None:
    events = wait_for(client, number := client.request(do, photo=photo("one"), **keys))[number]
    assert [(event.kind, event.error) for event in events] == [("error", error)]


@pytest.mark.parametrize(
    ("size", "advice"),
    [
        ((1, 1), "at 1 x 1 pixels this picture is too small"),
        ((3000, 2), "at 3000 x 2 pixels this picture is too small"),
        ((39, 39), "too small"),
        ((40, 8), "Crop the photo"),
        ((300, 200), "Crop the photo"),
    ],
)
def test_a_picture_that_is_too_small_for_people_is_called_so(
    client: WorkerClient, tmp_path: Path, size: tuple[int, int], advice: str
) -> None:
    """Cropping one pixel helps nobody."""
    path = tmp_path / "nobody.png"
    assert cv2.imwrite(str(path), np.full((size[1], size[0], 3), 90, np.uint8))
    event = final(client, client.request("read", photo=str(path)))
    assert event.error == "NoPersonError"
    assert advice in event.text
    assert ("Crop" in event.text) == ("Crop" in advice)


def test_an_unknown_request_is_refused(client: WorkerClient) -> None:
    assert final(client, client.request("dance")).error == "UsageError"


def test_a_number_that_is_not_finite_is_refused_at_once(client: WorkerClient, photo: Callable[[str], str]) -> None:
    number = client.request("estimate", photo=photo("one"), keypoints=[[3, float("nan"), 6]])
    (event,) = [event for event in client.poll() if event.id == number]
    assert (event.kind, event.error) == ("error", "UsageError")
    assert "finite" in event.text
    assert final(client, client.request("ping")).kind == "done"


def test_an_answer_that_names_no_request_leaves_none_waiting(client: WorkerClient, photo: Callable[[str], str]) -> None:
    number = client.request("estimate", photo=photo("slow"))
    assert client._child is not None
    client._child.process.send({"do": "ping"})  # has no id
    assert "needs an id" in final(client, number).text
    assert not client.busy


def test_stray_output_does_not_reach_the_protocol(client: WorkerClient, photo: Callable[[str], str]) -> None:
    assert final(client, client.request("estimate", photo=photo("noise"))).kind == "done"


@pytest.mark.parametrize("name", ["crash", "abort"])
def test_a_crash_becomes_an_error_and_the_next_request_starts_anew(
    client: WorkerClient, photo: Callable[[str], str], name: str
) -> None:
    numbers = [client.request("estimate", photo=photo(name)), client.request("estimate", photo=photo("one"))]
    events = wait_for(client, *numbers)
    assert [events[number][-1].error for number in numbers] == ["WorkerError", "WorkerError"]
    assert final(client, client.request("estimate", photo=photo("one"))).kind == "done"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_worker_is_told_of(client: WorkerClient, photo: Callable[[str], str]) -> None:
    final(client, client.request("ping"))
    number = client.request("estimate", photo=photo("stuck"))
    pid = client.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    event = final(client, number)
    assert event.error == "WorkerError"
    assert "memory" in event.text


def test_a_missing_interpreter_is_told_of(photo: Callable[[str], str]) -> None:
    client = WorkerClient()
    client.start(python="/nowhere/python")
    event = final(client, client.request("estimate", photo=photo("one")))
    assert event.error == "WorkerError"
    assert "/nowhere/python" in event.text
    client.stop()


def test_an_interpreter_without_our_modules_is_told_of(photo: Callable[[str], str], tmp_path: Path) -> None:
    client = WorkerClient(engines="a_module_that_is_not_there")
    event = final(client, client.request("estimate", photo=photo("one")))
    assert event.kind == "error"
    client.stop()


def test_two_requests_at_once_are_done_in_order(client: WorkerClient, photo: Callable[[str], str]) -> None:
    first = client.request("estimate", photo=photo("slow"))
    second = client.request("estimate", photo=photo("one"))
    order = []
    end = time.monotonic() + PATIENCE_S
    while len(order) < 2 and time.monotonic() < end:
        order += [event.id for event in client.poll() if event.is_final]
        time.sleep(0.01)
    assert order == [first, second]


def test_a_waiting_request_can_be_cancelled(client: WorkerClient, photo: Callable[[str], str]) -> None:
    first = client.request("estimate", photo=photo("slow"))
    second = client.request("estimate", photo=photo("one"))
    client.cancel(second)
    events = wait_for(client, first, second)
    assert events[first][-1].kind == "done"
    assert [event.error for event in events[second]] == ["Cancelled"]


def test_a_running_request_ends_at_its_next_step(client: WorkerClient, photo: Callable[[str], str]) -> None:
    number = client.request("estimate", photo=photo("slow three"), persons="all")
    while not any(event.kind == "status" and "Fitting" in event.text for event in client.poll()):
        time.sleep(0.005)
    pid = client.pid
    client.cancel(number)
    assert final(client, number).error == "Cancelled"
    assert client.pid == pid  # the worker obeyed and lives on


def test_a_stuck_request_is_ended_with_its_worker_and_the_others_go_on(
    client: WorkerClient, photo: Callable[[str], str]
) -> None:
    stuck = client.request("estimate", photo=photo("stuck"))
    other = client.request("estimate", photo=photo("one"))
    final(client, client.request("ping"))
    client.cancel(stuck)
    events = wait_for(client, stuck, other)
    assert events[stuck][-1].error == "Cancelled"
    assert events[other][-1].kind == "done"


def test_a_request_that_takes_too_long_is_given_up(client: WorkerClient, photo: Callable[[str], str]) -> None:
    event = final(client, client.request("estimate", photo=photo("stuck"), timeout_s=0.5))
    assert event.error == "WorkerError"
    assert "0.5 seconds" in event.text


def test_stopping_ends_the_process_and_removes_its_files(client: WorkerClient, photo: Callable[[str], str]) -> None:
    done = final(client, client.request("estimate", photo=photo("one")))
    written, pid = Path(done.result["people"][0]["estimate"]), client.pid
    assert pid is not None
    client.stop()
    client.stop()
    assert not written.parent.exists()
    assert not is_alive(pid)
    assert not client.busy


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("name", ["one", "stuck"])
def test_the_worker_dies_with_its_parent(repository: Path, photo: Callable[[str], str], name: str) -> None:
    program = (
        "import sys, time; from native_runtime.service.client import WorkerClient\n"
        f"c = WorkerClient(engines={ENGINES!r})\n"
        f"n = c.request('estimate', photo={photo(name)!r})\n"
        "while not any(e.id == n for e in c.poll()): time.sleep(0.01)\n"
        "print(c.pid, c._folder, flush=True); time.sleep(60)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(repository)}
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment, cwd=repository)
    assert parent.stdout is not None
    child, folder = parent.stdout.readline().decode().split()
    assert is_alive(int(child))
    parent.kill()
    parent.wait()
    end = time.monotonic() + 10
    while is_alive(int(child)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_alive(int(child))
    assert not Path(folder).exists()


def run_by_hand(repository: Path, lines: bytes) -> list[dict[str, Any]]:
    """Pipe lines into the worker as a shell would."""
    done = subprocess.run(
        [sys.executable, "-m", "native_runtime.service.worker", "--engines", ENGINES],
        input=lines,
        capture_output=True,
        cwd=repository,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_is_a_command_line_program(repository: Path, photo: Callable[[str], str]) -> None:
    request = json.dumps({"id": "a", "do": "estimate", "photo": photo("one")}).encode()
    events = run_by_hand(repository, request + b"\n")
    assert events[0]["event"] == "hello"
    assert events[-1]["event"] == "done"
    assert {event["id"] for event in events[1:]} == {"a"}


def test_garbage_is_answered_and_does_no_harm(repository: Path) -> None:
    garbage = [
        b"hello",
        b"[1, 2]",
        b"{",
        b"\xff\xfe\x00",
        b"",
        b"   ",
        b'{"do": "ping"}',
        b'{"id": 1}',
        b'{"id": true, "do": "ping"}',
    ]
    garbage += [b'{"id": 2, "do": ["ping"]}', b'{"id": 3, "do": "cancel", "target": {}}', b"9" * 100_000]
    events = run_by_hand(repository, b"\n".join([*garbage, b'{"id": 9, "do": "ping"}', b""]))
    assert events[-1] == {"id": 9, "event": "done", "result": {"engine_open": False, "photos": 0}}
    assert sum(event["event"] == "error" for event in events) == 9
    assert all(event["text"] for event in events if event["event"] == "error")


def is_alive(pid: int) -> bool:
    """Whether a process exists and is more than a zombie (whose parent, here, is the init process or nobody)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
