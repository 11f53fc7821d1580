"""Networks of InstantHMR in a models folder: which there are, and which one is used.

`MODELS/instanthmr/NAME.onnx`, with a manifest: NAME is a size as it was released, or any other name. The best one that
is there is used, unless the manifest's fact ``chosen`` names another (`choose`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from native_runtime.errors import ModelError, Remedy, UsageError
from native_runtime.models import manifest, store
from native_runtime.models.shelf import model_terms

CHOSEN = "chosen"
"""Fact of the manifest: the name of the network that is used."""

PA_MPJPE: Mapping[str, float] = {
    "medium": 40.0, "small": 41.7, "tiny": 44.0, "nano": 46.6, "medium_commercial": 50.7, "first": 52.0,
}  # fmt: skip
"""mm on 3DPW by the publisher, the best first; of the first release nothing is published, and it is taken for worse."""


@dataclass(frozen=True)
class InstalledNetwork:
    """A network that is used.

    Attributes:
        name: its size ("medium", ...).
        path: the file; its hash is verified.
        pa_mpjpe: mm, its published error; the worst of all where it is none of the released ones.
        terms: on which it is used (``models.shelf.model_terms``).
    """

    name: str
    path: Path
    pa_mpjpe: float
    terms: Mapping[str, Any]


def installed(models: str | os.PathLike[str] | None = None) -> list[str]:
    """Names of the networks that the manifest lists, the best first; none where there is no readable manifest."""
    try:
        return _names(manifest.read(_folder(models)))
    except ModelError:
        return []


def used_network(models: str | os.PathLike[str] | None = None) -> InstalledNetwork:
    """The network that is used.

    Raises:
        ModelError: there is none, or it is missing or damaged.
    """
    folder = _folder(models)
    if not (folder / manifest.NAME).is_file():
        raise ModelError(f"There is no network of InstantHMR in {store.models_dir(models)}.", Remedy.GET_MODEL)
    try:
        content = manifest.read(folder)
    except ModelError as error:
        raise ModelError(str(error), Remedy.GET_MODEL) from error
    names, chosen = _names(content), content.get(CHOSEN)
    if not names:
        raise ModelError(f"There is no network of InstantHMR in {store.models_dir(models)}.", Remedy.GET_MODEL)
    name = chosen if isinstance(chosen, str) and chosen in names else names[0]
    try:
        path = manifest.verified_path(folder, f"{name}.onnx")
    except ModelError as error:
        raise ModelError(str(error), Remedy.GET_MODEL) from error
    terms = model_terms("instanthmr", name, content["files"][path.name])
    return InstalledNetwork(name, path, PA_MPJPE.get(name, max(PA_MPJPE.values())), terms)


def choose(name: str | None, models: str | os.PathLike[str] | None = None) -> None:
    """Use the network of that name from now on; None: the best that is there.

    Raises:
        UsageError: it is not there.
        ModelError: there is no manifest.
    """
    folder = _folder(models)
    content = manifest.read(folder)
    names = _names(content)
    if name is not None and name not in names:
        raise UsageError(f"There is no network {name!r} of InstantHMR; there are: {', '.join(names) or 'none'}.")
    if name == content.get(CHOSEN):
        return
    # The last proof was that of another network.
    facts = {k: value for k, value in content.items() if k not in ("format", "files", CHOSEN, manifest.PROOF)}
    manifest.write(folder, content["files"], **facts, **({} if name is None else {CHOSEN: name}))


def _folder(models: str | os.PathLike[str] | None) -> Path:
    return store.models_dir(models) / store.INSTANTHMR_FOLDER


def _names(content: Mapping[str, Any]) -> list[str]:
    names = [name.removesuffix(".onnx") for name in content["files"] if name.endswith(".onnx")]
    order = list(PA_MPJPE)
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))
