"""Who was found, who was not, and who was made up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.errors import FileError
from native_runtime.evaluation.found import FoundPerson
from native_runtime.evaluation.layouts.coco import read
from native_runtime.evaluation.score import FOUND, score
from native_runtime.evaluation.truth import BODY, BODY_JOINTS, COCO_KEYPOINTS, Joints, TruePerson, TruePicture, Truth


def person(rng: np.random.Generator, x: float, category: str = "") -> TruePerson:
    """Somebody who stands at x and fills their box."""
    points = rng.uniform((x, 100.0), (x + 80.0, 300.0), size=(70, 2))
    points[:2] = (x, 100.0), (x + 80.0, 300.0)
    return TruePerson(
        np.array([x, 100.0, x + 80.0, 300.0]), points, rng.normal(size=(70, 3)), (category,) if category else ()
    )


def found(true: TruePerson, off: float = 0.0) -> FoundPerson:
    assert true.keypoints_3d is not None
    return FoundPerson(true.keypoints_2d + (off, 0.0), true.keypoints_3d + 5.0, true.box, np.array([900, 600]))


def test_the_truth_scores_full_marks(rng: np.random.Generator) -> None:
    people = [person(rng, 100.0), person(rng, 300.0), person(rng, 500.0)]
    scores = score(Truth([TruePicture("a.jpg", people)]), {"a.jpg": [found(people[k]) for k in (2, 0, 1)]})
    figures = {name: figure["value"] for name, figure in scores[""].figures().items()}
    assert figures["people found, %"] == 100
    assert figures["false people a picture"] == 0
    assert figures["PCK@0.05, %"] == figures["PCK@0.05 of people found, %"] == 100
    assert figures["MPJPE, mm"] == pytest.approx(0, abs=1e-6)
    assert figures["PA-MPJPE, mm"] == pytest.approx(0, abs=1e-6)
    assert figures["AUC, %"] == pytest.approx(100, abs=4)


def test_who_is_not_found_counts_as_wrong_and_strangers_as_false(rng: np.random.Generator) -> None:
    people, stranger = [person(rng, 100.0), person(rng, 300.0)], person(rng, 700.0)
    pictures = [TruePicture("a.jpg", people), TruePicture("b.jpg", [person(rng, 100.0)])]
    figures = score(Truth(pictures), {"a.jpg": [found(people[0]), found(stranger)]})[""].figures()
    assert figures["people found, %"]["value"] == pytest.approx(100 / 3)
    assert figures["false people a picture"]["value"] == pytest.approx(0.5)
    assert figures["PCK@0.05, %"]["value"] == pytest.approx(100 / 3)
    assert figures["PCK@0.05 of people found, %"]["value"] == 100


def test_two_estimates_of_one_person_are_one_too_many(rng: np.random.Generator) -> None:
    one = person(rng, 100.0)
    scores = score(Truth([TruePicture("a.jpg", [one])]), {"a.jpg": [found(one, 25.0), found(one)]})[""].figures()
    assert scores["people found, %"]["value"] == 100
    assert scores["PCK@0.05, %"]["value"] == 100  # the better one is theirs
    assert scores["false people a picture"]["value"] == 1


def test_ignored_people_are_neither_right_nor_wrong(rng: np.random.Generator) -> None:
    crowd = person(rng, 300.0)
    picture = TruePicture("a.jpg", [], ignored=np.array([[250.0, 50.0, 500.0, 400.0]]))
    figures = score(Truth([picture]), {"a.jpg": [found(crowd)]})[""].figures()
    assert figures["false people a picture"]["value"] == 0
    assert "people found, %" not in figures


def test_categories_are_told_apart(rng: np.random.Generator) -> None:
    pictures = [TruePicture(f"{k}.jpg", [person(rng, 100.0, "sitting" if k else "standing")]) for k in range(4)]
    scores = score(Truth(pictures), {"0.jpg": [found(pictures[0].people[0])]})
    assert scores.keys() == {"", "sitting", "standing"}
    shares = {name: scores[name].figures()["people found, %"]["value"] for name in scores}
    assert shares == {"": 25.0, "sitting": 0.0, "standing": 100.0}


def test_body_joints_are_what_their_names_say(repository: Path) -> None:
    names = [k["name"] for k in json.loads((repository / "rig_templates/mhr/keypoints.json").read_text())["keypoints"]]
    coco = "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    coco += "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
    assert [names[k] for k in COCO_KEYPOINTS] == coco.split()
    assert [names[k] for k in BODY_JOINTS] == coco.split()[5:]


def _annotations(**changes: Any) -> dict[str, Any]:
    person = {"image_id": 7, "bbox": [10, 20, 80, 200], "keypoints": [15, 25, 2] * 17, "iscrowd": 0}
    few = {"image_id": 7, "bbox": [200, 20, 30, 60], "keypoints": [15, 25, 1] * 2 + [0, 0, 0] * 15}
    crowd = {"image_id": 8, "bbox": [0, 0, 50, 50], "iscrowd": 1}
    images = [{"id": 7, "file_name": "7.jpg"}, {"id": 8, "file_name": "8.jpg"}, {"id": 9, "file_name": "9.jpg"}]
    return {"images": images, "annotations": [person | changes, few, crowd]}


def test_coco_is_read(tmp_path: Path) -> None:
    path = tmp_path / "keypoints.json"
    path.write_text(json.dumps(_annotations(keypoints=[15, 25, 2] * 16 + [0, 0, 0])))
    seven, eight = read(path).pictures
    assert (seven.name, eight.name) == ("7.jpg", "8.jpg")
    assert seven.people[0].box.tolist() == [10, 20, 90, 220]
    known = np.isfinite(seven.people[0].keypoints_2d).all(axis=1)
    assert np.flatnonzero(known).tolist() == sorted(COCO_KEYPOINTS[:16])
    assert len(seven.ignored) == len(eight.ignored) == 1
    assert not eight.people


@pytest.mark.parametrize("text", ["", "[]", '{"images": []}', json.dumps(_annotations(bbox=[1, 2])), "[" * 9999])
def test_what_is_no_coco_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keypoints.json"
    path.write_text(text)
    with pytest.raises(FileError, match=r"keypoints\.json cannot be read"):
        read(path)


def test_people_of_coco_are_told_apart_by_what_hides_them(tmp_path: Path) -> None:
    path = tmp_path / "keypoints.json"
    content = _annotations(keypoints=[15, 25, 1] * 5 + [15, 25, 2] * 12)
    content["images"][0] |= {"width": 100, "height": 220}  # whose lower border cuts off the person
    content["annotations"] += [{"image_id": 9, "bbox": [5, 5, 9, 9], "keypoints": [7, 7, 2] * 17}] * 6
    path.write_text(json.dumps(content))
    kinds = {picture.name: [p.categories for p in picture.people] for picture in read(path).pictures}
    assert kinds["7.jpg"] == [("occluded", "truncated")]
    assert kinds["9.jpg"] == [("visible", "crowd")] * 6


def test_figures_of_a_sequence_are_as_certain_as_it_is_long_not_as_it_has_frames(rng: np.random.Generator) -> None:
    """Frames of one sequence are alike: errors differ from one to the next much more."""
    frames = [(sequence, frame) for sequence in range(6) for frame in range(20)]
    one = person(rng, 100.0)
    estimates = {f"{s}_{f}.jpg": [found(one, off=4.0 * s)] for s, f in frames}
    alone = Truth([TruePicture(f"{s}_{f}.jpg", [one]) for s, f in frames])
    together = Truth([TruePicture(f"{s}_{f}.jpg", [one], group=str(s)) for s, f in frames])
    widths = []
    for truth in (alone, together):
        figure = score(truth, estimates)[""].figures()["PCK@0.05, %"]
        widths.append(figure["high"] - figure["low"])
    assert widths[1] > 2 * widths[0] > 0


def test_vertices_are_compared_on_the_same_body_alone(rng: np.random.Generator) -> None:
    plain = person(rng, 100.0)
    surface = rng.normal(size=(50, 3))
    true = replace(plain, vertices=lambda body: surface if body == "default" else None)
    turned = surface @ np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])

    class Held(FoundPerson):
        def vertices(self) -> np.ndarray:
            return turned

    def figures(body: str) -> dict[str, dict[str, float]]:
        estimate = Held(true.keypoints_2d, plain.keypoints_3d, true.box, np.array([900, 600]), body)
        return score(Truth([TruePicture("a.jpg", [true])]), {"a.jpg": [estimate]})[""].figures()

    assert figures("default")["PA-PVE, mm"]["value"] == pytest.approx(0, abs=1e-6)
    assert figures("default")["PVE, mm"]["value"] > 100
    assert "PVE, mm" not in figures("mhr-lod1")


def test_hands_are_found_by_their_own_box(rng: np.random.Generator) -> None:
    hand = Joints(tuple(range(21, 42)), (41,))
    true = person(rng, 100.0)
    flat = np.full((70, 2), np.nan)
    flat[21:42] = rng.uniform((10.0, 10.0), (60.0, 60.0), size=(21, 2))
    box = np.concatenate([np.nanmin(flat, axis=0), np.nanmax(flat, axis=0)])
    only = replace(true, keypoints_2d=flat, box=box)
    whole = np.where(np.isfinite(flat), flat, rng.uniform(0, 580, size=(70, 2)))  # a body that fills the picture
    estimate = replace(found(true), keypoints_2d=whole)
    shares = [
        score(Truth([TruePicture("a.jpg", [only])], joints), {"a.jpg": [estimate]})[""].figures()[FOUND]["value"]
        for joints in (hand, BODY)
    ]
    assert shares == [100.0, 0.0]


def test_keypoints_within_half_a_head_are_correct(rng: np.random.Generator) -> None:
    true = replace(person(rng, 100.0), head=40.0)
    for off, share in ((19.0, 100.0), (21.0, 0.0)):
        figures = score(Truth([TruePicture("a.jpg", [true])]), {"a.jpg": [found(true, off)]})[""].figures()
        assert figures["PCKh@0.5, %"]["value"] == share
