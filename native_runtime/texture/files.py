"""Textures as files: ``STEM_texture.png``, ``STEM_texture_confidence.png`` and ``STEM_texture.json``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from native_runtime.errors import FileError, ModelError
from native_runtime.files.aside import set_aside
from native_runtime.files.atomic import write_atomically
from native_runtime.files.formats import Format
from native_runtime.files.hashes import sha256_of
from native_runtime.render.files import save_picture

if TYPE_CHECKING:
    from .making import Texture

FORMAT = Format("sam3db-texture")


@dataclass(frozen=True)
class TextureFiles:
    """The files of a texture: its colours, how sure they are, and what was done."""

    colour: Path
    confidence: Path
    record: Path

    def to_json(self) -> dict[str, str]:
        """As results name them."""
        return {name: str(path) for name, path in vars(self).items()}

    @staticmethod
    def from_json(content: Mapping[str, str]) -> TextureFiles:
        """Reads what ``to_json`` wrote."""
        return TextureFiles(*(Path(content[name]) for name in ("colour", "confidence", "record")))

    @staticmethod
    def of(stem: Path) -> TextureFiles:
        """What the files of a person are called, ``stem`` being that of the estimate."""
        start = stem.with_name(f"{stem.name}_texture")
        return TextureFiles(*(Path(f"{start}{end}") for end in (".png", "_confidence.png", ".json")))


@dataclass(frozen=True, eq=False)
class EncodedTexture:
    """A texture as the contents of two files, which a .blend takes as they are.

    Attributes:
        colour, confidence: PNG.
        size: texels along each side.
        facts: what was done, ready for ``json.dumps``: ``making.Texture.facts``, or a whole record.
    """

    colour: bytes
    confidence: bytes
    size: int
    facts: dict[str, Any]

    @staticmethod
    def of(texture: Texture) -> EncodedTexture:
        """A texture's, encoded."""
        pictures = []
        for pixels in (texture.colour, cv2.cvtColor(texture.confidence, cv2.COLOR_GRAY2RGB)):
            done, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
            assert done
            pictures.append(data.tobytes())
        return EncodedTexture(pictures[0], pictures[1], len(texture.colour), dict(texture.facts))

    @staticmethod
    def read(files: TextureFiles) -> EncodedTexture:
        """What ``save_texture`` wrote.

        Raises:
            ModelError, NewerFormatError: as ``read_record``; a picture is missing or damaged.
        """
        facts = read_record(files.record)
        try:
            texture = EncodedTexture(
                files.colour.read_bytes(), files.confidence.read_bytes(), int(facts["size"]), facts
            )
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"The texture of {files.record} cannot be read ({error}).") from error
        for path, data in ((files.colour, texture.colour), (files.confidence, texture.confidence)):
            if not data or cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) is None:
                raise ModelError(f"{path} is no picture that can be read: it is damaged. Make the texture again.")
        return texture


def save_texture(
    texture: Texture, stem: Path, sources: dict[str, Any], warn: Callable[[str], None] | None = None
) -> TextureFiles:
    """Writes the files of a texture; each appears whole or not at all.

    Pictures of an earlier texture that are not as its record says, painted on for instance, are kept under another
    name.

    Args:
        sources: what the record says besides: photos, estimates, body.
        warn: gets a note about each picture that is kept.

    Raises:
        Sam3dbError: a file cannot be written.
    """
    files = TextureFiles.of(stem)
    for picture in _changed(files):
        try:
            kept = set_aside(picture)
        except OSError as error:
            raise FileError(f"Cannot rename {picture}: {error.strerror or error}.") from error
        if warn is not None:
            warn(f"{picture.name} is not as it was made, or nobody can tell: it is kept as {kept.name}.")
    save_picture(files.colour, texture.colour)
    save_picture(files.confidence, cv2.cvtColor(texture.confidence, cv2.COLOR_GRAY2RGB))
    content = {
        "format": str(FORMAT),
        **sources,
        **texture.facts,
        "files": {"colour": files.colour.name, "confidence": files.confidence.name},
        "sha256": {"colour": sha256_of(files.colour), "confidence": sha256_of(files.confidence)},
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    try:
        write_atomically(files.record, text.encode())
    except OSError as error:
        raise FileError(f"Cannot write {files.record}: {error.strerror or error}.") from error
    return files


def _changed(files: TextureFiles) -> list[Path]:
    """The pictures that are not known to be as they were written."""
    try:
        known = dict(read_record(files.record).get("sha256", {}))
    except (ModelError, TypeError, ValueError):
        known = {}
    pictures = {"colour": files.colour, "confidence": files.confidence}
    return [path for name, path in pictures.items() if path.is_file() and sha256_of(path) != known.get(name)]


def read_record(path: Path) -> dict[str, Any]:
    """What was done for a texture, as ``save_texture`` wrote it.

    Raises:
        ModelError: it is missing, damaged, or no record of a texture.
        NewerFormatError: a newer version of the program wrote it.
    """
    try:
        content = FORMAT.parsed(path.read_bytes(), path)
        return {**content, "shares": dict(content["shares"]), "files": dict(content["files"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is not a usable record of a texture ({error}).") from error
