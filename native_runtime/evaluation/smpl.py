"""The joints of SMPL and SMPL-X bodies, from the files of their makers.

Those files are not free to hand on: whoever has a data set whose truth is SMPL's parameters alone has them too, from
smpl.is.tue.mpg.de or smpl-x.is.tue.mpg.de. Only what places the joints is read of them.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import UsageError
from native_runtime.files.pickles import read_pickle

from .truth import nowhere
from .unreadable import unreadable

Array = NDArray[np.float64]

#: MHR-70's numbers of SMPL's joints, by SMPL's (the first 22 of SMPL-X's are the same): hips, knees, ankles, shoulders,
#: elbows, wrists. Source: ``SMPL_JOINT_NAMES`` of github.com/vchoutas/smplx, ``joint_names.py``.
SMPL_TO_MHR = {1: 9, 2: 10, 4: 11, 5: 12, 7: 13, 8: 14, 16: 5, 17: 6, 18: 7, 19: 8, 20: 62, 21: 41}

#: Classes that SMPL's own pickles hold: arrays of ``chumpy`` and sparse matrices of SciPy.
_INERT = frozenset(
    [
        *((module, "Ch") for module in ("chumpy.ch", "chumpy")),
        *(("chumpy.reordering", name) for name in ("Select", "Reshape", "transpose")),
        *((f"scipy.sparse.{module}", "csc_matrix") for module in ("csc", "_csc")),
    ]
)


@dataclass(frozen=True, eq=False)
class SmplJoints:
    """What places the joints of one kind of body.

    Attributes:
        rest: (J, 3) m, of the mean body in its rest pose.
        shapes: (J, 3, B) m of each shape coefficient.
        parents: (J,) the joint above each; of the root itself.
    """

    rest: Array
    shapes: Array
    parents: NDArray[np.int64]

    def place(self, betas: Array, rotations: Array, translations: Array) -> Array:
        """(N, J', 3) m: the first J' joints of a body in N poses.

        Args:
            betas: (B',) shape coefficients; of more than the file has, the first.
            rotations: (N, J', 3) axis times angle of the joints, the root's first.
            translations: (N, 3) m, added to all.

        Source: Loper et al., "SMPL: A Skinned Multi-Person Linear Model", 2015, equations 3 and 4, for joints alone.
        """
        own = min(len(betas), self.shapes.shape[2])
        rest = self.rest + self.shapes[..., :own] @ betas[:own]
        turned = _matrices(rotations)
        placed = np.broadcast_to(rest[0], (*rotations.shape[:2], 3)).copy()
        for joint in range(1, rotations.shape[1]):
            parent = int(self.parents[joint])
            placed[:, joint] = placed[:, parent] + turned[:, parent] @ (rest[joint] - rest[parent])
            turned[:, joint] = turned[:, parent] @ turned[:, joint]
        return placed + translations[:, None]

    @staticmethod
    def load(path: Path) -> SmplJoints:
        """Read a model file of SMPL or SMPL-X, ``.npz`` or ``.pkl``.

        Raises:
            FileError: it cannot be read, or is no such file.
        """
        try:
            if path.suffix == ".npz":
                with np.load(path, allow_pickle=False) as archive:
                    content: dict[str, Any] = {
                        name: archive[name] for name in ("v_template", "shapedirs", "J_regressor", "kintree_table")
                    }
            else:
                content = read_pickle(path, inert=_INERT)
            template, shapes, regressor = (_dense(content[n]) for n in ("v_template", "shapedirs", "J_regressor"))
            parents = np.asarray(content["kintree_table"])[0].astype(np.uint32).astype(np.int64)
            parents[0] = 0
            joints = len(parents)
            regressor = regressor if regressor.shape[0] == joints else regressor.T
            if (parents[1:] >= np.arange(1, joints)).any():
                raise ValueError("a joint comes before the one above it")
            return SmplJoints(regressor @ template, np.einsum("jv,vcb->jcb", regressor, shapes), parents)
        except (OSError, EOFError, zipfile.BadZipFile, ValueError, KeyError, TypeError, IndexError) as error:
            raise unreadable(path.name, "a file of SMPL", error) from error


class SmplBodies:
    """The model files of a folder, each read once.

    Args:
        folder: with the files under their makers' names, at any depth; None where there is none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[tuple[str, str], SmplJoints] = {}

    def of(self, kind: str, gender: str) -> SmplJoints:
        """The body of a kind ("smpl", "smplx") and gender ("female", "male", "neutral").

        Raises:
            UsageError: there is no such file.
        """
        if (kind, gender) not in self._known:
            self._known[kind, gender] = SmplJoints.load(self._find(kind, gender))
        return self._known[kind, gender]

    def _find(self, kind: str, gender: str) -> Path:
        wanted = f"{kind.upper()}_{gender.upper()}"
        files = [] if self._folder is None else sorted(self._folder.rglob(f"{wanted}.*"))
        for path in (path for ending in (".npz", ".pkl") for path in files if path.suffix == ending):
            return path
        site = "smpl-x.is.tue.mpg.de" if kind == "smplx" else "smpl.is.tue.mpg.de"
        raise UsageError(
            f"These annotations are parameters of {kind.upper()} without joints: {wanted}.npz or .pkl is needed to "
            f"place them. Get it from {site}, which has its own terms, and say in which folder it is."
        )


def mhr_keypoints(joints: Array) -> Array:
    """(70, C): joints (J, C) in SMPL's order as keypoints of MHR-70, NaN where SMPL has none."""
    points = nowhere(joints.shape[1])
    points[list(SMPL_TO_MHR.values())] = joints[list(SMPL_TO_MHR)]
    return points


def _dense(value: Any) -> Array:
    """An array; what is known of one is its state, where it is of another library's class."""
    if isinstance(value, dict) and "x" in value:
        return _dense(value["x"])
    if isinstance(value, dict) and "idxs" in value:  # chumpy's Select: some numbers of another array
        return _dense(value["a"]).ravel()[np.asarray(value["idxs"])].reshape(value["preferred_shape"])
    if isinstance(value, dict) and "indptr" in value:
        height, width = (int(side) for side in value["_shape"])
        matrix = np.zeros((height, width))
        columns = np.repeat(np.arange(width), np.diff(np.asarray(value["indptr"])))
        matrix[np.asarray(value["indices"]), columns] = np.asarray(value["data"])
        return matrix
    return np.asarray(value, np.float64)


def _matrices(rotations: Array) -> Array:
    """(..., 3, 3) of axis times angle (..., 3), by Rodrigues' formula."""
    angles = np.linalg.norm(rotations, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(rotations, -1, 0) / np.maximum(angles[..., 0, 0], 1e-12)
    cross = np.stack([0 * x, -z, y, z, 0 * x, -x, -y, x, 0 * x], axis=-1).reshape((*x.shape, 3, 3))
    return np.asarray(np.eye(3) + np.sin(angles) * cross + (1 - np.cos(angles)) * cross @ cross)
