"""Data sets for the trainer: crops, lenses and numbers agree, and what is not known teaches nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.camera import mhr_to_camera
from native_runtime.dataset import shards
from native_runtime.dataset.annotations import open_data_set, stacked
from native_runtime.dataset.pictures import PictureFolder
from native_runtime.errors import FileError
from native_runtime.mhr import Body
from tests.support import pictured

torch = pytest.importorskip("torch", reason="training needs PyTorch")

from native_runtime.training.data import CropSettings, PeopleInPictures  # noqa: E402
from native_runtime.training.losses.keypoints import LEFT_HAND, RIGHT_HAND, from_origins  # noqa: E402
from native_runtime.training.surface import Surface, surface_vertices  # noqa: E402

from .tiny import SIDE  # noqa: E402


def constants(branch: Any) -> dict[str, Any]:
    return {name: buffer.numpy() for name, buffer in branch.network.part("head_pose", "body").named_buffers()}


def data(branch: Any, folder: Path, entries: list[Any], body: Body) -> PeopleInPictures:
    settings = CropSettings(SIDE, body=body.hash)
    surface = Surface(branch.support, branch.surface)
    return PeopleInPictures(stacked(entries), PictureFolder(folder), constants(branch), settings, surface)


@pytest.fixture
def entries(tmp_path: Path, tiny_body: Body, rng: np.random.Generator) -> list[Any]:
    return pictured.data_set(tmp_path, tiny_body, rng)


def test_crops_show_the_people(branch: Any, tmp_path: Path, tiny_body: Body, entries: list[Any]) -> None:
    batch = data(branch, tmp_path, entries, tiny_body).batch([0, 1])
    for number, (row, _) in enumerate(entries):
        x, y = np.round(((batch.people.keypoints_2d[number, pictured.NOSE] + 0.5) * SIDE).numpy()).astype(int)
        spot = batch.crops.pixels[number, y - 1 : y + 2, x - 1 : x + 2].float()
        assert float((spot[..., 0] - spot[..., 1]).max()) > 100  # the nose's colour, which nothing else has
        far = batch.crops.pixels[number, y - 5 : y - 3, x - 1 : x + 2].float()
        assert float((far[..., 0] - far[..., 1]).max()) < 50
        # The ray through a cell's middle hits what the lens says.
        affine = batch.crops.view.affine[number].double().numpy()
        lens = row.intrinsics
        cell = (np.array([7.5, 23.5]) - affine[:, 2]) @ np.linalg.inv(affine[:, :2]).T  # middle of cell (1, 0)
        expected = (cell - lens[:2, 2]) / lens[0, 0]
        assert np.abs(batch.crops.rays[number, :, 1, 0].numpy() - expected).max() < 0.02
        inside = (batch.crops.masks[number, 0] > 0.5).double().mean()
        assert 0.05 < inside < 0.6
    assert torch.equal(batch.crops.masks[0] > 0.5, batch.crops.masks[0] == 1)
    assert batch.crops.other_masks.flatten(1).any(1).all()  # the neighbour is cut out as well
    assert batch.crops.pixels.dtype == torch.uint8


def test_the_numbers_are_the_body(branch: Any, tmp_path: Path, tiny_body: Body, entries: list[Any]) -> None:
    """The network's own arithmetic makes the annotated keypoints of them."""
    people = data(branch, tmp_path, entries, tiny_body).batch([0, 1]).people
    assert people.known_pose.tolist() == people.known_shape.tolist() == [1, 1]
    assert people.known_hands.tolist() == [[1, 1], [1, 1]]
    estimate = torch.zeros(2, 519)
    estimate[:, :266], estimate[:, 266:311] = people.pose, people.shape
    estimate[:, 311:339], estimate[:, 339:447] = people.scale, people.hands
    with torch.no_grad():
        made = branch.network.part("head_pose", "body").unpack(estimate, branch.support)
    error = from_origins(made.keypoints) - from_origins(people.keypoints_3d)
    assert float(error.norm(dim=2).max()) < 2e-3  # correctives of the skin are not in the network


def test_hands_have_boxes(branch: Any, tmp_path: Path, tiny_body: Body, entries: list[Any]) -> None:
    (row, mask), second = entries
    few = row.keypoints_2d.copy()
    few[RIGHT_HAND.start : RIGHT_HAND.start + 15, 2] = 0
    away = second[0].keypoints_2d.copy()
    away[LEFT_HAND, 0] += 1000
    changed = [(replace(row, keypoints_2d=few), mask), (replace(second[0], keypoints_2d=away), second[1])]
    people = data(branch, tmp_path, changed, tiny_body).batch([0, 1]).people
    assert people.hand_seen.tolist() == [[1, -1], [0, 1]]
    points = people.keypoints_2d[0, LEFT_HAND] + 0.5
    centre, size = people.hand_boxes[0, 0].split(2)
    assert torch.allclose(points.amin(0), centre - size / 2, atol=1e-5)
    assert torch.allclose(points.amax(0), centre + size / 2, atol=1e-5)


def test_what_is_not_known_is_marked(branch: Any, tmp_path: Path, tiny_body: Body, entries: list[Any]) -> None:
    (row, mask), _ = entries
    flat = replace(row, placed=None, keypoints_3d=np.zeros((70, 4)))
    no_hands = replace(row, keypoints_2d=row.keypoints_2d.copy(), keypoints_3d=row.keypoints_3d.copy())
    no_hands.keypoints_2d[LEFT_HAND, 2] = no_hands.keypoints_3d[LEFT_HAND, 3] = 0
    assert row.placed is not None
    other_body = replace(row, placed=replace(row.placed, hash="another"))
    sizes = row.placed.parameters.copy()
    sizes[140:200:2] = 0.7  # beyond what 28 components of the tiny network say
    too_odd = replace(row, placed=replace(row.placed, parameters=sizes))
    official = replace(row, placed=None, mhr_valid=True, model_parameters=row.placed.parameters)
    more = np.zeros(60)
    more[50] = 0.4
    more_than_45 = replace(row, placed=replace(row.placed, identity=more))
    guessed = replace(row, quality=0.5)  # as of a character that nobody corrected
    changed = [(one, mask) for one in (flat, no_hands, other_body, too_odd, official, more_than_45, guessed)]
    people = data(branch, tmp_path, changed, tiny_body).batch(range(7)).people
    assert people.known_pose.tolist() == [0, 1, 1, 1, 1, 1, 0]
    assert people.known_hands.tolist() == [[0, 0], [0, 1], [1, 1], [1, 1], [1, 1], [1, 1], [0, 0]]
    assert people.known_shape.tolist() == [0, 1, 0, 0, 0, 0, 0]
    assert people.known_3d[0].sum() == 0
    assert people.known_2d[0].sum() == 70


def test_the_surface_is_that_of_the_body(branch: Any, tmp_path: Path, tiny_body: Body, entries: list[Any]) -> None:
    people = data(branch, tmp_path, entries, tiny_body).batch([1, 0]).people
    assert people.vertices is not None
    vertices = surface_vertices(tiny_body)
    assert people.vertices.shape == (2, len(vertices), 3)
    for found, (row, _) in zip(people.vertices.numpy(), reversed(entries)):
        whole = tiny_body.vertices(row.placed.parameters, row.placed.identity, np.zeros(tiny_body.expression_count))
        expected = mhr_to_camera(whole[vertices], row.placed.translation)
        np.testing.assert_allclose(found, expected - row.keypoints_3d[9:11, :3].mean(axis=0), atol=1e-4)
    apart = np.linalg.norm(tiny_body.rest_vertices[vertices][:, None] - tiny_body.rest_vertices[None], axis=2)
    assert apart.min(axis=0).max() < 8.0  # no vertex is farther from all of them


def test_the_same_number_is_the_same_person(
    branch: Any, tmp_path: Path, tiny_body: Body, entries: list[Any], rng: np.random.Generator
) -> None:
    one, other = (data(branch, tmp_path, entries, tiny_body) for _ in range(2))
    first, second = one.batch([0, 1]), other.batch([1, 0])
    for name in ("pixels", "masks", "rays", "condition"):
        assert torch.equal(getattr(first.crops, name), getattr(second.crops, name).flip(0))
    assert all(torch.equal(a, b.flip(0)) for a, b in zip(first.people, second.people))
    assert len(one) == 2


def test_pictures_that_do_not_fit_are_named(branch: Any, tmp_path: Path, tiny_body: Body, entries: list[Any]) -> None:
    path = tmp_path / "images" / "photo.png"
    cv2.imwrite(str(path), np.zeros((100, 120, 3), np.uint8))
    with pytest.raises(FileError, match=r"'photo.png' has 120 x 100 pixels, but the mask in its row 320 x 240"):
        data(branch, tmp_path, entries, tiny_body).batch([0])
    path.write_bytes(b"nothing")
    with pytest.raises(FileError, match=r"The picture 'photo.png' of the data set"):
        data(branch, tmp_path, entries, tiny_body).batch([0])
    path.unlink()
    with pytest.raises(FileError, match=r"The picture 'photo.png', which a row"):
        data(branch, tmp_path, entries, tiny_body).batch([0])
    for name in ("../photo.png", str(path), "", "images/../../photo.png"):
        row, mask = entries[0]
        with pytest.raises(FileError, match="is no name of a picture"):
            data(branch, tmp_path, [(replace(row, image=name), mask)], tiny_body).batch([0])


def test_a_folder_trains(branch: Any, tmp_path: Path, tiny_body: Body, entries: list[Any]) -> None:
    """From files to a step; who is held out is not learnt from."""
    pytest.importorskip("pyarrow", reason="data sets need pyarrow")
    from native_runtime.training.processes import Processes
    from native_runtime.training.trainer import train

    from .tiny import few_steps, objective

    alone = Processes(0, 1, torch.device("cpu"))
    held = replace(entries[0][0], held_out=True)
    shards.write(tmp_path / "000000.parquet", [row for row, _ in entries] + [held])
    annotations, pictures = open_data_set(tmp_path)
    assert len(annotations) == 2
    assert len(open_data_set(tmp_path, held_out=True)[0]) == 1
    settings = CropSettings(SIDE, body=tiny_body.hash)
    people = PeopleInPictures(annotations, pictures, constants(branch), settings)
    folder = tmp_path / "run"
    outcome = train(branch, objective(), people, few_steps(steps=1, batch=2), folder, alone)
    assert outcome.steps == 1
    shards.write(tmp_path / "none" / "000000.parquet", [held])
    with pytest.raises(FileError, match="no people to learn from"):
        open_data_set(tmp_path / "none")
