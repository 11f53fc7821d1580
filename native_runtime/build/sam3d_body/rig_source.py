"""Where MHR comes from when a checkpoint is converted, in this order:

1. what the user names: ``mhr_model.pt``, MHR's release (``assets.zip`` or its folder), or the rig beside slices
2. ``mhr_model.pt`` in the checkpoint's folder or its folder ``assets``
3. the checkpoint's own file, which for ComfyUI holds it; ``sam3d_body_mhr_jit.safetensors`` beside slices
4. MHR's release in the checkpoint's folder
5. the body ``mhr-lod1`` that the user imported before
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.build import official
from native_runtime.errors import ModelError, Remedy, Sam3dbError
from native_runtime.files.hashes import sha256_of
from native_runtime.mhr import Body, load_rig_facts
from native_runtime.mhr.official import assemble, body_name
from native_runtime.models import store

from .checkpoint import Checkpoint, open_checkpoint
from .finding import ASSETS, MHR_FILE, MHR_SLICE
from .layouts.rigs import read_stored_rig
from .unpacking import members, unpacked

LEVEL = 1
_RELEASE = "assets"


@dataclass(frozen=True)
class RigSource:
    """What the rig is read from.

    Attributes:
        path: a file or a folder; None for the checkpoint itself.
        names: its tensors in the checkpoint.
    """

    path: Path | None
    names: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The file that it is read from, besides the checkpoint's own."""
        return (self.path,) if self.path is not None and self.path.is_file() else ()

    def name(self, checkpoint: Checkpoint) -> str:
        """What its file is called."""
        return (self.path or checkpoint.path).name

    def read(self, checkpoint: Checkpoint, faces: NDArray[Any], models: Path) -> tuple[Body, list[str]]:
        """The body, and what the user should know of it.

        Args:
            checkpoint: that the body is for.
            faces: (F, 3) triangles of its head.
            models: the models folder.

        Raises:
            ModelError: it is damaged, or not MHR.
        """
        if self.path is None:
            return _with_texture(_stored(checkpoint, self.names, faces, checkpoint.path), models)
        if self.path.suffix == ".safetensors":
            with open_checkpoint(self.path) as opened:
                return _with_texture(_stored(opened, opened.names(), faces, self.path), models)
        if self.path.suffix == ".npz":
            return Body.load(self.path), [f"The rig is that of {self.path.stem}, which was imported before."]
        if self.path.is_dir() or self.path.suffix.lower() == ".zip":
            return _of_release(self.path, models), []
        return official.read_torchscript_body(self.path), []


def find_rig(named: Path | None, folder: Path, stored: tuple[str, ...], models: Path) -> RigSource:
    """Where the rig is.

    Args:
        named: what the user named.
        folder: of the checkpoint.
        stored: names of the rig's tensors in the checkpoint, if it has any.
        models: the models folder.

    Raises:
        ModelError: there is none.
    """
    if named is not None:
        if not named.exists():
            raise ModelError(
                f"There is no file {named}. The MHR model is {MHR_FILE}, which comes with the checkpoint and in MHR's "
                f"own release ({ASSETS}).",
                Remedy.NAME_MHR_MODEL,
            )
        return RigSource(named)
    for place in (folder / _RELEASE / MHR_FILE, folder / MHR_FILE):
        if place.is_file():
            return RigSource(place)
    if stored:
        return RigSource(None, stored)
    for place in (folder / MHR_SLICE, folder / ASSETS):
        if place.is_file():
            return RigSource(place)
    imported = models / store.BODIES_FOLDER / f"{body_name(LEVEL)}.npz"
    if imported.is_file():
        return RigSource(store.body_path(body_name(LEVEL), models))
    raise ModelError(
        f"There is no {MHR_FILE} in {folder} or its folder {_RELEASE}, and the checkpoint does not hold the rig. MHR's "
        f"own release ({ASSETS}), which anybody may download, will do as well.",
        Remedy.NAME_MHR_MODEL,
    )


def _stored(checkpoint: Checkpoint, names: tuple[str, ...], faces: NDArray[Any], path: Path) -> Body:
    rig, correctives = read_stored_rig(checkpoint, names, faces, path.name)
    origin = {"source": official.ORIGIN, "files": {path.name: f"sha256:{sha256_of(path)}"}}
    return assemble(LEVEL, rig, load_rig_facts().parameterisation, correctives, origin, path.name)


def _of_release(path: Path, models: Path) -> Body:
    """From MHR's release: the TorchScript file in it, which is what the checkpoint was made with, else its mesh."""
    if path.is_dir():
        for place in (path / MHR_FILE, path / _RELEASE / MHR_FILE):
            if place.is_file():
                return official.read_torchscript_body(place)
    elif any(name.rpartition("/")[2] == MHR_FILE for name in members(path)):
        with unpacked(path, models, lambda name: name == MHR_FILE) as folder:
            return official.read_torchscript_body(folder / MHR_FILE)
    return official.read_release_body(path, LEVEL)


def _with_texture(body: Body, models: Path) -> tuple[Body, list[str]]:
    """The body with the texture coordinates of an imported one of the same mesh, which its own file does not hold."""
    path = models / store.BODIES_FOLDER / f"{body.name}.npz"
    if path.is_file():
        try:
            other = Body.load(path)
        except Sam3dbError:
            other = body  # the conversion replaces it anyway
        if other.uvs.any() and _same_mesh(body, other):
            return replace(body, uvs=other.uvs), [f"Texture coordinates are those of the imported {body.name}."]
    return body, [
        f"The body {body.name} has no texture coordinates, and there are no other levels of detail: this file does not "
        f"hold them. {MHR_FILE} and MHR's own release ({ASSETS}) do."
    ]


def _same_mesh(one: Body, other: Body) -> bool:
    return (
        np.array_equal(one.face_sizes, other.face_sizes)
        and np.array_equal(one.face_vertices, other.face_vertices)
        and bool(np.allclose(one.rest_vertices, other.rest_vertices, atol=1e-3))
    )
