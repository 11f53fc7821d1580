"""A recorded case's weights as a converted model, made as a released checkpoint is. Import only where torch is."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from native_runtime.build.sam3d_body.attach import attach_weights
from native_runtime.build.sam3d_body.keypoint_support import keypoint_support
from native_runtime.build.sam3d_body.tensors import Joined, MappingSource
from native_runtime.mhr import Body
from native_runtime.models import manifest
from native_runtime.network.configuration import ModelConfiguration
from native_runtime.network.graph_definitions import GRAPHS
from tests.engines.sam3d_body.recorded import constants_of
from tests.support.case_templates import case_template, settings_of
from tests.support.parity import recording, standin_body

_SOURCES = ("native_runtime/network", "native_runtime/build/sam3d_body")


def converted_case(shared: Path, case: Path, backbone: str, cache: Path, templates: Path) -> Path:
    """The folder of the case's converted model; it is kept in ``cache`` while nothing changes.

    Args:
        backbone: the reference's ``BACKBONE.TYPE``, as one of the case's pipelines has it.
        cache, templates: of pytest (``config.cache.mkdir``).
    """
    root = Path(__file__).resolve().parents[2]
    files = sorted(file for part in _SOURCES for file in (root / part).rglob("*.py"))
    files += [case / "weights.npz", case / "config.json", shared / "parity" / "rig_lod3_standin.npz"]
    digest = hashlib.sha256(f"{backbone} {torch.__version__}".encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    folder = cache / f"{backbone}-{digest.hexdigest()[:16]}"
    if not folder.is_dir():
        for older in cache.glob(f"{backbone}-*"):
            shutil.rmtree(older)
        with TemporaryDirectory(dir=cache) as work:
            weights, body = recording(case, "weights"), standin_body(shared, case)
            made = convert(weights, body, settings_of(case, backbone), Path(work) / "model", templates)
            made.rename(folder)
    return folder


def convert(
    weights: Mapping[str, NDArray], body: Body, settings: Mapping[str, Any], folder: Path, templates: Path
) -> Path:
    """Write the five graphs, their weights, the constants and the manifest into ``folder``."""
    shapes = {name: array.shape for name, array in weights.items()}
    support = keypoint_support(body, weights["head_pose.keypoint_mapping"])
    tensors = Joined(MappingSource(weights), MappingSource({f"mhr:{name}": array for name, array in support.items()}))
    folder.mkdir(parents=True)
    for name in GRAPHS:
        attach_weights(case_template(shapes, name, "fp32", settings, templates), tensors, folder)
    np.savez(folder / "constants.npz", **constants_of(weights))
    configuration = ModelConfiguration.of(shapes, settings)
    height, width = configuration.image_size
    manifest.write(
        folder,
        {path.name: manifest.describe(path) for path in folder.iterdir()},
        image_size=[width, height],
        feature_size=list(configuration.feature_size),
    )
    return folder
