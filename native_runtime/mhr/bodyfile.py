"""Reading and writing body files: one ``.npz`` per body, no pickled objects, checked on load.

The format is described in ``docs/architecture.md``.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError, Remedy
from native_runtime.files.atomic import atomic_file
from native_runtime.files.formats import Format

from .ages import SEXES, AgeTable
from .bodydata import BodyData
from .correctives import FIRST_JOINT, PoseCorrectives
from .local_basis import Block, LocalBasis
from .parameterisation import Parameterisation
from .skeleton import Skeleton
from .sparse import SparseRows, sorted_rows

FORMAT = Format("sam3db-body")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_AGES = "age_"


def body_arrays(body: BodyData) -> dict[str, NDArray[Any]]:
    """The arrays of a body file, by key."""
    skeleton, transform = body.skeleton, body.parameterisation
    arrays: dict[str, NDArray[Any]] = {
        "format": np.array(str(FORMAT)),
        "name": np.array(body.name),
        "provenance": np.array(body.provenance),
        "joint_names": np.array(skeleton.names),
        "joint_parents": skeleton.parents.astype(np.int32),
        "joint_offsets": skeleton.offsets.astype(np.float64),
        "joint_prerotations": skeleton.prerotations.astype(np.float64),
        "parameter_names": np.array(transform.names),
        "transform_rows": transform.rows.astype(np.int32),
        "transform_columns": transform.columns.astype(np.int32),
        "transform_values": transform.values.astype(np.float64),
        "limit_min": transform.limit_min,
        "limit_max": transform.limit_max,
        "limit_weight": transform.limit_weight,
        "rest_vertices": body.rest_vertices.astype(np.float32),
        "face_sizes": body.face_sizes.astype(np.int32),
        "face_vertices": body.face_vertices.astype(np.int32),
        "face_materials": body.face_materials.astype(np.int32),
        "material_names": np.array(body.material_names),
        "uvs": body.uvs.astype(np.float32),
        "identity_basis": body.identity_basis.astype(np.float32),
        "identity_names": np.array(body.identity_names, dtype=str),
        "identity_groups": np.array(body.identity_groups, dtype=str),
        "identity_min": body.identity_min,
        "identity_max": body.identity_max,
        "expression_basis": body.expression_basis.astype(np.float32),
        "expression_names": np.array(body.expression_names, dtype=str),
        "skin_indices": body.skin_indices.astype(np.int32),
        "skin_weights": body.skin_weights.astype(np.float32),
        "keypoint_names": np.array(body.keypoint_names, dtype=str),
        "landmark_names": np.array(body.landmark_names, dtype=str),
    }
    for prefix, rows in (("keypoint", body.keypoint_rows), ("landmark", body.landmark_rows)):
        arrays[f"{prefix}_rows"] = rows.rows.astype(np.int32)
        arrays[f"{prefix}_columns"] = rows.columns.astype(np.int32)
        arrays[f"{prefix}_values"] = rows.values.astype(np.float64)
    if body.correctives is not None:
        arrays |= _corrective_arrays(body.correctives)
    if body.ages is not None:
        arrays |= {f"{_AGES}{field.name}": getattr(body.ages, field.name) for field in fields(AgeTable)}
    return arrays


def _corrective_arrays(correctives: PoseCorrectives) -> dict[str, NDArray[Any]]:
    blocks = correctives.basis.blocks
    return {
        "corrective_activation": correctives.activation.astype(np.float32),
        "corrective_block_components": np.array([len(block.offsets) for block in blocks], np.int32),
        "corrective_block_vertices": np.array([len(block.vertices) for block in blocks], np.int32),
        "corrective_vertices": np.concatenate([np.zeros(0, np.int32), *(block.vertices for block in blocks)]),
        "corrective_offsets": np.concatenate([np.zeros(0, np.float32), *(block.offsets.ravel() for block in blocks)]),
    }


def content_hash(body: BodyData) -> str:
    """``sha256:<hex>`` over keys, types, shapes and bytes of a body's arrays."""
    digest = hashlib.sha256()
    for key, array in sorted(body_arrays(body).items()):
        digest.update(f"{key}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return "sha256:" + digest.hexdigest()


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an uncompressed ``.npz`` whose bytes depend on the arrays alone, under a temporary name first."""
    with atomic_file(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for key, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(array, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{key}.npy", _EPOCH), buffer.getvalue())


def save_body(body: BodyData, path: Path) -> None:
    """Write a body file."""
    write_arrays(path, body_arrays(body))


def read_fields(path: Path) -> dict[str, Any]:
    """Read and check a body file: the attributes of ``BodyData`` by name.

    Raises:
        ModelError: the file is missing, damaged, or no body file.
        NewerFormatError: a newer version of the program wrote it.
    """
    if not path.is_file():
        raise ModelError(f"There is no body file at {path}.", Remedy.BUILD_MODELS)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except Exception as error:  # numpy raises many kinds for damaged files
        raise ModelError(f"{path} is damaged or not a body file ({error}).") from error
    try:
        arrays = FORMAT.checked(arrays, path)
    except ValueError as error:
        raise ModelError(f"{path} is not a body file: {error}.") from error
    try:
        return _fields_from_arrays(arrays)
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise ModelError(f"{path} is not a usable body file: {error}.") from error


def _fields_from_arrays(arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    _check(arrays)
    strings = {key: tuple(str(s) for s in arrays[key]) for key in arrays if key.endswith(("_names", "_groups"))}
    joint_names = strings["joint_names"]
    parameterisation = Parameterisation(
        strings["parameter_names"],
        arrays["transform_rows"],
        arrays["transform_columns"],
        arrays["transform_values"],
        arrays["limit_min"],
        arrays["limit_max"],
        arrays["limit_weight"],
        len(joint_names),
    )
    made = {
        "name": str(arrays["name"]),
        "provenance": str(arrays["provenance"]),
        "skeleton": Skeleton(
            joint_names, arrays["joint_parents"], arrays["joint_offsets"], arrays["joint_prerotations"]
        ),
        "parameterisation": parameterisation,
        "keypoint_rows": _rows(arrays, "keypoint"),
        "landmark_names": strings.get("landmark_names", ()),
        "landmark_rows": _rows(arrays, "landmark"),
        "correctives": _correctives(arrays) if "corrective_activation" in arrays else None,
        "ages": _ages(arrays) if f"{_AGES}years" in arrays else None,
    }
    stored = {**arrays, **strings}
    return made | {field.name: stored[field.name] for field in fields(BodyData) if field.name not in made}


def _ages(arrays: dict[str, NDArray[Any]]) -> AgeTable:
    return AgeTable(**{field.name: arrays[f"{_AGES}{field.name}"].astype(np.float64) for field in fields(AgeTable)})


def _correctives(arrays: dict[str, NDArray[Any]]) -> PoseCorrectives:
    vertex_count = len(arrays["rest_vertices"])
    components = arrays["corrective_block_components"].astype(np.int64)
    counts = arrays["corrective_block_vertices"].astype(np.int64)
    vertices, offsets = arrays["corrective_vertices"], arrays["corrective_offsets"]
    sizes = components * counts * 3
    if np.any(components < 0) or np.any(counts < 0) or components.sum() != len(arrays["corrective_activation"]):
        raise ValueError("the pose correctives' blocks do not hold as many components as their activation")
    if vertices.shape != (counts.sum(),) or offsets.shape != (sizes.sum(),):
        raise ValueError("the pose correctives' blocks are not as large as they say")
    blocks = []
    for k, part, values in zip(
        components, np.split(vertices, np.cumsum(counts)[:-1]), np.split(offsets, np.cumsum(sizes)[:-1])
    ):
        if len(part) and (part[0] < 0 or part[-1] >= vertex_count or np.any(np.diff(part) <= 0)):
            raise ValueError("the pose correctives' vertices are not in rising order within the mesh")
        blocks.append(Block(part, values.reshape(k, len(part), 3)))
    return PoseCorrectives(arrays["corrective_activation"], LocalBasis(vertex_count, tuple(blocks)))


def _rows(arrays: dict[str, NDArray[Any]], prefix: str) -> SparseRows:
    if f"{prefix}_rows" not in arrays:
        return SparseRows(0, np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))
    return sorted_rows(
        len(arrays[f"{prefix}_names"]),
        arrays[f"{prefix}_rows"],
        arrays[f"{prefix}_columns"],
        arrays[f"{prefix}_values"],
    )


def _check(arrays: dict[str, NDArray[Any]]) -> None:
    """Raise ValueError naming every fault at once; a body that passes cannot make the mathematics fail."""
    faults: list[str] = []
    joints, parameters = len(arrays["joint_names"]), len(arrays["parameter_names"])
    vertices, loops, faces = len(arrays["rest_vertices"]), len(arrays["face_vertices"]), len(arrays["face_sizes"])
    identities, expressions = len(arrays["identity_names"]), len(arrays["expression_names"])
    shapes: dict[str, tuple[int, ...]] = {
        "joint_parents": (joints,),
        "joint_offsets": (joints, 3),
        "joint_prerotations": (joints, 4),
        "limit_min": (parameters,),
        "limit_max": (parameters,),
        "limit_weight": (parameters,),
        "rest_vertices": (vertices, 3),
        "face_materials": (faces,),
        "uvs": (loops, 2),
        "identity_basis": (identities, vertices, 3),
        "identity_groups": (identities,),
        "identity_min": (identities,),
        "identity_max": (identities,),
        "expression_basis": (expressions, vertices, 3),
        "skin_weights": arrays["skin_indices"].shape,
        "skin_indices": (vertices, arrays["skin_indices"].shape[-1]),
    }
    if "corrective_activation" in arrays:
        shapes["corrective_activation"] = (len(arrays["corrective_activation"]), 6 * max(joints - FIRST_JOINT, 0))
    if f"{_AGES}years" in arrays:
        count = len(arrays[f"{_AGES}years"])
        by_age = {"years": (count,), "statures": (len(SEXES), count), "spreads": (len(SEXES), count)}
        by_age |= {"parameters": (len(SEXES), count, parameters), "identity": (len(SEXES), count, identities)}
        shapes |= {f"{_AGES}{name}": shape for name, shape in by_age.items()}
        if count < 2 or np.any(np.diff(arrays[f"{_AGES}years"]) <= 0):
            faults.append("age_years are not in rising order")
    for key, shape in shapes.items():
        if arrays[key].shape != shape:
            faults.append(f"{key} has shape {arrays[key].shape}, expected {shape}")
    for key, array in arrays.items():
        if array.dtype.kind == "f" and not key.startswith("limit_") and not np.all(np.isfinite(array)):
            faults.append(f"{key} holds values that are not finite")
    for key, bound in (
        ("transform_rows", joints * 7),
        ("transform_columns", parameters),
        ("face_vertices", vertices),
        ("skin_indices", joints),
        ("keypoint_columns", vertices + joints),
        ("landmark_columns", vertices + joints),
        ("face_materials", len(arrays["material_names"])),
    ):
        if key in arrays and arrays[key].size and not (arrays[key].min() >= 0 and arrays[key].max() < bound):
            faults.append(f"{key} points outside 0..{bound - 1}")
    parents = arrays["joint_parents"]
    if len(parents) and (parents[0] != -1 or np.any(parents[1:] < 0) or np.any(parents >= np.arange(len(parents)))):
        faults.append("joint_parents is not a tree with each parent before its children")
    if np.any(arrays["face_sizes"] < 3) or int(arrays["face_sizes"].sum()) != loops:
        faults.append("face_sizes does not match face_vertices")
    if arrays["skin_weights"].size and np.abs(arrays["skin_weights"].sum(axis=1) - 1).max() > 1e-4:
        faults.append("skin_weights do not sum to 1")
    if faults:
        raise ValueError("; ".join(faults))
