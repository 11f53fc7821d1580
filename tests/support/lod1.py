"""LOD 1's triangles, which the mappings between MHR's levels of detail refer to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr.official import read_rig


def lod1_triangles(path: Path) -> NDArray[np.int64]:
    """Triangles (T, 3) from ``lod1.fbx``, or from a binary PLY of vertices and triangles."""
    data = path.read_bytes()
    if path.suffix == ".fbx":
        return read_rig(data, path.name).face_vertices.reshape(-1, 3).astype(np.int64)
    header = data[: data.index(b"end_header\n")]
    count = next(int(line.split()[2]) for line in header.split(b"\n") if line.startswith(b"element face"))
    face = np.dtype([("count", "u1"), ("corners", "<i4", 3)])
    return np.frombuffer(data[len(data) - count * face.itemsize :], face)["corners"].astype(np.int64)
