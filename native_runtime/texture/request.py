"""What is asked for: textures of people whose estimates are files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from native_runtime.bounds import TEXTURE_SIZE, TEXTURE_SIZES
from native_runtime.errors import UsageError


@dataclass(frozen=True)
class TextureRequest:
    """Textures of people.

    Attributes:
        estimates: their ``.npz`` files.
        photos: of each estimate, in the same order; empty: the photo that an estimate names, beside it.
        masks: pictures of the photos' size, white on the person, in the same order; empty: looked for.
        one_person: whether all are photos of one person, who gets one texture.
        size: texels along each side.
        light: whether the light is taken out, roughly.
        models: the models folder; None for the usual one.
        body: name or file of the body; None: that of the estimates.

    Raises:
        UsageError: the numbers do not go together.
    """

    estimates: tuple[str, ...]
    photos: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    one_person: bool = False
    size: int = TEXTURE_SIZE
    light: bool = True
    models: str | None = None
    body: str | None = None

    def __post_init__(self) -> None:
        if not self.estimates:
            raise UsageError("A texture needs an estimate.")
        if self.size not in TEXTURE_SIZES:
            raise UsageError(
                f"A texture has {', '.join(map(str, TEXTURE_SIZES))} texels along each side, not {self.size}."
            )
        given: dict[str, Any] = {"photos": self.photos, "masks": self.masks}
        for what, files in given.items():
            if files and len(files) != len(self.estimates):
                given_files, wanted = _counted(len(files), what), _counted(len(self.estimates), "estimates")
                verb = "was" if len(files) == 1 else "were"
                raise UsageError(f"{given_files} {verb} given for {wanted}: give one for each, in their order.")


def _counted(count: int, plural: str) -> str:
    return f"{count} {plural.removesuffix('s') if count == 1 else plural}"
