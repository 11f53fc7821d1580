"""Results of a made-up batch, as an artist has them on the disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from native_runtime.batch.manifest import FORMAT
from native_runtime.batch.record import FileState, Record
from native_runtime.engines.estimate import Estimate, Prompts
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import Prompt
from tests.support import pictured

#: A place that an artist chose: the left wrist, two pixels from where the body has it.
OFF = 2.0
WRIST = 62


def corrected(estimate: Estimate, *more: Prompt) -> Estimate:
    """An estimate that knows where its left wrist is."""
    x, y = estimate.keypoints_2d[WRIST] + (OFF, 0.0)
    return replace(estimate, prompts=Prompts(((WRIST, float(x), float(y)), *more)))


def write_photo(path: Path, people: Sequence[Estimate]) -> Path:
    """A photo with EXIF that names its camera, as phones write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = cv2.imencode(".jpg", pictured.picture(people)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
    tiff = (
        b"II*\x00\x08\x00\x00\x00\x01\x00\x0f\x01\x02\x00\x0a\x00\x00\x00\x1a\x00\x00\x00\x00\x00\x00\x00SecretCam\x00"
    )
    exif = b"Exif\x00\x00" + tiff
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    path.write_bytes(data[:2] + segment + data[2:])
    return path


def batch(folder: Path, body: Body, rng: np.random.Generator, photos: int = 2) -> tuple[Path, Path]:
    """Photos of two people each, of whom the first was corrected, and the results; the folders of both."""
    source, out = folder / "My Photos", folder / "results"
    records = []
    for number in range(photos):
        people = [
            pictured.seen(body, pictured.placed(body, rng, x), f"holiday {number}.jpg", person)
            for person, x in enumerate((-0.35, 0.35))
        ]
        photo = write_photo(source / "sub" / f"holiday {number}.jpg", people)
        stem = out / "sub" / f"holiday {number}"
        stem.parent.mkdir(parents=True, exist_ok=True)
        corrected(people[0]).save(f"{stem}_person0")
        people[1].save(f"{stem}_person1")
        records.append(Record(f"sub/{photo.name}", f"sub/{stem.name}", FileState.of(photo), "done"))
    head = {"format": str(FORMAT), "folder": str(source), "settings": {}, "started": "2026-12-01"}
    lines = [head, *(record.to_json() for record in records)]
    (out / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return source, out
