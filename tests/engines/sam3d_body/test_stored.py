"""Features on disk: what is found again, what is not, and what damage does."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.engines.sam3d_body.engine import Sam3dBodyEngine
from native_runtime.engines.sam3d_body.stored import Place, StoredFeatures
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from tests.engines.sam3d_body.fake import TRUSTING, FakeNetworks

BOX = [100.0, 40, 180, 200]
KNEE = [(11, 130, 150)]
ARRAYS = ("model_parameters", "identity", "camera_translation", "keypoints_2d", "keypoints_3d", "vertices")
PLACE = Place(10.0, 20.0, 30.0)
FEATURES = {"features": np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2) / 7}


@pytest.fixture(scope="module")
def photo() -> Photo:
    return Photo(np.random.default_rng(2).integers(0, 255, (240, 320, 3), dtype=np.uint8), Path("somebody.png"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "features"


class Session:
    """A start of the program: an engine with nothing in memory."""

    def __init__(self, constants: dict[str, NDArray], body: Body, folder: Path, encoder: str = "a", on: bool = True):
        self.networks = FakeNetworks(constants)
        store = StoredFeatures(folder, encoder)
        self.engine = Sam3dBodyEngine(self.networks, body, criteria=TRUSTING, store=store)
        self.engine.remember(on)


def test_a_photo_that_is_opened_again_needs_no_encoder(
    constants: dict[str, NDArray], body: Body, photo: Photo, folder: Path
) -> None:
    first = Session(constants, body, folder)
    before = first.engine.read(photo, boxes=[BOX]).estimate(keypoints=KNEE)
    assert first.networks.encoded == 3
    again = Session(constants, body, folder)
    reading = again.engine.read(photo, boxes=[BOX])
    after = reading.estimate(keypoints=KNEE)
    assert again.networks.encoded == reading.encoded == 0
    assert all((getattr(after, name) == getattr(before, name)).all() for name in ARRAYS)


def test_hands_are_found_with_a_camera_of_single_precision(
    constants: dict[str, NDArray], body: Body, photo: Photo, folder: Path
) -> None:
    place = replace(PLACE, x=10.0 + 1e-4, side=30.0 - 1e-3)
    store = StoredFeatures(folder, "a")
    store.put("p", PLACE, FEATURES)
    assert (store.get("p", place)["features"] == FEATURES["features"]).all()
    assert store.get("p", replace(PLACE, y=20.1)) is None
    assert store.get("other", PLACE) is None


def test_another_photo_box_or_encoder_or_nothing_asked_for_is_encoded(
    constants: dict[str, NDArray], body: Body, photo: Photo, folder: Path
) -> None:
    Session(constants, body, folder).engine.read(photo, boxes=[BOX]).estimate(inference="body")
    other = Photo(photo.pixels.copy(), photo.path)
    other.pixels[0, 0, 0] ^= 1
    for session, seen, box in (
        (Session(constants, body, folder), other, BOX),
        (Session(constants, body, folder), photo, [101.0, 40, 180, 200]),
        (Session(constants, body, folder, encoder="b"), photo, BOX),
        (Session(constants, body, folder, on=False), photo, BOX),
    ):
        session.engine.read(seen, boxes=[box]).estimate(inference="body")
        assert session.networks.encoded == 1


def test_the_mirrored_photo_and_another_size_are_other_pictures(photo: Photo, folder: Path) -> None:
    store = StoredFeatures(folder, "a")
    assert len({store.picture(photo.pixels, *how) for how in ((True, 512), (False, 512), (False, 384))}) == 3


def test_nothing_is_written_unless_it_is_wanted(
    constants: dict[str, NDArray], body: Body, photo: Photo, folder: Path
) -> None:
    Session(constants, body, folder, on=False).engine.read(photo, boxes=[BOX]).estimate()
    assert not folder.exists()


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign"])
def test_damaged_files_are_said_removed_and_computed_again(
    constants: dict[str, NDArray],
    body: Body,
    photo: Photo,
    folder: Path,
    damage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = Session(constants, body, folder).engine.read(photo, boxes=[BOX]).estimate(inference="body")
    (path,) = folder.iterdir()
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[data.index(b"features.npy") + 140] ^= 0xFF
    elif damage == "foreign":
        np.savez(path, about=np.array('{"format": "sam3db-estimate/1"}'), features=np.zeros(1))
        data = bytearray(path.read_bytes())
    path.write_bytes({"cut": data[: len(data) // 2], "empty": b""}.get(damage, data))
    again = Session(constants, body, folder)
    after = again.engine.read(photo, boxes=[BOX]).estimate(inference="body")
    assert again.networks.encoded == 1
    assert "damaged" in caplog.text
    assert (after.vertices == before.vertices).all()
    assert Session(constants, body, folder).engine.read(photo, boxes=[BOX]).estimate(inference="body")


def test_whole_files_with_other_arrays_are_not_used(
    constants: dict[str, NDArray], body: Body, photo: Photo, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Session(constants, body, folder).engine.read(photo, boxes=[BOX]).estimate(inference="body")
    (path,) = folder.iterdir()
    store = StoredFeatures(folder, "a")
    x, y, side = (float(number) for number in path.stem.split("_")[1:])
    store.put(path.stem.split("_")[0], Place(x, y, side), {"features": np.zeros((2, 2))})
    again = Session(constants, body, folder)
    again.engine.read(photo, boxes=[BOX]).estimate(inference="body")
    assert again.networks.encoded == 1
    assert "not used" in caplog.text


def test_what_was_used_longest_ago_gives_way(folder: Path) -> None:
    store = StoredFeatures(folder, "a")
    store.put("p0", PLACE, FEATURES)
    size = next(folder.iterdir()).stat().st_size
    store = StoredFeatures(folder, "a", limit=3 * size)
    for number in (1, 2):
        store.put(f"p{number}", PLACE, FEATURES)
    for age, path in enumerate(sorted(folder.iterdir())):
        os.utime(path, (1000 + age, 1000 + age))
    assert store.get("p0", PLACE) is not None  # used now
    store.put("p3", PLACE, FEATURES)
    assert [store.get(f"p{number}", PLACE) is not None for number in range(4)] == [True, False, True, True]
    store = StoredFeatures(folder, "a", limit=1)
    store.put("p4", PLACE, FEATURES)
    assert [path.name.split("_")[0] for path in folder.iterdir()] == ["p4"]


def test_a_disk_that_takes_nothing_is_logged(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.write_text("a file where the folder should be")
    caplog.set_level(logging.WARNING)
    store = StoredFeatures(folder, "a")
    store.put("p", PLACE, FEATURES)
    assert "could not be stored" in caplog.text
    assert store.get("p", PLACE) is None
