"""A worker with a fake engine in it, and photos for it to look at."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from native_runtime.service.client import WorkerClient


@pytest.fixture(scope="package")
def _workers(repository: Path) -> Iterator[list[WorkerClient]]:
    """A worker that the last test has left as it was when it was started; or none."""
    kept: list[WorkerClient] = []
    yield kept
    for client in kept:
        client.stop()


@pytest.fixture
def client(repository: Path, _workers: list[WorkerClient]) -> Iterator[WorkerClient]:
    if not _workers:
        _workers.append(WorkerClient(engines="tests.support.fake_engine", cancel_grace_s=1.0))
        _workers[0].start(paths=[repository, *filter(os.path.exists, sys.path)])
    client = _workers.pop()
    yield client
    if _is_as_new(client):
        _workers.append(client)
    else:
        client.stop()


def _is_as_new(client: WorkerClient) -> bool:
    """Whether a client has a worker that lives and waits, and has released engine and photos now."""
    if client.busy or not client.running:
        return False
    number, give_up = client.request("release"), time.monotonic() + 10.0
    while time.monotonic() < give_up:
        for event in client.poll():
            if event.id == number and event.is_final:
                return event.kind == "done" and not client.busy
        time.sleep(0.002)
    return False


@pytest.fixture
def photo(tmp_path: Path) -> Callable[[str], str]:
    def make(name: str) -> str:
        path = tmp_path / f"{name}.png"
        ok, data = cv2.imencode(".png", np.full((20, 30, 3), 90, np.uint8))
        assert ok
        path.write_bytes(data.tobytes())
        return str(path)

    return make
