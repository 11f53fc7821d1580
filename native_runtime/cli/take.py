"""`sam3db take`: a video, resumable."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from native_runtime.batch.faults import disk_full, is_disk_full
from native_runtime.cli.commands import TakeSceneWriter
from native_runtime.cli.console import Console
from native_runtime.cli.people import make_folder
from native_runtime.cli.requests import check_files, request_of
from native_runtime.cli.scenes import require_writer, scene_writer
from native_runtime.pipeline.inference import Inference
from native_runtime.takes.footage import open_footage
from native_runtime.takes.request import TakeRequest

if TYPE_CHECKING:
    from native_runtime.takes.run import SavedTake, TakeResult


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether every person who was chosen has a take."""
    started = time.perf_counter()
    request = request_of(TakeRequest, arguments)
    check_files(arguments, "prompts")
    require_writer(arguments.blend, arguments.take_scene)
    open_footage(request.footage, request.fps, request.range[0])  # before there is a folder, and before slow imports
    make_folder(arguments.out)
    write_scene: TakeSceneWriter | None = scene_writer(arguments.blend, arguments.take_scene, "takes", console)
    if arguments.texture is None:
        request = replace(request, texture=write_scene is not None)
    from native_runtime.takes.run import make_take

    try:
        made = make_take(request, Inference(kept_photos=0), console)
    except Exception as error:
        if is_disk_full(error, Path(arguments.out)):
            raise disk_full(Path(arguments.out), "run the same command again") from error
        raise
    for note in made.notes:
        console.warning(note)
    failed = {number: console.error(error) for number, error in made.failed.items()}
    for saved in made.takes:
        for name in (*saved.files.values(), *_texture(saved).values()):
            console.line(name)
    blend = None
    if write_scene is not None and made.takes:
        blend = Path(f"{made.stem}_take.blend")
        console.status("Building the characters")
        files = [Path(saved.files["npz"]) for saved in made.takes]
        # Blender shows a video as its file has it
        footage = None if request.turn else Path(request.footage).absolute()
        for note in write_scene(files, footage, blend, request.models):
            console.warning(note)
        console.line(str(blend))
    console.result(
        {
            "command": "take",
            "ok": not failed,
            **_described(request, made),
            "blend": None if blend is None else str(blend),
            "failed": [{"person": number, "error": error} for number, error in failed.items()],
            "seconds": round(time.perf_counter() - started, 3),
        }
    )
    return not failed


def _described(request: TakeRequest, made: TakeResult) -> dict[str, Any]:
    return {
        "footage": str(request.footage),
        "frames": made.frame_count,
        "fresh": made.fresh,
        "cuts": made.cuts,
        "tracks": [
            {"person": track.number, "first": track.first, "last": track.last, "frames": len(track.seen)}
            for track in made.tracks
        ],
        "tracks_file": f"{made.stem}_tracks.json",
        "people": [_person(saved) for saved in made.takes],
        "notes": made.notes,
        "stages": {name: round(value, 3) for name, value in made.seconds.items()},
    }


def _person(saved: SavedTake) -> dict[str, Any]:
    take = saved.take
    return {
        "person": take.person,
        "engine": take.engine,
        "frames": [int(take.frames[0]), int(take.frames[-1])],
        "fps": take.fps,
        "camera": take.camera,
        "quality": take.to_json()["quality"],
        "warnings": list(take.warnings),
        "seconds": {name: round(value, 3) for name, value in take.seconds.items()},
        "files": saved.files,
        "texture": _texture(saved) or None,
    }


def _texture(saved: SavedTake) -> dict[str, str]:
    return {} if saved.texture is None else saved.texture.to_json()
