"""The MHR body model in numpy: parameters, joints, vertices, keypoints, and their derivatives."""

from .body import Body
from .parameterisation import CHANNELS, POSE, RIGID, SCALE, Parameterisation, RigFacts, load_rig_facts
from .points import ColumnSet, PointSet, joint_points
from .skeleton import Pose, Skeleton
from .sparse import SparseRows, sorted_rows

__all__ = [
    "CHANNELS",
    "POSE",
    "RIGID",
    "SCALE",
    "Body",
    "ColumnSet",
    "Parameterisation",
    "PointSet",
    "Pose",
    "RigFacts",
    "Skeleton",
    "SparseRows",
    "joint_points",
    "load_rig_facts",
    "sorted_rows",
]
