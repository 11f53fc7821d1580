"""Fetches a released SAM 3D Body checkpoint and the MHR model beside it: what the download button does.

Both stay in `MODELS/sources/sam3d_body/VARIANT` with a manifest that says where they came from, until the user removes
them (`remove_sources`); converting them is another step.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from native_runtime.errors import ModelError, Sam3dbError, UsageError
from native_runtime.models import manifest
from native_runtime.models.access_token import AccessToken
from native_runtime.models.download import Progress, check_room
from native_runtime.models.hub import SERVICE, RemoteFile, Repository, describe, fetch
from native_runtime.models.store import models_dir

CHECKPOINT, MHR_MODEL = "model.ckpt", "mhr_model.pt"
LICENCE = "SAM License, 19 November 2025"
LICENCE_PAGE = "https://github.com/facebookresearch/sam-3d-body/blob/main/LICENSE"
LICENCE_POINTS = (
    "Commercial use is not excluded, and there is no fee.",
    "Not for military or warfare purposes, nuclear industries, espionage, guns or illegal weapons; "
    "nor for anybody under sanctions.",
    "Do not reverse engineer the model, nor encourage others to.",
    "The files, and files converted from them, may be passed on only under this licence, with a copy of it.",
    "Privacy laws apply to the photos that you use; published research must acknowledge SAM 3D Body.",
    "No warranty; anyone who violates the licence must delete the files.",
)
"""Common questions about the licence, answered in one plain sentence each. Only the licence itself is binding."""

_FOLDER = Path("sources") / "sam3d_body"


@dataclass(frozen=True)
class Variant:
    """One of the two released models.

    Attributes:
        key: as the converter names it.
        title: for people.
        repository: where it is.
        about_mb: how much the download is, for people, before the service has been asked.
        known: file -> its path in the repository, and size and SHA-256 as far as they are published.
    """

    key: str
    title: str
    repository: str
    about_mb: int
    known: dict[str, tuple[str, int | None, str | None]]


_MHR_PATH = f"assets/{MHR_MODEL}"
VARIANTS: dict[str, Variant] = {
    "dinov3": Variant(
        "dinov3",
        "DINOv3-H+",
        "facebook/sam-3d-body-dinov3",
        2805,
        {
            CHECKPOINT: (CHECKPOINT, 2109129346, None),
            MHR_MODEL: (
                _MHR_PATH,
                696110248,
                "352e271a6c42729c68554ceaea0c955e866970160c31e35506d782dc0f7377bc",
            ),
        },
    ),
    "vith": Variant(
        "vith",
        "ViT-H",
        "facebook/sam-3d-body-vith",
        2400,
        {CHECKPOINT: (CHECKPOINT, None, None), MHR_MODEL: (_MHR_PATH, None, None)},
    ),
}


@dataclass(frozen=True)
class Sources:
    """The two files that a model is converted from."""

    variant: str
    checkpoint: Path
    mhr: Path

    @property
    def size(self) -> int:
        """Bytes of both."""
        return self.checkpoint.stat().st_size + self.mhr.stat().st_size


def download_checkpoint(
    variant: str,
    models: str | os.PathLike[str] | None = None,
    token: AccessToken | None = None,
    licence_accepted: bool = False,
    progress: Progress | None = None,
    service: str = SERVICE,
) -> Sources:
    """Fetch `model.ckpt` and `mhr_model.pt` of a variant; files that are there already are kept.

    Args:
        variant: a key of `VARIANTS`.
        models: the models folder.
        token: the user's own access token.
        licence_accepted: that he has seen and accepted the SAM License.
        progress: called with the progress; may raise to stop, which keeps what has arrived.
        service: the address of the service, where it is another one (a mirror).

    Raises:
        UsageError: there is no such variant, or the licence was not accepted.
        ModelError: the files cannot be had, there is no room, or they are not what they should be.
    """
    if variant not in VARIANTS:
        raise UsageError(f"There is no variant {variant!r}; there are: {', '.join(VARIANTS)}.")
    if not licence_accepted:
        raise UsageError(f"The SAM License must be accepted first: {LICENCE_PAGE}")
    tell = progress or (lambda fraction, text: None)
    chosen = VARIANTS[variant]
    repository = Repository(chosen.repository, service)
    folder = sources_folder(variant, models)
    tell(0.0, "Looking for earlier downloads")
    missing = [name for name in chosen.known if not _is_whole(folder, name)]
    remote: dict[str, RemoteFile] = {}
    for name in missing:
        path, size, sha256 = chosen.known[name]
        tell(0.0, f"Asking for {name}")
        remote[name] = describe(repository, path, token, size, sha256)
    folder.mkdir(parents=True, exist_ok=True)
    check_room(folder, sum(file.size - _arrived(folder / name, file.size) for name, file in remote.items()))
    total, done = sum(file.size for file in remote.values()), 0
    for name, file in remote.items():
        share, before = file.size / total, done / total

        def tell_part(fraction: float, text: str, share: float = share, before: float = before) -> None:
            tell(before + share * fraction, text)

        found = fetch(repository, file, folder / name, token, tell_part)
        source = {"package": repository.name, "version": file.commit, "file": chosen.known[name][0], "url": file.url}
        entry = {"sha256": found.sha256, "size": found.size, "source": source, "licence": LICENCE}
        manifest.update(folder, {name: entry}, variant=variant)
        done += file.size
    tell(1.0, f"SAM 3D Body {chosen.title} is downloaded")
    return Sources(variant, folder / CHECKPOINT, folder / MHR_MODEL)


def sources_folder(variant: str, models: str | os.PathLike[str] | None = None) -> Path:
    """Where the downloaded files of a variant lie (it may not exist)."""
    return models_dir(models) / _FOLDER / variant


def downloaded(models: str | os.PathLike[str] | None = None) -> list[Sources]:
    """The variants that were downloaded and not removed; sizes are checked, hashes are not."""
    found = []
    for variant in VARIANTS:
        folder = sources_folder(variant, models)
        try:
            files = manifest.read(folder)["files"]
            whole = all((folder / name).stat().st_size == files[name]["size"] for name in (CHECKPOINT, MHR_MODEL))
        except (Sam3dbError, OSError, KeyError, TypeError):
            continue
        if whole:
            found.append(Sources(variant, folder / CHECKPOINT, folder / MHR_MODEL))
    return found


def remove_sources(models: str | os.PathLike[str] | None = None) -> int:
    """Delete all downloaded checkpoints, whole or in parts; the bytes that are free now. Converted models stay."""
    folder = models_dir(models) / _FOLDER
    freed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise ModelError(f"{folder} cannot be removed ({error.strerror or error}). Close what is using it.") from error
    return freed


def _is_whole(folder: Path, name: str) -> bool:
    """Whether a file is there as its manifest says it was downloaded."""
    try:
        entry = manifest.read(folder)["files"][name]
        return manifest.fault(folder, name, entry) is None
    except (ModelError, KeyError, TypeError):
        return False


def _arrived(path: Path, size: int) -> int:
    """Bytes of an earlier attempt, which need no more room."""
    try:
        return min(path.with_name(f"{path.name}.part").stat().st_size, size)
    except OSError:
        return 0
