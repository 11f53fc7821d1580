"""Textures that the worker makes along with estimates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.engines.estimate import Estimate
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.models.store import load_body
from native_runtime.pipeline.estimating import SavedEstimate
from native_runtime.service.textures import ESTIMATED, textures_of_people
from native_runtime.texture.files import EncodedTexture, TextureFiles
from tests.support.painted import INTRINSICS, SIZE, Model, photograph, symmetric

pytestmark = pytest.mark.models


class Heard:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.warnings: list[str] = []
        self.values: list[float] = []

    def status(self, text: str) -> None:
        self.texts.append(text)

    def progress(self, value: float) -> None:
        self.values.append(value)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def _person(body: Body, number: int, folder: Path) -> SavedEstimate:
    place = PlacedState(
        np.zeros(len(body.parameter_names)),
        np.zeros(body.identity_count),
        np.zeros(body.expression_count),
        np.array([0.7 * number - 0.35, 0.85, 3.8]),
    )
    estimate = Estimate.from_state(
        body, place, INTRINSICS, image_size=np.array(SIZE), bbox=np.zeros(4), engine="truth", photo="a.png",
        person=number,
    )  # fmt: skip
    return SavedEstimate(number, [0.0] * 4, estimate, folder / f"a_person{number}")


def test_everybody_gets_their_texture_and_failures_cost_only_themselves(models: Path, tmp_path: Path) -> None:
    body = load_body("default-lod2", models)
    people = [_person(body, number, tmp_path) for number in range(2)]
    colours = symmetric(body.rest_vertices)
    pixels = photograph([Model(body, one.estimate.vertices.astype(float), colours) for one in people])
    found: Any = SimpleNamespace(photo=Photo(pixels, Path("a.png")), engine=SimpleNamespace(body=body))
    wrong = replace(people[1], estimate=replace(people[1].estimate, image_size=np.array([7, 7])))
    heard = Heard()
    made = textures_of_people(found, [people[0], wrong], None, heard)
    assert list(made) == [0]
    texture = EncodedTexture.read(TextureFiles.from_json(made[0]))
    picture = cv2.imdecode(np.frombuffer(texture.colour, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (texture.size, texture.size, 3)
    assert texture.facts["photos"] == [{"name": "a.png"}]
    assert texture.facts["body_hash"] == body.hash
    seen = [
        round(float(c))
        for c in picture[cv2.imdecode(np.frombuffer(texture.confidence, np.uint8), 0) >= 128].mean(axis=0)
    ]
    assert texture.facts["mean_seen"] == pytest.approx(seen[::-1], abs=1)
    assert heard.texts == ["Making the texture of person 1", "Making the texture of person 2"]
    assert heard.values == pytest.approx([(1 + ESTIMATED) / 2, 1.0])
    (warning,) = heard.warnings
    assert warning.startswith("Person 2 got no texture:")
