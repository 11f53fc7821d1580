"""A batch becomes tasks: words that are read as the same batch, and as many as make sense."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from native_runtime import __version__
from native_runtime.batch.photos import Shard, look_through
from native_runtime.batch.settings import BatchRequest, Export
from native_runtime.cli.console import Console
from native_runtime.cli.main import main
from native_runtime.errors import UsageError
from native_runtime.farm.job import LONGEST_NAME, MOST_TASKS, named, plan
from native_runtime.farm.words import batch_words, said_fields
from native_runtime.pipeline.reporting import Silent
from tests.support.farm_jobs import Album

Parsed = Callable[[list[str]], BatchRequest]

#: A value for every field that words say, other than its default.
OTHER = {
    "engine": "landmarks",
    "inference": "body",
    "refine": 0.0,
    "focal_px": 1234.5678901,
    "turn": "auto",
    "age": 7.5,
    "layout": "photo",
    "builders": 3,
    "providers": ("cuda:1", "cpu"),
    "persons": (2,),
    "recursive": False,
    "blend": False,
    "texture": False,
    "wear": False,
    "contact_sheet": False,
    "patterns": ("-x*.jpg", "day 1/*.{png}", "it's"),
    "previews": ("wire", "overlay"),
    "exports": (Export("fbx", "mixamo"), Export("bvh")),
    "retry_failed": True,
    "fov_deg": None,  # excludes focal_px
}


def test_words_say_every_field_of_a_batch() -> None:
    assert said_fields() == set(OTHER)


@pytest.mark.parametrize("name", [name for name in OTHER if name != "fov_deg"])
def test_words_are_read_as_the_same_batch(name: str, album: Album, parsed: Parsed) -> None:
    engine = "sam3d_body" if name == "inference" else "landmarks"
    request = album.request(**{"engine": engine, name: OTHER[name]})
    read = parsed(batch_words(request).command())
    different = [known.name for known in fields(read) if getattr(read, known.name) != getattr(request, known.name)]
    assert different == []


def test_the_words_of_a_part_hold_models_body_and_no_previews(album: Album, parsed: Parsed, tmp_path: Path) -> None:
    body = str(tmp_path / "{{a}} b.npz")
    request = album.request(models=str(tmp_path), body=body, previews=(), fov_deg=50.0)
    read = parsed(batch_words(request).command("2/3"))
    assert read == replace(request, shard=Shard(2, 3))


def test_tasks_are_not_more_than_photos_and_every_photo_has_one(album: Album) -> None:
    job = album.job(7, tasks=50)
    assert (job.photos, job.tasks) == (7, 7)
    photos = look_through(album.folder).photos
    parts = [Shard(number, job.tasks) for number in range(1, job.tasks + 1)]
    assert all(sum(part.has(photo.relative) for part in parts) == 1 for photo in photos)


def test_fewer_tasks_than_were_asked_for_are_explained(album: Album, capsys: pytest.CaptureFixture[str]) -> None:
    album.fill(2)
    words = [str(album.folder), "-o", str(album.out), "--engine", "landmarks"]
    assert main(["farm", "script", *words, "--kind", "slurm", "--tasks", "50"], Console(sys.stdout, False, False)) == 0
    said = capsys.readouterr()
    assert "2 tasks instead of 50: there are no more tasks than photos" in said.err
    assert "# Submits 2 photos in 2 parts" in said.out
    assert main(["farm", "script", *words, "--kind", "slurm", "--tasks", "1"], Console(sys.stdout, False, False)) == 0
    said = capsys.readouterr()
    assert "instead of" not in said.err
    assert "# Submits 2 photos in 1 part, and" in said.out


def test_parts_have_about_as_many_photos_as_is_said(album: Album) -> None:
    assert album.job(41, photos_per_task=20).tasks == 3
    assert album.job(41).tasks == 3
    assert album.job(41, photos_per_task=1000).tasks == 1


def test_very_many_photos_make_no_more_tasks_than_farms_can_show(album: Album) -> None:
    assert album.job(MOST_TASKS + 200, photos_per_task=1).tasks == MOST_TASKS


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"tasks": 0}, "from 1 to"),
        ({"tasks": MOST_TASKS + 1}, "from 1 to"),
        ({"photos_per_task": 0}, "at least one photo"),
        ({"tasks": 2, "photos_per_task": 2}, "not both"),
        ({"name": " \n\t"}, "needs a name"),
        ({"persons": (0, 1)}, "by number"),
        ({"exports": (Export("fbx", "/maps/own.json"),)}, "Bone names of a file"),
        ({"patterns": ("a\nb*",)}, "control character"),
    ],
)
def test_what_no_farm_can_do_is_refused(album: Album, more: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        album.job(40 if "patterns" not in more else 1, **more)


def test_folders_without_photos_are_refused_before_anything_is_sent(album: Album) -> None:
    with pytest.raises(UsageError, match="There is no folder"):
        plan(album.request(), Silent())
    with pytest.raises(UsageError, match="There is no photo"):
        album.job(0)
    album.fill(1)
    with pytest.raises(UsageError, match="folder of their own"):
        plan(album.request(out=album.folder.parent), Silent())


def test_an_engine_that_was_left_open_is_settled_for_all_machines(album: Album, models: Path, parsed: Parsed) -> None:
    album.fill(1)
    words = plan(album.request(engine="auto", models=str(models)), Silent()).words
    assert parsed(words.command()).engine == "landmarks"


def test_names_are_one_short_line() -> None:
    assert named("  a\nb\x1b[31m\tc ") == "a b [31m c"
    assert len(named("ä" * 500)) == LONGEST_NAME


def test_a_machine_with_another_version_does_nothing(album: Album, capsys: pytest.CaptureFixture[str]) -> None:
    words = album.job(1).words.command("1/1")
    older = [word.replace(f"={__version__}", "=0.0.1") for word in words]
    assert older != words
    assert main([*older, "--json"], Console(sys.stdout, True, False), []) == 2
    assert "made by version 0.0.1" in json.loads(capsys.readouterr().out)["error"]["text"]
    assert not album.out.exists()
