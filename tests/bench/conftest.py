"""A checkpoint of the released structure in a few channels, with the bench's random weights."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench.sam3d_body.checkpoint import NOTICE, Layout, Weights
from bench.sam3d_body.person import Person
from bench.sam3d_body.rig import Sizes, Surface, write_rig

SMALL = Sizes(vertices=600, triangles=1_198, texture_points=620, skin_weights=1_670, activations=53_136)
_SMALLER = {1280: 32, 3840: 96, 5120: 64, 1024: 48, 512: 24, 640: 16, 1379: 32 + 99, 18_566: 600 + 127, 36_874: 1_198}
_DEEP = re.compile(r"(blocks|layers)\.(\d+)\.(?!\d)")


@pytest.fixture(scope="session")
def layout(shared: Path) -> Layout:
    """The released tensors of the DINOv3 variant in two layers of a few channels."""
    tensors = json.loads((shared / "parity" / "state_dict_dinov3.json").read_text())
    small: dict[str, tuple[tuple[int, ...], str]] = {}
    for name, (shape, kind) in tensors.items():
        place = _DEEP.search(name)
        deep = place is not None and name.startswith(("backbone", "decoder")) and int(place[2]) > 1
        if not deep and name.rpartition(".")[2] not in ("mask_token", "hand_pose_comps_ori"):
            smaller = (2,) if name.endswith("periods") else tuple(_SMALLER.get(size, size) for size in shape)
            small[name] = smaller, "bfloat16" if kind == "float16" else kind
    return small


@pytest.fixture(scope="session")
def surface() -> Surface:
    return Surface(Person.standing(), SMALL)


@pytest.fixture(scope="session")
def checkpoint(layout: Layout, surface: Surface, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "model.ckpt"
    Weights(layout, surface).write(path)
    return path


@pytest.fixture(scope="session")
def rig(surface: Surface, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rig") / "mhr_model.pt"
    write_rig(path, surface, NOTICE)
    return path
