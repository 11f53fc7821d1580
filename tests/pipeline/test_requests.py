"""Requests: from JSON, arguments and properties by their fields, and to JSON."""

from __future__ import annotations

import argparse
from dataclasses import MISSING, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from native_runtime.batch.photos import Shard
from native_runtime.batch.settings import BatchRequest, Export
from native_runtime.engines.edits import Edits
from native_runtime.errors import PromptError, UsageError
from native_runtime.pipeline.decoding import decode, encode, gather, part_of
from native_runtime.pipeline.requests import (
    EngineChoice,
    EstimateRequest,
    FocalLength,
    Lens,
    LookRequest,
    PoseRequest,
)
from native_runtime.service.protocol import KEYS, PATH_KEYS, REQUESTS

ENGINE = {"engine", "models", "providers"}
PHOTO = ENGINE | {"photo", "body", "focal_px", "fov_deg", "boxes", "inference", "remember"}
BATCH = {
    "refine",
    "turn",
    "folder",
    "out",
    "persons",
    "patterns",
    "recursive",
    "layout",
    "blend",
    "wear",
    "previews",
    "exports",
}


def test_the_worker_takes_these_keys() -> None:
    """The protocol follows from the classes; this is what clients rely on."""
    assert {do: set(keys) for do, keys in KEYS.items()} == {
        "read": PHOTO | {"turn"},
        "estimate": PHOTO
        | {"turn", "persons", "keypoints", "prompt_error", "mask", "steps", "refine", "sex", "age", "height_cm"}
        | {"texture"},
        "pose": (PHOTO - {"boxes"})
        | {"intrinsics", "up", "box", "pins", "prompt_error", "mask", "edits", "snap", "slot"}
        | {"observed", "observed_error"}
        | {"refine", "sex", "age", "height_cm"},
        "batch": (PHOTO - {"photo", "boxes"})
        | BATCH
        | {"age", "builder", "builders", "contact_sheet", "retry_failed", "texture"},
        "submit_batch": (PHOTO - {"photo", "boxes"})
        | BATCH
        | {"age", "builder", "builders", "contact_sheet", "retry_failed", "texture"}
        | {"farm", "manager", "bundle", "tasks", "photos_per_task", "title"}
        | {"priority", "worker_tag", "paused", "watch"},
        "take": (PHOTO - {"photo", "boxes"})
        | {"footage", "out", "persons", "range", "every", "fps", "plain", "prompts", "restart", "turn"}
        | {"sex", "age", "height_cm", "texture"},
        "views": (PHOTO - {"photo"})
        | {"photos", "people", "synchronised", "calibration", "cameras", "unit", "prompts", "pins", "start", "out"}
        | {"refine", "turn", "sex", "age", "height_cm", "texture"},
        "pose_views": ENGINE
        | {"body", "remember", "inference", "views", "start", "slot", "calibrated"}
        | {"refine", "sex", "age", "height_cm"},
        "correct_take": {"take", "prompts", "before", "body", "models"},
        "segment": {"photo", "models", "providers", "box"},
        "engine_status": ENGINE,
        "move_models": {"source", "more_models", "to", "keep"},
        "doctor": {"checks", "models", "providers", "more_models", "blender", "extensions", "user_folder"},
        "import_official": {"source", "models", "levels"},
        "download_official": {"models", "levels", "url", "again"},
        "convert_sam3d_body": {"checkpoint", "mhr", "models", "precision"},
        "install_gpu_support": {"folder", "name", "accepted", "files", "address"},
        "remove_gpu_support": {"folder"},
        "time_providers": {"folder", "models", "providers"},
        "install_model": {
            "item",
            "source",
            "models",
            "accepted",
            "commercial",
            "token",
            "precision",
            "file",
            "mhr",
            "service",
        },
        "cancel": {"target"},
        "ping": set(),
        "release": set(),
        "stop": set(),
    }
    assert set().union(*PATH_KEYS.values()) == {
        "photo",
        "bundle",
        "models",
        "mask",
        "source",
        "checkpoint",
        "footage",
        "prompts",
        "take",
        "photos",
        "calibration",
        "start",
        "mhr",
        "folder",
        "out",
        "file",
        "files",
        "more_models",
        "to",
        "extensions",
        "user_folder",
    }
    assert PATH_KEYS["import_official"] == {"models", "source"}
    assert PATH_KEYS["install_model"] == {"models", "file", "mhr"}  # whose source is no file


REQUIRED = {
    "photo": "a.jpg",
    "folder": "in",
    "out": "out",
    "source": "s",
    "variant": "v",
    "checkpoint": "c",
    "footage": "v",
    "take": "t",
}


@pytest.mark.parametrize("kind", REQUESTS.values(), ids=REQUESTS)
def test_every_field_can_be_read(kind: type) -> None:
    """A field of a type that no decoder knows is noticed here."""
    known = fields(kind)
    for name in [field.name for field in known]:
        needed = {field.name: REQUIRED.get(field.name, "fp32") for field in known if field.default is MISSING}
        with pytest.raises((UsageError, PromptError)):
            decode(kind, needed | {name: object()})


@pytest.mark.parametrize(
    "request_",
    [
        LookRequest(photo="a.jpg", boxes=((1.0, 2.0, 3.0, 4.0),), turn="auto", providers=("cpu", "cuda:1")),
        EstimateRequest(photo="a.jpg", persons=(2, 0), keypoints=((3, 1.0, 2.0), (4, 5.0, 6.0, "ignore")), turn=90),
        PoseRequest(
            photo="a.jpg",
            box=(0.0, 0.0, 9.0, 9.0),
            pins=((0, 1.0, 2.0),),
            intrinsics=((9.0, 0.0, 4.0), (0.0, 9.0, 4.0), (0.0, 0.0, 1.0)),
            edits=Edits({12: 0.5}),
            snap=True,
            slot="a",
        ),
        BatchRequest(folder=Path("in"), out=Path("out"), exports=(Export("fbx", "mixamo"), Export("glb")), blend=False),
    ],
)
def test_what_is_written_is_read(request_: Any) -> None:
    assert decode(type(request_), encode(request_)) == request_


def test_what_is_not_given_is_not_written() -> None:
    assert encode(LookRequest(photo=Path("a") / "b.jpg")) == {
        "photo": str(Path("a") / "b.jpg"),
        "engine": "auto",
        "body": "default",
        "turn": 0,
    }
    nothing = dict.fromkeys(("models", "boxes", "inference", "engine"))
    assert decode(LookRequest, {"photo": "a.jpg", "mask": 5, **nothing}) == LookRequest(photo="a.jpg")


def test_arguments_and_properties_are_taken_by_name() -> None:
    arguments = argparse.Namespace(photos=["a.jpg"], persons=[1], providers=["cpu"], turn=0, boxes=None, body="mhr")
    request = gather(EstimateRequest, arguments, photo="a.jpg")
    assert request == EstimateRequest(photo="a.jpg", persons=(1,), providers=("cpu",), body="mhr")
    batch = SimpleNamespace(layout="photo", previews={"wire"}, retry_failed=True, recursive=False)
    options = SimpleNamespace(engine="sam3d_body", persons="all", layout="of the options")
    given = {"folder": "in", "out": "out", "previews": ["wire"], "shard": "2/3"}
    assert gather(BatchRequest, batch, options, **given) == BatchRequest(
        folder=Path("in"),
        out=Path("out"),
        layout="photo",
        previews=("wire",),
        retry_failed=True,
        recursive=False,
        engine="sam3d_body",
        persons="all",
        shard=Shard(2, 3),
    )


def test_a_request_says_what_its_parts_say() -> None:
    request = EstimateRequest(photo="a.jpg", engine="sam3d_body", fov_deg=40.0, persons="all")
    assert part_of(EngineChoice, request) == EngineChoice(engine="sam3d_body")
    assert part_of(Lens, request) == Lens(fov_deg=40.0)
    assert part_of(FocalLength, request) == FocalLength(fov_deg=40.0)
    assert part_of(EstimateRequest, request, photo="b.jpg").photo == "b.jpg"


def test_a_token_is_never_shown() -> None:
    assert "s3cret" not in repr(decode(REQUESTS["install_model"], {"item": "mhr", "token": "s3cret"}))
