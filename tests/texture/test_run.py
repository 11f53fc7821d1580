"""From files to files: `sam3db texture`."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.cli.main import main
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import ModelError, PhotoError, UsageError
from native_runtime.image.reading import read_photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.models.store import load_body
from native_runtime.texture.files import TextureFiles, read_record, save_texture
from native_runtime.texture.hints import SEEN, read_hints
from native_runtime.texture.making import Texture
from native_runtime.texture.request import TextureRequest
from native_runtime.texture.run import bystanders, looked_at_again, run_job, shot_of
from tests.support.painted import INTRINSICS, SIZE, Model, photograph, symmetric
from tests.support.sightings import seen_person

pytestmark = pytest.mark.models


def _estimate(body: Body, aside: float = 0.0, person: int = 0, photo: str = "street.png") -> Estimate:
    state = PlacedState(
        np.zeros(len(body.parameter_names)),
        np.zeros(body.identity_count),
        np.zeros(body.expression_count),
        np.array([aside, 0.85, 3.8]),
    )
    return Estimate.from_state(
        body,
        state,
        INTRINSICS,
        image_size=np.array(SIZE),
        bbox=np.array([0.0, 0.0, *SIZE]),
        engine="truth",
        photo=photo,
        person=person,
        details={SEEN: {}},
    )


@pytest.fixture(scope="module")
def made_street(person: Body, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of two people, and their estimates beside it, made when all was known that networks see in the photo."""
    folder = tmp_path_factory.mktemp("street")
    estimates = [_estimate(person, -0.35), _estimate(person, 0.35, 1)]
    colours = symmetric(person.rest_vertices)
    picture = photograph([Model(person, e.vertices.astype(float), colours) for e in estimates])
    cv2.imwrite(str(folder / "street.png"), picture[..., ::-1])
    for number, estimate in enumerate(estimates):
        estimate.save(folder / f"street_person{number}")
    return folder


@pytest.fixture
def street(made_street: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(made_street, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def old_street(street: Path) -> Path:
    """The same, with estimates of earlier versions, which tell nothing of the photo."""
    for number in range(2):
        path = street / f"street_person{number}.npz"
        replace(Estimate.load(path), details={}).save(path.with_suffix(""))
    return street


def test_the_command_writes_a_texture_for_each_person(old_street: Path, capfd: pytest.CaptureFixture[str]) -> None:
    street = old_street
    files = [str(street / f"street_person{number}.npz") for number in range(2)]
    assert main(["texture", *files, "-o", str(street / "out"), "--size", "1024", "--json"]) == 0
    result: dict[str, Any] = json.loads(capfd.readouterr().out)
    assert result["ok"]
    assert [len(texture["files"]) for texture in result["textures"]] == [3, 3]
    for texture in result["textures"]:
        picture = cv2.imread(texture["files"]["colour"])
        sure = cv2.imread(texture["files"]["confidence"], cv2.IMREAD_UNCHANGED)
        assert picture.shape == sure.shape == (1024, 1024, 3)
        record = read_record(Path(texture["files"]["record"]))
        assert record["size"] == 1024
        assert record["photos"][0]["name"] == "street.png"
        assert sum(record["shares"].values()) == pytest.approx(1, abs=1e-3)


def test_one_person_in_several_photos_gets_one_texture(street: Path) -> None:
    files = tuple(str(street / f"street_person{number}.npz") for number in range(2))
    saved = run_job(TextureRequest(files, one_person=True, size=1024), street)
    assert len(saved.texture.facts["seen_by"]) == 2
    assert saved.files.colour.name == "street_person0_texture.png"


def test_a_picture_that_was_painted_on_is_kept(street: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = ["texture", str(street / "street_person0.npz"), "-o", str(street), "--size", "1024"]
    picture = street / "street_person0_texture.png"
    start = "street_person0_texture"
    made = {f"{start}.png", f"{start}.json", f"{start}_confidence.png"}

    def run() -> str:
        assert main(command) == 0
        return capfd.readouterr().err

    assert "kept" not in run() + run(), "nobody has changed them"
    assert {path.name for path in street.glob(f"{start}*")} == made
    for number, name in enumerate((f"{start} (changed).png", f"{start} (changed 2).png")):
        cv2.imwrite(str(picture), np.full((8, 8, 3), 40 * number, np.uint8))
        painted = picture.read_bytes()
        assert f"{picture.name} is not as it was made, or nobody can tell: it is kept as {name}." in run()
        made.add(name)
        assert {path.name for path in street.glob(f"{start}*")} == made
        assert (street / name).read_bytes() == painted
        assert cv2.imread(str(picture)).shape == (1024, 1024, 3)


@pytest.mark.parametrize("record", [None, b"damaged", b'{"format": "sam3db-texture/1", "shares": {}, "files": {}}'])
def test_pictures_that_no_record_knows_are_kept(tmp_path: Path, record: bytes | None) -> None:
    texture = Texture(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), {"shares": {}})
    files = TextureFiles.of(tmp_path / "a")
    files.colour.write_bytes(b"somebody's")
    if record is not None:
        files.record.write_bytes(record)
    heard: list[str] = []
    assert save_texture(texture, tmp_path / "a", {}, heard.append) == files
    assert (tmp_path / "a_texture (changed).png").read_bytes() == b"somebody's"
    assert len(heard) == 1
    save_texture(texture, tmp_path / "a", {}, heard.append)
    assert len(heard) == 1, "now its record tells"


def test_one_that_fails_does_not_stop_the_rest(street: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (street / "broken_person0.npz").write_bytes(b"no estimate")
    files = [str(street / name) for name in ("broken_person0.npz", "street_person0.npz")]
    assert main(["texture", *files, "-o", str(street / "out"), "--size", "1024", "--json"]) == 1
    textures = json.loads(capfd.readouterr().out)["textures"]
    assert "not a usable estimate" in textures[0]["error"]["text"]
    assert textures[1]["error"] is None


def test_those_who_stand_beside_are_known(street: Path) -> None:
    path = street / "street_person0.npz"
    (street / "street_person7.npz").write_bytes(b"damaged")
    (street / "street_person8_take.npz").write_bytes(b"something else")
    assert [other.person for other in bystanders(path, Estimate.load(path))] == [1]
    assert bystanders(street / "named_by_hand.npz", Estimate.load(path)) == []


def test_estimates_that_tell_nothing_of_the_photo_are_looked_at_again(
    old_street: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    street = old_street
    estimates = [Estimate.load(street / f"street_person{number}.npz") for number in range(2)]
    photo = read_photo(street / "street.png")
    seen = [seen_person((90.0, 240.0)), seen_person((270.0, 240.0))]
    asked: list[Any] = []

    class Networks:
        def __init__(self, models: Path) -> None: ...

        def people_in(self, rgb: Any, boxes: Any, with_hands: bool) -> Any:
            asked.append(boxes)
            return seen

    monkeypatch.setattr("native_runtime.detection.networks.LandmarkNetworks", Networks)
    again = looked_at_again(estimates[0], estimates[1:], photo)
    assert asked[0].shape == (2, 4)
    hints = read_hints(again.details, photo.original_size, photo.size)
    assert hints.face is not None
    assert hints.person is not None
    assert hints.others is not None
    assert np.nonzero(hints.person)[1].mean() < 180 < np.nonzero(hints.others)[1].mean()
    shot = shot_of(photo, again, load_body(again.body_name))
    assert np.array_equal(shot.hint, hints.person)
    assert np.array_equal(shot.strangers, hints.others)
    assert np.array_equal(shot.face, hints.face)

    seen[0] = None
    assert looked_at_again(estimates[0], estimates[1:], photo) is estimates[0]


def test_without_the_networks_nothing_is_known(old_street: Path, tmp_path: Path) -> None:
    street = old_street
    estimate = Estimate.load(street / "street_person0.npz")
    assert looked_at_again(estimate, [], read_photo(street / "street.png"), tmp_path / "no models") is estimate


def test_photos_that_do_not_belong_are_refused(street: Path, person: Body) -> None:
    path = street / "street_person0.npz"
    wrong = street / "wrong.png"
    cv2.imwrite(str(wrong), np.zeros((20, 30, 3), np.uint8))
    with pytest.raises(PhotoError, match=r"30 x 20 pixels, but the estimate was made in a photo of 360 x 480"):
        run_job(TextureRequest((str(path),), photos=(str(wrong),)), street)
    _estimate(person, photo="gone.jpg").save(street / "gone_person0")
    with pytest.raises(PhotoError, match=r"gone\.jpg is not beside"):
        run_job(TextureRequest((str(street / "gone_person0.npz"),)), street)


def test_estimates_of_other_bodies_are_refused(street: Path, person: Body) -> None:
    estimate = replace(_estimate(person), body_name="other")
    estimate.save(street / "other_person0")
    files = (str(street / "other_person0.npz"), str(street / "street_person0.npz"))
    with pytest.raises(UsageError, match="different bodies: default-lod2, other"):
        run_job(TextureRequest(files, one_person=True), street)
    with pytest.raises(ModelError, match="not of 'default-lod2'"):
        run_job(TextureRequest(files[:1], body="default-lod2"), street)


def test_requests_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(UsageError, match="2 photos were given for 1 estimate: "):
        TextureRequest(("a.npz",), photos=("a.jpg", "b.jpg"))
    with pytest.raises(UsageError, match="1024, 2048, 4096"):
        TextureRequest(("a.npz",), size=1000)
    with pytest.raises(UsageError, match="1 mask was given for 2 estimates: "):
        TextureRequest(("a.npz", "b.npz"), masks=("a.png",))
    with pytest.raises(UsageError, match="an estimate"):
        TextureRequest(())


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format": "sam3db-take/1"}', b'{"format": "sam3db-texture/1"}'])
def test_records_that_are_none_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x_texture.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a usable record of a texture"):
        read_record(path)
