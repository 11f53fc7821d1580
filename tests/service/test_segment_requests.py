"""The worker's request `segment`, with the bundled networks."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.image.reading import read_mask
from native_runtime.models import manifest, store
from native_runtime.service.client import Event, WorkerClient

PATIENCE_S = 60.0


@pytest.fixture
def ask(client: WorkerClient) -> Callable[..., Event]:
    if not (store.models_dir() / store.NETWORKS_FOLDER / manifest.NAME).is_file():
        pytest.skip("no networks: run `sam3db models build` (make models)")

    def ask(**keys: Any) -> Event:
        number, end = client.request("segment", **keys), time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            for event in client.poll():
                if event.id == number and event.is_final:
                    return event
            time.sleep(0.01)
        raise AssertionError("no answer")

    return ask


@pytest.fixture(scope="module")
def street(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people, in a photo of half its size."""
    path = tmp_path_factory.mktemp("street") / "bus.png"
    whole = cv2.imread(str(photos / "bus.jpg"))
    assert cv2.imwrite(str(path), cv2.resize(whole, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    return path


def test_each_persons_mask_lies_in_their_box(ask: Callable[..., Event], street: Path) -> None:
    largest = ask(photo=str(street))
    assert largest.kind == "done", largest
    width, height = largest.result["image_size"]
    x0, y0, x1, y1 = largest.result["bbox"]
    for box in (None, [110.0, 202.0, 172.0, 430.0]):  # the woman in the middle
        done = ask(photo=str(street), box=box)
        mask = read_mask(done.result["mask"], (width, height))
        y, x = np.nonzero(mask)
        x0, y0, x1, y1 = done.result["bbox"]
        inside = (x > x0 - 5) & (x < x1 + 5) & (y > y0 - 5) & (y < y1 + 5)
        assert inside.mean() > 0.98
        assert 0.25 < mask.sum() / ((x1 - x0) * (y1 - y0)) < 0.9
    assert done.result["bbox"] != largest.result["bbox"]


def test_nobody_there_and_nonsense(ask: Callable[..., Event], photo: Callable[[str], str], street: Path) -> None:
    assert ask(photo=photo("grey")).error == "NoPersonError"
    elsewhere = ask(photo=str(street), box=[350.0, 5.0, 400.0, 30.0])
    assert elsewhere.error == "NoPersonError"
    assert "Draw the mask" in elsewhere.text
    assert ask(photo=str(street), box=[5, 5]).error == "UsageError"
