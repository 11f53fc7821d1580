"""Readers of data sets, each in the layout in which its makers publish it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from native_runtime.evaluation.truth import Truth

_READERS = {
    "coco": "coco",
    "rows": "rows",
    "3dpw": "threedpw",
    "emdb": "emdb",
    "rich": "rich",
    "lspet": "lspet",
    "freihand": "freihand",
    "h36m": "human36m",
    "3dhp": "threedhp",
    "spin": "spin",
}
#: Those whose truth is parameters of SMPL or SMPL-X.
_OF_SMPL = ("emdb", "rich")
LAYOUTS = tuple(_READERS)


def read_truth(layout: str, path: Path, smpl: Path | None = None, models: Path | None = None) -> Truth:
    """What is known of a data set.

    Args:
        layout: one of ``LAYOUTS``.
        path: its file or folder; which one, each reader says.
        smpl: the folder with the user's files of SMPL and SMPL-X, for layouts whose truth is their parameters.
        models: the folder of models, for layouts whose truth is MHR's parameters; None for the usual one.

    Raises:
        FileError: there is nothing of this layout, or a file is damaged or refused.
        UsageError: something that the layout needs is missing.
    """
    reader: Any = import_module(f"{__name__}.{_READERS[layout]}")
    if layout in _OF_SMPL:
        from native_runtime.evaluation.smpl import SmplBodies

        truth: Truth = reader.read(path, SmplBodies(smpl))
    elif layout == "rows":
        from native_runtime.evaluation.surfaces import Surfaces

        truth = reader.read(path, Surfaces(models))
    else:
        truth = reader.read(path)
    return truth
