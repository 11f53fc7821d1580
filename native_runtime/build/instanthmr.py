"""Checks that a file is a network of InstantHMR: its inputs and outputs, by what its authors document of them.

Facts: github.com/mohamdev/InstantHMR, ``models/README.md`` (ONNX I/O) and ``README.md``. Networks trained for MHR alone
leave out ``joints_3d``, or both kinds of joints, which follow from the parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from native_runtime.errors import ModelError
from native_runtime.onnx.sessions import open_network

INPUTS = {"image": (3,), "cliff_cond": (3,)}
"""Names, and the size of the second dimension; the first is the number of people."""
REQUIRED = {"mhr_params": (204,), "shape_params": (45,), "cam_trans": (3,)}
OPTIONAL = {"joints_2d": (70, 2), "joints_3d": (70, 3)}
"""Outputs of one person."""


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        image_size: width and height that the network takes, px.
        outputs: names.
    """

    image_size: tuple[int, int]
    outputs: tuple[str, ...]


def check_network(path: Path) -> Checked:
    """Look at a file's inputs and outputs, and run it once on a grey picture.

    Raises:
        ModelError: it is no such network.
    """
    network = open_network(path, ("cpu",))
    shapes = network.input_shapes
    if set(shapes) != set(INPUTS) or any(len(shapes[name]) < 2 for name in shapes):
        raise _other(path, f"its inputs are {_named(shapes)} instead of {_named(INPUTS)}")
    size = shapes["image"][2:]
    if shapes["image"][1] != 3 or len(size) != 2 or None in size or shapes["cliff_cond"][1:] != (3,):
        raise _other(path, f"its inputs have the shapes {shapes['image']} and {shapes['cliff_cond']}")
    height, width = (int(side) for side in size if side is not None)
    missing = sorted(set(REQUIRED) - set(network.output_names))
    if missing:
        raise _other(path, f"it has no output {', '.join(missing)}")
    count = shapes["image"][0] or 1
    found = network.run(
        image=np.zeros((count, 3, height, width), np.float32), cliff_cond=np.full((count, 3), 0.1, np.float32)
    )
    for name, shape in (REQUIRED | OPTIONAL).items():
        if name not in found:
            continue
        if found[name].shape[1:] != shape:
            raise _other(path, f"its output {name} has the shape {found[name].shape}")
        if not np.isfinite(found[name]).all():
            raise _other(path, f"its output {name} is not finite for a grey picture")
    return Checked((width, height), tuple(network.output_names))


def _named(names: object) -> str:
    return " and ".join(names) if isinstance(names, dict) else str(names)


def _other(path: Path, why: str) -> ModelError:
    return ModelError(f"{path.name} is no network of InstantHMR: {why}.")
