"""Made-up pose correctives in the default body's form: each follows where one limb points."""

from __future__ import annotations

import numpy as np

from native_runtime.mhr import Body
from native_runtime.mhr.correctives import FIRST_JOINT, PoseCorrectives

JOINTS = ("l_lowarm", "r_lowarm", "l_uparm", "r_uparm", "l_upleg", "r_upleg", "l_wrist", "r_wrist", "c_head")


def limb_correctives(body: Body, seed: int = 4) -> PoseCorrectives:
    """Three components for each of some joints, which move the vertices that the joint moves most."""
    rng = np.random.default_rng(seed)
    joints = [body.joint_index(name) for name in JOINTS for _ in range(3)]
    places = body.pose(np.zeros(len(body.parameter_names))).translations
    activation = np.zeros((len(joints), (len(body.joint_names) - FIRST_JOINT) * 6), np.float32)
    basis = np.zeros((len(joints), body.vertex_count, 3), np.float32)
    for component, joint in enumerate(joints):
        start = (joint - FIRST_JOINT) * 6
        activation[component, start : start + 3] = rng.normal(0, 1, 3)
        near = np.argsort(np.linalg.norm(body.rest_vertices - places[joint], axis=1))[:12]
        basis[component, near] = rng.normal(0, 0.6, (len(near), 3))
    return PoseCorrectives.from_parts(activation, [basis], body.vertex_count)
