"""A fingerprint of everything that a result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from native_runtime.batch.settings import ESTIMATE, Settings
from native_runtime.engines import find_engine
from native_runtime.files.hashes import sha256_of
from native_runtime.models import manifest, store
from native_runtime.pipeline.requests import EngineChoice

# Part of every fingerprint: to be raised when the same settings would give other results.
_REVISION = 1


class Fingerprints:
    """Fingerprints of a photo's stages under some settings.

    What computes the networks is left out: the same result is meant on every machine, and a render farm has several.

    Raises:
        ModelError: a model that the settings name is missing.
    """

    def __init__(self, settings: Settings) -> None:
        self._stages = settings.stages
        # earlier versions made no textures, and nothing to wear
        self._shown = {
            stage: [*["texture"] * settings.shows_texture(stage), *["wear"] * settings.shows_wearables(stage)]
            for stage in settings.stages
        }
        self._base = [
            _REVISION,
            settings.engine,
            _networks(settings),
            sha256_of(settings.body_file()),
            [settings.focal_px, settings.fov_deg],
            settings.persons,
            settings.inference,
            *([settings.turn] if settings.turn else []),  # earlier versions turned nothing
            *([["refine", settings.refine]] if _refines(settings) else []),  # and refined nothing
            *([["age", settings.age]] if settings.age is not None else []),  # and knew no ages
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
        built = {
            stage: _digest([estimate, stage, self._maps.get(stage), *self._shown[stage]]) for stage in self._stages[1:]
        }
        return {ESTIMATE: estimate, **built}


def _refines(settings: Settings) -> bool:
    """Whether the fit after the engine changes what it answers."""
    return settings.refine > 0.0 and not find_engine(settings.engine).capabilities.fits


def _networks(choice: EngineChoice) -> list[Sequence[str]]:
    """Names and hashes of the networks that an engine runs."""
    models = store.models_dir(choice.models)
    return [
        (f"{folder}/{name}", entry["sha256"])
        for folder in find_engine(choice.engine).capabilities.model_folders
        for name, entry in sorted(manifest.read(models / folder)["files"].items())
    ]


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
