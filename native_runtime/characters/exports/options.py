"""The options of an export, as plain values, without Blender."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from native_runtime.bounds import CORRECTIVES_LIMIT, MOST_CORRECTIVES
from native_runtime.errors import UsageError
from native_runtime.retarget.maps import MHR, load_map

from .frames import check_frames

#: The formats and what their files end in.
SUFFIXES = {"fbx": ".fbx", "glb": ".glb", "bvh": ".bvh", "usd": ".usd"}
#: What files of each format may end in besides.
OTHER_SUFFIXES = {"glb": (".vrm",), "usd": (".usdc", ".usda", ".usdz")}
#: The map whose glTF files carry the humanoid description of VRM 1.0.
VRM = "vrm"

_CHOICES: dict[str, tuple[Any, ...]] = {
    "to": tuple(SUFFIXES),
    "rest": ("current", "t", "a"),
    "twist": ("keep", "fold"),
    "shapes": ("keep", "bake"),
    "influences": (4, 8),
    "pose": (True, False),
    "positions": (True, False),
    "visible_only": (True, False),
}


@dataclass(frozen=True)
class ExportOptions:
    """How a character leaves Blender.

    Attributes:
        to: the format: ``fbx``, ``glb``, ``bvh`` (skeleton only) or ``usd``.
        names: the bones' names: ``mhr``, a retarget map by name, or the path of a map file.
        rest: the pose in which mesh and skeleton are bound: the ``current`` one, or the arms along the horizontal
            (``t``) or 45 degrees below it (``a``).
        twist: ``keep`` the bones that spread the twist of the limbs, or ``fold`` them into the limbs.
        shapes: ``keep`` the shape keys of the face and those that were added, or ``bake`` them into the mesh. The
            person's own shape is always baked.
        correctives: at most so many shape keys are added, and keyed at each frame, which hold what the bones of the
            file cannot: the character's pose correctives, and what another rest pose, folded bones and dropped
            influences change. 0 for none; none where shapes are baked.
        influences: the most bones that may move one vertex.
        pose: also write how the character moves over ``frames``; where it stands still, and the rest pose is not the
            current one, the current pose, as one frame of animation.
        frames: which frames: ``action`` (all over which the character is keyed), ``scene`` (the scene's range),
            ``current`` (no animation) or START:END[:STEP].
        positions: in a BVH file, write positions of all bones, not only of the first.
        visible_only: leave out hidden meshes.
        author: the author of a VRM avatar.
    """

    to: str = "glb"
    names: str = MHR
    rest: str = "current"
    twist: str = "keep"
    shapes: str = "keep"
    correctives: int = MOST_CORRECTIVES
    influences: int = 8
    pose: bool = True
    frames: str = "action"
    positions: bool = False
    visible_only: bool = False
    author: str = ""

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if type(value) not in {type(choice) for choice in choices} or value not in choices:
                raise UsageError(f"An export's '{name}' is {_listed(choices)}, not {value!r}.")
        if type(self.correctives) is not int or not 0 <= self.correctives <= CORRECTIVES_LIMIT:
            raise UsageError(
                f"An export's 'correctives' is a number from 0 to {CORRECTIVES_LIMIT}, not {self.correctives!r}."
            )
        if not isinstance(self.names, str) or not self.names:
            raise UsageError(f"An export's 'names' is a retarget map's name or file, not {self.names!r}.")
        if not isinstance(self.frames, str):
            raise UsageError(f"An export's 'frames' is a text, not {self.frames!r}.")
        check_frames(self.frames)
        if not isinstance(self.author, str):
            raise UsageError(f"An export's 'author' is a name, not {self.author!r}.")

    @classmethod
    def for_target(cls, names: str, folders: Iterable[str | Path] = ()) -> ExportOptions:
        """The preset of a target: what its retarget map asks for.

        Raises:
            UsageError: there is no such map, or it asks for what there is not.
        """
        return cls.parse({**load_map(names, folders).export, "names": names})

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> ExportOptions:
        """Options of what ``to_json`` gave; missing ones take their defaults.

        Raises:
            UsageError: an option is unknown or has an impossible value.
        """
        known = [field.name for field in fields(cls)]
        for name in content:
            if name not in known:
                raise UsageError(f"An export has no option '{name}'; there are {_listed(known)}.")
        return cls(**content)

    def to_json(self) -> dict[str, Any]:
        """All options as JSON has them."""
        return asdict(self)

    @property
    def suffix(self) -> str:
        """What the file's name should end in."""
        return ".vrm" if self.is_vrm else SUFFIXES[self.to]

    @property
    def is_vrm(self) -> bool:
        """Whether the file is to be a VRM avatar."""
        return self.to == "glb" and self.names == VRM

    def check_path(self, path: Path) -> None:
        """Raises UsageError where a file of this format cannot be called so."""
        if format_of(path) != self.to:
            allowed = _suffixes(self.to)
            raise UsageError(f"A file of the format '{self.to}' ends in {_listed(allowed)}: {path.name} does not.")


def format_of(path: Path) -> str | None:
    """The format that a file's name indicates; None where it indicates none."""
    return next((to for to in SUFFIXES if path.suffix.lower() in _suffixes(to)), None)


def _suffixes(to: str) -> tuple[str, ...]:
    return (SUFFIXES[to], *OTHER_SUFFIXES.get(to, ()))


def _listed(values: Iterable[Any]) -> str:
    texts = [str(value) for value in values]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"
