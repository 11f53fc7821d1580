"""Where model files are, and verified access to them.

* `MODELS/landmarks/*.onnx` and `manifest.json`: the networks of the engine `landmarks`
* `MODELS/bodies/*.npz` and `manifest.json`: body models, one file per level of detail
* `MODELS/sam3d_body/*` and `manifest.json`: a converted checkpoint of SAM 3D Body
* `MODELS/instanthmr/*.onnx` and `manifest.json`: networks of InstantHMR, by the names of their sizes
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from native_runtime.errors import ModelError, Remedy
from native_runtime.files.folders import user_cache
from native_runtime.models import manifest

if TYPE_CHECKING:
    from native_runtime.mhr import Body

ENVIRONMENT_VARIABLE = "SAM3DB_MODELS"
NETWORKS_FOLDER = "landmarks"
BODIES_FOLDER = "bodies"
SAM3D_BODY_FOLDER = "sam3d_body"
INSTANTHMR_FOLDER = "instanthmr"

NETWORKS = (
    "pose_detection", "pose_landmark", "palm_detection", "hand_landmark", "movenet_thunder", "movenet_multipose",
    "face_detection", "face_landmark", "face_sex", "face_age",
)  # fmt: skip
"""The networks of the engine `landmarks`, which a folder has unless its manifest says that some were left out."""


def models_dir(given: str | os.PathLike[str] | None = None) -> Path:
    """The models folder: `given`, else what `SAM3DB_MODELS` names, else one in the user's cache (it may not exist)."""
    named = given or os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    return user_cache() / "models"


def network_path(name: str, models: str | os.PathLike[str] | None = None) -> Path:
    """The ONNX file of the network `name` (of `NETWORKS`), its hash verified.

    Raises:
        ModelError: it is missing or damaged.
    """
    folder = models_dir(models) / NETWORKS_FOLDER
    if name in NETWORKS and f"{name}.onnx" not in manifest.read(folder)["files"]:
        raise _older(folder, [name])
    return manifest.verified_path(folder, f"{name}.onnx")


def left_out(models: str | os.PathLike[str] | None = None) -> frozenset[str]:
    """The networks of `NETWORKS` that could not be had when the folder was built, as its notes explain.

    Raises:
        ModelError: there are no networks, or their list is damaged.
    """
    return frozenset(manifest.read(models_dir(models) / NETWORKS_FOLDER).get("left_out", ()))


def verify_listed_networks(models: str | os.PathLike[str] | None = None) -> None:
    """Check the size and hash of the networks of the engine `landmarks` that are installed, of an older version too.

    Raises:
        ModelError: there are none, or one is missing or damaged.
    """
    manifest.verify(models_dir(models) / NETWORKS_FOLDER)


def verify_networks(models: str | os.PathLike[str] | None = None) -> None:
    """Check the size and hash of every network of the engine `landmarks`.

    Raises:
        ModelError: one is missing or damaged.
    """
    folder = models_dir(models) / NETWORKS_FOLDER
    content = manifest.verify(folder)
    missing = [n for n in NETWORKS if f"{n}.onnx" not in content["files"] and n not in content.get("left_out", ())]
    if missing:
        raise _older(folder, missing)


def _older(folder: Path, missing: Sequence[str]) -> ModelError:
    names = ", ".join(missing)
    return ModelError(f"The networks in {folder} are of an older version: {names} missing.", Remedy.BUILD_MODELS)


def lists_network(name: str, models: str | os.PathLike[str] | None = None) -> bool:
    """Whether the network `name` is installed, damaged perhaps."""
    try:
        return f"{name}.onnx" in manifest.read(models_dir(models) / NETWORKS_FOLDER)["files"]
    except ModelError:
        return False


def body_path(name: str | os.PathLike[str], models: str | os.PathLike[str] | None = None) -> Path:
    """The file of the body `name` ("default", ...), its hash verified; or `name` itself where it is an .npz file.

    Raises:
        ModelError: it is missing or damaged.
    """
    path = Path(name)
    if path.suffix == ".npz":
        if not path.is_file():
            raise ModelError(f"There is no body file {path}.", Remedy.LIST_MODELS)
        return path
    return manifest.verified_path(models_dir(models) / BODIES_FOLDER, f"{path}.npz")


def lists_body(name: str, models: str | os.PathLike[str] | None = None) -> bool:
    """Whether the body `name` is installed, damaged perhaps."""
    try:
        return f"{name}.npz" in manifest.read(models_dir(models) / BODIES_FOLDER)["files"]
    except ModelError:
        return False


def load_body(name: str | os.PathLike[str], models: str | os.PathLike[str] | None = None) -> Body:
    """The body `name`, or that of the .npz file `name`.

    Raises:
        ModelError: it is missing, damaged or no body file; what to do is said of model files alone.
        NewerFormatError: a newer version of the program wrote it.
    """
    from native_runtime.mhr import Body

    path, folder = body_path(name, models), models_dir(models) / BODIES_FOLDER
    try:
        return Body.load(path)
    except ModelError:
        if path.absolute().parent == folder:
            manifest.verified_path(folder, path.name)
        raise


def sam3d_body_dir(models: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the converted SAM 3D Body model, every file of it verified (large ones from memory).

    Raises:
        ModelError: there is none, or a file is missing or damaged; the message says what to do.
    """
    folder = models_dir(models) / SAM3D_BODY_FOLDER
    if not (folder / manifest.NAME).is_file():
        raise ModelError(
            f"There is no SAM 3D Body model in {models_dir(models)}; the engine `landmarks` works without it.",
            Remedy.GET_MODEL,
        )
    try:
        manifest.read(folder)
    except ModelError as error:
        raise ModelError(
            f"The list of files of the converted model in {folder} is damaged.", Remedy.CONVERT_CHECKPOINT
        ) from error
    manifest.verify(folder)
    return folder
