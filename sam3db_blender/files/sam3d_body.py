"""Whether a SAM 3D Body model is installed, and where.

It goes where imported bodies go (``places.imported_models_folder``). The networks that find people in a photo come
with the extension; where that is another folder, they are copied beside the model, since a worker looks into one.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from native_runtime.errors import ModelError, Sam3dbError
from native_runtime.files.folders import features_folder
from native_runtime.models import manifest
from native_runtime.models.store import NETWORKS_FOLDER, SAM3D_BODY_FOLDER, models_dir

from .. import places
from . import bodies

#: Names as ``native_runtime.engines.sam3d_body`` has them; that is not imported when Blender starts.
ENGINE = "sam3d_body"
#: MHR at the level of detail that the model was trained with; converting makes this body.
BODY = "mhr-lod1"


@dataclass(frozen=True)
class Installed:
    """A converted model.

    Attributes:
        variant, precision: as the converter names them.
        size: bytes.
        body: whether the body that belongs to it is there.
        hands: whether it can pose hands; a checkpoint without those parts can be converted as well.
        fast: whether it takes smaller crops; what was converted by earlier versions does not.
    """

    variant: str
    precision: str
    size: int
    body: bool
    hands: bool = True
    fast: bool = True

    @property
    def title(self) -> str:
        """In one line, for people."""
        from native_runtime.models.shelf.catalogue import VARIANTS

        name = VARIANTS.get(self.variant, self.variant)
        return f"{name}, {self.precision}, {self.size / 1e9:.1f} GB{'' if self.hands else ', bodies only'}"


def models_folder() -> Path:
    """The models folder that SAM 3D Body goes to, and is used from (it may not exist)."""
    return bodies.import_folder()


def installed() -> Installed | None:
    """The model that is there by its manifest; the worker verifies its files when it opens them."""
    folder = models_folder() / SAM3D_BODY_FOLDER
    try:
        return _read(folder, os.stat(folder / manifest.NAME).st_mtime_ns, BODY in bodies.installed())
    except OSError:
        return None


def folder_for_worker() -> Path:
    """The models folder for a worker's requests, with everything in it that the engine needs.

    Raises:
        ModelError: the networks that find people cannot be copied there.
    """
    folder = models_folder()
    source = models_dir(places.models_folder()) / NETWORKS_FOLDER
    target = folder / NETWORKS_FOLDER
    if source != target and _content(source) not in (None, _content(target)):
        try:
            shutil.copytree(source, target, dirs_exist_ok=True)
        except (OSError, shutil.Error) as error:
            raise ModelError(f"The networks that find people cannot be copied to {target} ({error}).") from error
    return folder


def _content(folder: Path) -> bytes | None:
    """What a folder of models holds, by its manifest."""
    try:
        return (folder / manifest.NAME).read_bytes()
    except OSError:
        return None


@lru_cache(maxsize=4)
def _read(folder: Path, changed: int, body: bool) -> Installed | None:
    from native_runtime.engines import sam3d_body

    try:
        facts = manifest.read(folder)
        size = sum(int(entry["size"]) for entry in facts["files"].values())
        hands = "full" in facts.get("inferences", ["full"])
        fast = hands and sam3d_body.FAST_SIZE % int(facts.get("size_step", size)) == 0
        return Installed(str(facts["variant"]), str(facts["precision"]), size, body, hands, fast)
    except (Sam3dbError, KeyError, TypeError, ValueError):
        return None


def forget_features() -> None:
    """Deletes what is kept of the last photos so that they reopen quickly."""
    shutil.rmtree(features_folder(), ignore_errors=True)
