"""What stands in the scene, against the body."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import ArrayLike

from native_runtime.camera import mhr_to_blender
from native_runtime.characters.driven_correctives import drivable
from native_runtime.mhr import Body
from sam3db_blender.rig.arrays import evaluated_vertices


def off_body(mesh: bpy.types.Object, body: Body, parameters: ArrayLike, expression: ArrayLike | None = None) -> float:
    """The largest distance of an evaluated vertex from the body's, m; with pose correctives where drivers make them."""
    found = evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())
    wanted = mhr_to_blender(body.vertices(parameters, None, expression, correctives=drivable(body)))
    return float(np.linalg.norm(found - wanted, axis=1).max())
