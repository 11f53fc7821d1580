"""What is said of photos that do not go together."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest

from native_runtime.cli.remedies import REMEDIES
from native_runtime.errors import NoPersonError, PhotoError, Remedy, UsageError
from native_runtime.takes.views import run, scale
from native_runtime.takes.views.request import ViewsRequest


def _photo(path: Path, shade: int) -> str:
    cv2.imwrite(str(path), np.full((40, 30, 3), shade, np.uint8))
    return str(path)


def test_photos_are_read_before_any_work_and_all_that_cannot_be_are_named(tmp_path: Path) -> None:
    good = _photo(tmp_path / "a.png", 10)
    (tmp_path / "b.png").write_text("no picture")
    with pytest.raises(PhotoError, match=r"b\.png.*c\.png"):
        run._check_photos([good, str(tmp_path / "b.png"), str(tmp_path / "c.png")])


def test_a_photo_that_is_given_twice_is_refused_and_a_copy_is_told(tmp_path: Path) -> None:
    one, copy, other = (_photo(tmp_path / f"{name}.png", shade) for name, shade in (("a", 1), ("b", 1), ("c", 9)))
    with pytest.raises(UsageError, match="given twice"):
        run._check_photos([one, other, str(tmp_path / "." / "a.png")])
    assert run._check_photos([one, copy, other]) == {1: 0}


def _doubts(errors: list[float], doubles: dict[int, int], one_pose: bool = True) -> list[list[str]]:
    lens = SimpleNamespace(text=lambda side: f"The lens of {side} is a guess.")
    found = SimpleNamespace(lens=lens, photo=SimpleNamespace(original_size=(600, 400)))
    looked = [
        SimpleNamespace(path="in/a.jpg", found=found, camera=None),
        SimpleNamespace(path="in/b.jpg", found=found, camera="known"),
    ]
    seen = [SimpleNamespace(evidence=SimpleNamespace(person_size=300.0))] * 2
    request = ViewsRequest(photos=("in/a.jpg", "in/b.jpg"), synchronised=one_pose)
    fit = SimpleNamespace(point_errors=np.array(errors))
    return run._doubts(request, cast("Any", looked), cast("Any", seen), cast("Any", fit), doubles)


def test_a_body_beside_the_person_an_unsure_lens_and_a_copy_are_said() -> None:
    assert _doubts([6.0, 6.0], {}) == [["The lens of 600 is a guess."], []]
    _, (said,) = _doubts([6.0, 57.2], {})
    assert said == (
        "The body lies 57 pixels off the person in b.jpg: the photos may not be of one moment or one person, or "
        "cameras are exchanged."
    )
    _, (said,) = _doubts([6.0, 57.2], {}, one_pose=False)
    assert "one moment" not in said
    _, (said,) = _doubts([6.0, 6.0], {1: 0})
    assert said.startswith("b.jpg and a.jpg are the same picture")


def test_somebody_who_is_not_there_is_missed_in_a_photo_with_a_name() -> None:
    looked = [SimpleNamespace(path=f"{name}.jpg", found=SimpleNamespace(bboxes=[0])) for name in ("a", "{b}")]
    request = ViewsRequest(photos=("a.jpg", "{b}.jpg"), people=(0, 9))
    with pytest.raises(NoPersonError, match=r"\{b\}\.jpg: There is no person 9 in this photo") as caught:
        run._choose(request, cast("Any", looked), cast("Any", None))
    assert caught.value.people["wanted"] == 9


def test_a_unit_that_cannot_be_says_how_to_leave_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "metres_per_unit", lambda *given: 0.001)
    with pytest.raises(UsageError, match="or that it is unknown") as caught:
        scale.in_metres(cast("Any", None), [cast("Any", SimpleNamespace(metric=True))], [], None)
    assert caught.value.remedy is Remedy.SAY_UNIT
    assert "--unit unknown" in REMEDIES[Remedy.SAY_UNIT]
