"""Which estimates are of which pictures of a data set."""

from __future__ import annotations

import numpy as np

from native_runtime.evaluation.found import FoundPerson, match
from native_runtime.evaluation.truth import TruePicture

_ONE = FoundPerson(np.zeros((70, 2)), np.zeros((70, 3)), np.zeros(4), np.array([9, 9]))


def test_photos_of_one_name_are_told_apart_by_their_folders() -> None:
    pictures = [TruePicture(f"{name}/image_00000.jpg", []) for name in ("walk_00", "walk_01")]
    found = {
        "home/me/found/walk_01/image_00000.jpg": [_ONE],
        "home/me/found/train_07/image_00000.jpg": [_ONE],
        "home/me/found/walk_00/image_00009.jpg": [_ONE],
    }
    matched = match(found, pictures)
    assert list(matched.people) == ["walk_01/image_00000.jpg"]
    assert matched.unclear == ["home/me/found/train_07/image_00000.jpg"]
    assert matched.strangers == ["home/me/found/walk_00/image_00009.jpg"]


def test_folders_between_do_not_matter_but_their_order_does() -> None:
    pictures = [TruePicture("P0/00_walk/00000.jpg", [])]
    assert match({"out/P0/00_walk/images/00000.jpg": [_ONE]}, pictures).people
    assert not match({"out/00_walk/P0/00000.jpg": [_ONE]}, pictures).people
    assert not match({"P0_00_walk/00000.jpg": [_ONE]}, pictures).people


def test_a_picture_without_an_ending_is_found_with_any() -> None:
    pictures = [TruePicture("cam_03/00017_03", []), TruePicture("cam_03/00018_03", [])]
    assert list(match({"x/cam_03/00018_03.jpeg": [_ONE]}, pictures).people) == ["cam_03/00018_03"]


def test_all_people_of_a_photo_come_together() -> None:
    pictures = [TruePicture("a.jpg", [])]
    assert len(match({"one/a.jpg": [_ONE], "two/a.jpg": [_ONE]}, pictures).people["a.jpg"]) == 2
