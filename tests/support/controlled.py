"""A character with controls, and what tests ask of one."""

from __future__ import annotations

import bpy
import numpy as np

from native_runtime.mhr import Body
from sam3db_blender.controls.build import build_controls
from sam3db_blender.controls.snapping import limbs_of
from sam3db_blender.rig.armature import build_rig
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.mesh import build_mesh

from .meshes import off_body


class Controlled:
    """A character with controls, in the current scene."""

    def __init__(self, body: Body) -> None:
        stage = bpy.context.scene.collection
        self.body = body
        self.rig = build_rig("A Rig", body, stage)
        self.mesh = build_mesh(
            "A Body", body, self.rig, stage, [bpy.data.materials.new(n) for n in body.material_names]
        )
        self.controls = build_controls(self.rig, body)

    def switch(self, ik: bool) -> None:
        """Lets FK or IK pose all limbs."""
        for limb in limbs_of(self.body):
            self.controls[limb.switch] = float(ik)
        self.controls.update_tag()

    def vertices(self) -> np.ndarray:
        """(V, 3) m as they are evaluated."""
        return evaluated_vertices(self.mesh, bpy.context.evaluated_depsgraph_get())

    def error(self, parameters: np.ndarray) -> float:
        """The largest distance of a vertex from the body's, m."""
        return off_body(self.mesh, self.body, parameters)

    def turns(self) -> np.ndarray:
        """(127, 3, 3) the rotations of the rig's bones, orthonormal."""
        bpy.context.view_layer.update()
        return np.array([bone.matrix.normalized().to_3x3() for bone in self.rig.pose.bones])


def random_parameters(body: Body, rng: np.random.Generator) -> np.ndarray:
    """Parameters within the limits, skeleton included, any root motion."""
    low = np.where(np.isfinite(body.limit_min), body.limit_min, -0.5)
    high = np.where(np.isfinite(body.limit_max), body.limit_max, 0.5)
    parameters = rng.uniform(low, high)
    parameters[:3] = rng.uniform(-5, 5, 3)
    parameters[3:6] = rng.uniform(-np.pi, np.pi, 3)
    return parameters
