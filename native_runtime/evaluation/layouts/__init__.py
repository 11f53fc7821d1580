"""Readers of data sets, each in the layout in which its makers publish it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from native_runtime.evaluation.truth import Truth

LAYOUTS = ("coco", "rows", "3dpw", "emdb")


def read_truth(layout: str, path: Path, smpl: Path | None = None) -> Truth:
    """What is known of a data set.

    Args:
        layout: one of ``LAYOUTS``.
        path: its file or folder; which one, each reader says.
        smpl: the folder with the user's files of SMPL and SMPL-X, for layouts whose truth is their parameters.

    Raises:
        FileError: there is nothing of this layout, or a file is damaged or refused.
        UsageError: something that the layout needs is missing.
    """
    if layout == "coco":
        from . import coco

        return coco.read(path)
    if layout == "rows":
        from . import rows

        return rows.read_rows(path)
    if layout == "3dpw":
        from . import threedpw

        return threedpw.read(path)
    from native_runtime.evaluation.smpl import SmplBodies

    from . import emdb

    return emdb.read(path, SmplBodies(smpl))
