"""A batch without networks and without Blender, and folders of photos for it: for tests of batches and of clusters."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from native_runtime.batch.executor import Executor
from native_runtime.batch.run import BatchResult, run_batch
from native_runtime.batch.settings import BatchRequest
from native_runtime.models import manifest
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Silent
from tests.support import fake_builder


def make_photo(path: Path, grey: int = 90) -> Path:
    """A picture of one colour; the fake engine goes by its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(".png", np.full((20, 30, 3), grey, np.uint8))
    assert done
    path.write_bytes(data.tobytes())
    return path


class Bench:
    """A folder of photos, an output folder, and runs over them.

    Attributes:
        folder, out: where photos and results are.
        request: what the next run does.
        heard: what the last run told.
    """

    def __init__(self, home: Path) -> None:
        self.folder, self.out, self.log = home / "photos", home / "out", home / "builder.log"
        self.folder.mkdir()
        models, body = home / "models", home / "body.npz"
        body.write_bytes(b"a body")
        network = models / "landmarks" / "network.onnx"
        network.parent.mkdir(parents=True)
        network.write_bytes(b"a network")
        manifest.write(network.parent, {network.name: manifest.describe(network)})
        builder = (sys.executable, "-I", "-S", str(Path(fake_builder.__file__)))
        self.request = BatchRequest(
            folder=self.folder,
            out=self.out,
            models=str(models),
            body=str(body),
            builder=builder,
            contact_sheet=False,
            fov_deg=55.0,  # else the lens is estimated, which takes longer than all the rest
        )
        self.heard: list[str] = []

    def photos(self, *names: str) -> None:
        for name in names:
            make_photo(self.folder / name)

    def set(self, **changes: Any) -> None:
        """Change settings of the next runs."""
        self.request = replace(self.request, **changes)

    def run(self, reporter: Any = None, executor: Executor | None = None, **changes: Any) -> BatchResult:
        """One run; ``changes`` are of the request."""
        self.log.write_text("")
        self.heard = []
        listener = Listener(self.heard) if reporter is None else reporter
        inference = Inference("tests.support.fake_engine", 1)
        return run_batch(replace(self.request, **changes), listener, inference, executor)

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """What the last run's builders noted of each job."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    @property
    def built(self) -> list[tuple[str, list[str]]]:
        """Photo and stages of each job of the last run's builders."""
        return [(job["photo"], job["stages"]) for job in self.jobs]

    @property
    def files(self) -> list[str]:
        """All that is visible in the output folder, but for manifests."""
        found = (path.relative_to(self.out) for path in self.out.rglob("*") if path.is_file())
        return sorted(path.as_posix() for path in found if path.name[0] != "." and path.suffix != ".jsonl")

    def contents(self) -> dict[str, bytes]:
        return {name: (self.out / name).read_bytes() for name in self.files}


class Listener(Silent):
    """Remembers warnings."""

    def __init__(self, heard: list[str]) -> None:
        self.heard = heard

    def warning(self, text: str) -> None:
        self.heard.append(text)
