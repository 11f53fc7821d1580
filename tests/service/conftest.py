"""A worker with a fake engine in it, and photos for it to look at."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from native_runtime.service.client import WorkerClient


@pytest.fixture
def client(repository: Path) -> Iterator[WorkerClient]:
    client = WorkerClient(engines="tests.support.fake_engine", cancel_grace_s=1.0)
    client.start(paths=[repository, *filter(os.path.exists, sys.path)])
    yield client
    client.stop()


@pytest.fixture
def photo(tmp_path: Path) -> Callable[[str], str]:
    def make(name: str) -> str:
        path = tmp_path / f"{name}.png"
        ok, data = cv2.imencode(".png", np.full((20, 30, 3), 90, np.uint8))
        assert ok
        path.write_bytes(data.tobytes())
        return str(path)

    return make
