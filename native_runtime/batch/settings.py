"""What is made of each photo, and a fingerprint of everything that a result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from native_runtime.batch.names import short_name
from native_runtime.engines import find_engine
from native_runtime.errors import UsageError
from native_runtime.files.hashes import sha256_of
from native_runtime.models import manifest, store
from native_runtime.pipeline.inference import DEFAULT_BODY, EngineChoice, Lens
from native_runtime.pipeline.turned import Turn

Layout = Literal["person", "photo"]
"""One .blend file for each person, or one with all people of the photo."""
EXPORT_KINDS = ("fbx", "glb", "bvh", "usd")
PREVIEW_KINDS = ("panels", "overlay", "beside", "turntable", "wire", "shaded")
ESTIMATE = "estimate"

# Bytes of a map file's name in the names of exports.
_LONGEST_LABEL = 24

# Part of every fingerprint: to be raised when the same settings would give other results.
_REVISION = 1


@dataclass(frozen=True)
class Export:
    """A file for another program.

    Attributes:
        to: one of `EXPORT_KINDS`.
        names: the target whose bone names and presets are used ("mhr", "mixamo", ...), or a map's file.
    """

    to: str
    names: str = "mhr"

    def __str__(self) -> str:
        return f"{self.to}:{self.names}"

    @property
    def label(self) -> str:
        """What follows the character's name in the file's name, before its ending."""
        return "" if self.names == "mhr" else f"_{short_name(Path(self.names).stem, _LONGEST_LABEL)}"

    @staticmethod
    def parse(text: str) -> Export:
        """The export written ``TO`` or ``TO:NAMES``.

        Raises:
            UsageError: there is no such kind of file.
        """
        to, _, names = text.partition(":")
        if to not in EXPORT_KINDS:
            raise UsageError(f"Characters are exported to {', '.join(EXPORT_KINDS)}; not to {to!r}.")
        return Export(to, names or "mhr")


@dataclass(frozen=True)
class Settings:
    """What is made of each photo.

    Attributes:
        choice: engine, models, body, providers.
        lens: what is known about it, of all photos.
        persons: "largest", "all" or numbers.
        inference: how closely the engine looks, None for its own default.
        layout: how people are put into files.
        blend: whether .blend files are kept.
        previews: kinds of pictures; the first stands in the contact sheet.
        exports: files for other programs.
        turn: degrees clockwise by which photos are turned first, or "auto".
    """

    choice: EngineChoice = field(default_factory=EngineChoice)
    lens: Lens = field(default_factory=Lens)
    persons: str | tuple[int, ...] = "largest"
    inference: str | None = None
    layout: Layout = "person"
    blend: bool = True
    previews: tuple[str, ...] = ("panels",)
    exports: tuple[Export, ...] = ()
    turn: Turn = 0

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.previews if kind not in PREVIEW_KINDS]
        if unknown:
            raise UsageError(f"There is no preview {unknown[0]!r}; there are {', '.join(PREVIEW_KINDS)}.")
        files = [f"NAME{export.label}.{export.to}" for export in self.exports]
        twice = next((file for file in files if files.count(file) > 1), None)
        if twice is not None:
            raise UsageError(f"Two exports would both be called {twice}; rename one of the map files.")

    @property
    def needs_blender(self) -> bool:
        """Whether anything but estimates is wished for."""
        return self.blend or bool(self.previews) or bool(self.exports)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in their order. Those that Blender does depend on the layout, so that files of both can
        lie side by side.
        """
        built = ["blend"] if self.blend else []
        built += [f"preview:{kind}" for kind in self.previews] + [f"export:{export}" for export in self.exports]
        return (ESTIMATE, *(f"{self.layout}:{name}" for name in built))

    def body_file(self) -> Path:
        """The body that the engine will take.

        Raises:
            ModelError, UsageError: there is none; there is no such engine.
        """
        body = self.choice.body
        if body == DEFAULT_BODY:
            body = find_engine(self.choice.name).capabilities.body
        return store.body_path(body, self.choice.models)

    def to_json(self) -> dict[str, Any]:
        """For the record in the manifest."""
        return {
            "engine": self.choice.name,
            "body": self.choice.body,
            "persons": self.persons if isinstance(self.persons, str) else list(self.persons),
            "inference": self.inference,
            "focal_px": self.lens.focal_px,
            "fov_deg": self.lens.fov_deg,
            "layout": self.layout,
            "blend": self.blend,
            "previews": list(self.previews),
            "exports": [str(export) for export in self.exports],
            "turn": self.turn,
        }


class Fingerprints:
    """Fingerprints of a photo's stages under some settings.

    What computes the networks is left out: the same result is meant on every machine, and a render farm has several.

    Raises:
        ModelError: a model that the settings name is missing.
    """

    def __init__(self, settings: Settings) -> None:
        self._stages = settings.stages
        self._base = [
            _REVISION,
            settings.choice.name,
            _networks(settings.choice),
            sha256_of(settings.body_file()),
            [settings.lens.focal_px, settings.lens.fov_deg],
            settings.persons,
            settings.inference,
            *([settings.turn] if settings.turn else []),  # earlier versions turned nothing
        ]
        # A map that its owner edits gives another export.
        self._maps = {
            f"{settings.layout}:export:{export}": sha256_of(Path(export.names))
            for export in settings.exports
            if export.names.endswith(".json")
        }

    def of(self, photo: str) -> Mapping[str, str]:
        """By stage, for the photo of this SHA-256."""
        estimate = _digest([*self._base, photo])
        built = {stage: _digest([estimate, stage, self._maps.get(stage)]) for stage in self._stages[1:]}
        return {ESTIMATE: estimate, **built}


def _networks(choice: EngineChoice) -> list[Sequence[str]]:
    """Names and hashes of the networks that an engine runs."""
    models = store.models_dir(choice.models)
    return [
        (f"{folder}/{name}", entry["sha256"])
        for folder in find_engine(choice.name).capabilities.model_folders
        for name, entry in sorted(manifest.read(models / folder)["files"].items())
    ]


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
