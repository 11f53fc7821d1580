"""The worker's request `segment`, with the bundled networks."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def test_each_persons_mask_lies_in_their_box(ask: Callable[..., Event], photos: Path) -> None:
    photo = photos / "bus.jpg"
    largest = ask(photo=str(photo))
    assert largest.kind == "done", largest
    width, height = largest.result["image_size"]
    x0, y0, x1, y1 = largest.result["bbox"]
    for box in (None, [221.0, 405.0, 345.0, 860.0]):  # the woman in the middle
        done = ask(photo=str(photo), box=box)
        mask = read_mask(done.result["mask"], (width, height))
        y, x = np.nonzero(mask)
        x0, y0, x1, y1 = done.result["bbox"]
        inside = (x > x0 - 9) & (x < x1 + 9) & (y > y0 - 9) & (y < y1 + 9)
        assert inside.mean() > 0.98
        assert 0.25 < mask.sum() / ((x1 - x0) * (y1 - y0)) < 0.9
    assert done.result["bbox"] != largest.result["bbox"]


def test_nobody_there_and_nonsense(ask: Callable[..., Event], photo: Callable[[str], str], photos: Path) -> None:
    assert ask(photo=photo("grey")).error == "NoPersonError"
    elsewhere = ask(photo=str(photos / "bus.jpg"), box=[700.0, 10.0, 800.0, 60.0])
    assert elsewhere.error == "NoPersonError"
    assert "Draw the mask" in elsewhere.text
    assert ask(photo=str(photos / "bus.jpg"), box=[5, 5]).error == "UsageError"
