"""One job: the scenes of a photo, and for each scene the requested files."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import bpy

from native_runtime.batch.faults import is_disk_full
from native_runtime.characters.exports.options import ExportOptions
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import DiskFullError
from native_runtime.files import moving
from native_runtime.image.reading import Photo, read_photo
from native_runtime.mhr import Body
from native_runtime.process.payload import ErrorPayload

from ..exports.export import export_character
from ..previews.making import KINDS, preview_steps
from . import headless


class _Stage:
    """Something that is made of every scene, in a folder of its own."""

    def __init__(self, task: Mapping[str, Any]) -> None:
        self.name = str(task["name"])
        self.folder = Path(task["folder"])
        self.task = task
        self.seconds = 0.0
        self.notes: list[str] = []
        self.error: dict[str, Any] | None = None

    def fail(self, error: Exception) -> None:
        """It cannot be made; the others go on."""
        traceback.print_exception(error, file=sys.stderr)
        self.error = self.error or described(error, self.folder)

    def answer(self) -> dict[str, Any]:
        if self.error is not None:
            return {"error": self.error}
        return {"seconds": self.seconds, "notes": list(dict.fromkeys(self.notes))}


def make_files(job: Mapping[str, Any]) -> dict[str, Any]:
    """Do a job (``docs/batch.md``); its answer's ``result``.

    Raises:
        Sam3dbError: a scene cannot be built.
    """
    stages = [_Stage(task) for task in job["stages"]]
    photo, body = read_photo(job["photo"]).turned_by(job["turn"]), _body(job["body"])
    for scene in job["scenes"]:
        _make_scene(scene, photo, body, stages, Path(job["scratch"]), bool(job.get("texture")), bool(job.get("wear")))
    return {"stages": {stage.name: stage.answer() for stage in stages}}


@lru_cache(maxsize=1)
def _body(path: str) -> Body:
    return Body.load(path)


def _make_scene(
    scene: Mapping[str, Any], photo: Photo, body: Body, stages: list[_Stage], scratch: Path, texture: bool, worn: bool
) -> None:
    stem, files = scene["stem"], [Path(file) for file in scene["estimates"]]
    blend = next((stage for stage in stages if "blend" in stage.task), None)
    made = headless.write_character(
        [Estimate.load(file) for file in files],
        photo,
        body,
        (blend.folder if blend else scratch) / f"{stem}.blend",
        controls=blend is not None,
        textures=texture,
        worn=worn,
    )
    if blend is not None:
        blend.seconds += sum(made["seconds"].values())
    if made["notes"] and stages:
        (blend or stages[0]).notes += made["notes"]
    rigs = [bpy.data.objects[character["rig"]] for character in made["characters"]]
    _render(rigs, photo, stem, {stage.task["preview"]: stage for stage in stages if "preview" in stage.task}, scratch)
    for stage in stages:
        if "export" in stage.task:
            for rig, file in zip(rigs, files):
                _export(rig, file.stem, stage)


def _render(
    rigs: list[bpy.types.Object], photo: Photo, stem: str, previews: Mapping[str, _Stage], scratch: Path
) -> None:
    if not previews:
        return
    started = time.perf_counter()
    try:
        kinds = [kind for kind in KINDS if kind in previews]
        for kind, outcome in preview_steps(rigs, kinds, scratch, stem, photo=photo):
            stage = previews[kind]
            if isinstance(outcome, Path):
                moving.replace(outcome, stage.folder / outcome.name)
            else:
                stage.fail(outcome)
            stage.seconds += time.perf_counter() - started
            started = time.perf_counter()
    except Exception as error:
        for stage in previews.values():
            stage.fail(error)


def _export(rig: bpy.types.Object, name: str, stage: _Stage) -> None:
    export = stage.task["export"]
    started = time.perf_counter()
    try:
        options = replace(ExportOptions.for_target(export["names"]), to=export["to"])
        stage.notes += export_character(rig, stage.folder / f"{name}{export['label']}{options.suffix}", options)
    except Exception as error:
        stage.fail(error)
    stage.seconds += time.perf_counter() - started


def described(error: Exception, folder: Path) -> dict[str, Any]:
    """The payload of an error that came up while files were written to a folder."""
    if is_disk_full(error, folder):
        error = DiskFullError(f"The disk of {folder} is full.")
    return ErrorPayload.from_exception(error).to_json()
