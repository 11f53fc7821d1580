"""A body's pose correctives as driven shape keys: they follow the bones by themselves, without Python.

Each key reads the rotation of one bone beneath its parent as it stands, so that constraints, inverse kinematics and
control rigs count as the bone's own channels do. Only correctives of the form in
``native_runtime.characters.driven_correctives`` can be made so; the default body's are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
import numpy as np

from native_runtime.characters.driven_correctives import driven_correctives
from native_runtime.characters.sliders import SHAPE_KEY_LIMIT, identity_sliders

from .arrays import add_shape_key
from .properties import slider_path
from .twist import drive_by_rotation

if TYPE_CHECKING:
    from native_runtime.mhr import Body

#: All driven keys begin so.
DRIVEN_PREFIX = "Corrective "


def add_driven_correctives(
    mesh: bpy.types.Object, rig: bpy.types.Object, body: Body, rest: np.ndarray, least: float = 0.0
) -> None:
    """Gives a body's mesh its correctives, where they can be driven.

    Args:
        rest: (V, 3) m, the mesh's points without any shape key.
        least: those that move no vertex by so much, m, are left out.
    """
    sizes = [
        (f"s{number}", float(body.corrective_sizes[slider.index]), slider_path(slider.key))
        for number, slider in enumerate(each for each in identity_sliders(body) if body.corrective_sizes[each.index])
    ]
    numbers = {name: path for name, _, path in sizes}
    size = "".join(f" + {factor:.6g} * {name}" for name, factor, _ in sizes)
    for each in driven_correctives(body):
        if least and np.abs(each.offsets).max(initial=0.0) < least:
            continue
        key = add_shape_key(mesh, f"{DRIVEN_PREFIX}{each.name}", rest + each.offsets)
        key.slider_min, key.slider_max = 0.0, SHAPE_KEY_LIMIT
        key.value = 0.0
        a, b, c = each.factors
        sums = f"{a:.8g} * (x * x + z * z) + {b:.8g} * (x * y - w * z) + {c:.8g} * (y * z + w * x)"
        value = f"max(0, {sums})"
        drive_by_rotation(key, "value", -1, rig, each.bone, f"{value} * (1{size})" if size else value, numbers)


def has_driven_correctives(mesh: bpy.types.Object) -> bool:
    """Whether a mesh has correctives that follow the pose by themselves."""
    keys = mesh.data.shape_keys
    return keys is not None and any(key.name.startswith(DRIVEN_PREFIX) for key in keys.key_blocks)
