"""The source of an armature's pose: a character of the scene in its current pose, or an estimate's file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.placement import place_people, up_of
from native_runtime.engines.estimate import Estimate
from native_runtime.retarget.skeletons import SourcePose

from ..rig.pose import read_settings
from ..scene.bodies import body_of, installed_body
from ..scene.readback import units_of
from ..scene.units import units_per_metre

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Person:
    """A pose to take over, and where it stands.

    Attributes:
        name: for messages.
        source: the pose.
        world: (4, 4) from the source's axes to the world's; rigid.
        units: of the world, for a metre.
    """

    name: str
    source: SourcePose
    world: Array
    units: float = 1.0


def person_of_character(rig: bpy.types.Object) -> Person:
    """The character of a rig as it stands now.

    Raises:
        Sam3dbError: its body is not installed.
    """
    body = body_of(rig)
    settings = read_settings(rig, body)
    world = np.array(rig.matrix_world, dtype=np.float64)
    world[:3, :3] /= np.linalg.norm(world[:3, :3], axis=0)
    return Person(
        rig.name, SourcePose.of(body, settings.joint_parameters(body), settings.identity), world, units_of(rig)
    )


def person_of_estimate(estimate: Estimate, body: Body, name: str = "") -> Person:
    """The person of an estimate, standing where an import of it would put them.

    Raises:
        UsageError: the body is not the estimate's.
    """
    world = np.eye(4)
    placement = place_people([estimate.vertices], [estimate.joints[body.joint_index("root")]], up_of(estimate.details))
    world[:3, :3] = placement.turn
    scene = bpy.context.scene
    units = 1.0 if scene is None else units_per_metre(scene)
    world[:3, 3] = units * placement.rig_location(estimate.camera_translation)
    return Person(name or estimate.photo or "the estimate", SourcePose.of_estimate(body, estimate), world, units)


def person_of_file(path: Path) -> Person:
    """The person of an estimate's ``.npz`` file, on the installed body of its name.

    Raises:
        Sam3dbError: the file is damaged, or its body is not installed.
    """
    estimate = Estimate.load(path)
    return person_of_estimate(estimate, installed_body(estimate.body_name), path.name)
