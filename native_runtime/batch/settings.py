"""The settings of a batch: what is made from each photo of a folder. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from native_runtime.batch.names import short_name
from native_runtime.batch.photos import Shard
from native_runtime.engines import find_engine
from native_runtime.errors import UsageError
from native_runtime.models import store
from native_runtime.pipeline.decoding import LOCAL, one_of, plain, read_by, text, texts
from native_runtime.pipeline.requests import DEFAULT_BODY, Persons, PhotoReading, Refinement, check_age

Layout = Literal["person", "photo"]
"""One .blend file for each person, or one with all people of the photo."""
EXPORT_KINDS = ("fbx", "glb", "bvh", "usd")
PREVIEW_KINDS = ("panels", "overlay", "beside", "turntable", "wire", "shaded")
ESTIMATE = "estimate"

# Bytes of a map file's name in the names of exports.
_LONGEST_LABEL = 24


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

    def to_json(self) -> str:
        """What `parse` reads."""
        return str(self)


def _exports(key: str, value: Any) -> tuple[Export, ...]:
    return tuple(dict.fromkeys(map(Export.parse, texts(key, value))))


def _shard(key: str, value: Any) -> Shard:
    return Shard.parse(text(key, value))


@dataclass(frozen=True, kw_only=True)
class Settings(PhotoReading, Refinement):
    """What is made of each photo.

    Attributes:
        persons: of whom.
        layout: how people are put into files.
        blend: whether .blend files are kept.
        previews: kinds of pictures; the first stands in the contact sheet.
        exports: files for other programs.
        texture: whether the photo is laid on the characters (``native_runtime.texture``).
        wear: whether the characters get what they wear by default (``native_runtime.wearables``).
        age: years, 5 to 90, of the one person of each photo, by engines that take it (``Capabilities.ages``); None: as
            for a photo (``pipeline.requests.Appearance``).
    """

    persons: Persons = "largest"
    layout: Layout = field(default="person", metadata=read_by(one_of(*get_args(Layout))))
    blend: bool = True
    previews: tuple[str, ...] = ("panels",)
    exports: tuple[Export, ...] = field(default=(), metadata=read_by(_exports))
    texture: bool = True
    wear: bool = True
    age: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.age is not None:
            check_age(self.age)
            if self.persons == "all":
                raise UsageError("An age belongs to one person of each photo: choose the largest, or one by number.")
        unknown = [kind for kind in self.previews if kind not in PREVIEW_KINDS]
        if unknown:
            raise UsageError(f"There is no preview {unknown[0]!r}; there are {', '.join(PREVIEW_KINDS)}.")
        files = [f"NAME{export.label}.{export.to}" for export in self.exports]
        twice = next((file for file in files if files.count(file) > 1), None)
        if twice is not None:
            raise UsageError(f"Two exports would both be called {twice}; rename one of the map files.")

    @property
    def needs_blender(self) -> bool:
        """Whether anything but estimates is requested."""
        return self.blend or bool(self.previews) or bool(self.exports)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in their order. Those that Blender does depend on the layout, so that files of both can
        lie side by side.
        """
        built = ["blend"] if self.blend else []
        built += [f"preview:{kind}" for kind in self.previews] + [f"export:{export}" for export in self.exports]
        return (ESTIMATE, *(f"{self.layout}:{name}" for name in built))

    def shows_texture(self, stage: str) -> bool:
        """Whether the files of a stage show the characters' textures."""
        return self.texture and self._shows_meshes(stage)

    def shows_wearables(self, stage: str) -> bool:
        """Whether the files of a stage show what the characters wear."""
        return self.wear and self._shows_meshes(stage)

    @staticmethod
    def _shows_meshes(stage: str) -> bool:
        """All of Blender's stages do but motion alone."""
        return stage != ESTIMATE and ":export:bvh" not in stage

    def body_file(self) -> Path:
        """The body that the engine will take.

        Raises:
            ModelError, UsageError: there is none; there is no such engine.
        """
        own = self.body == DEFAULT_BODY
        body = find_engine(self.engine).capabilities.own_body(self.models) if own else self.body
        return store.body_path(body, self.models)

    def to_json(self) -> Mapping[str, Any]:
        """For the record in the manifest."""
        names = (
            "engine",
            "body",
            "persons",
            "inference",
            "focal_px",
            "fov_deg",
            "layout",
            "blend",
            "texture",
            "wear",
            "previews",
        )
        return {name: plain(getattr(self, name)) for name in (*names, "exports", "turn", "refine", "age")}


@dataclass(frozen=True, kw_only=True)
class BatchRequest(Settings):
    """What is to be done with a folder.

    Attributes:
        folder: of the photos.
        out: where the results go; made where it does not exist.
        builder: the command that starts a builder; empty where nothing needs Blender.
        builders: how many work at once.
        patterns, recursive: which photos (``photos.look_through``).
        shard: which part of them.
        contact_sheet: whether a run over the whole folder writes one at its end.
        retry_failed: whether photos are tried again that failed for a reason of their own.
    """

    do: ClassVar = "batch"

    folder: Path
    out: Path
    builder: tuple[str, ...] = ()
    builders: int = 1
    patterns: tuple[str, ...] = ()
    recursive: bool = True
    shard: Shard = field(default=Shard(), metadata=read_by(_shard, **LOCAL))
    contact_sheet: bool = True
    retry_failed: bool = False
