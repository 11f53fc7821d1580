"""The bodies and poses that come with the extension (``rig_templates/presets``), and how they change a character.

A preset is a part of a settings file (``exchange``), made for the default body. Skeletons and poses are MHR's and fit
every body; shapes only fit bodies that have the same sliders. No Blender here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.files.templates import load_json
from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_euler, rotation_between

from . import presets
from .channels import nearest_angles, parameter_transform
from .exchange import FORMAT, from_json
from .parts import Part
from .settings import CharacterSettings

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]
Kind = Literal["bodies", "poses"]

_ROOT = "root"
_ROOT_PLACE, _ROOT_TURN = slice(0, 3), slice(3, 6)
_UP = 1
#: Against gravity in the axes of a rig that stands upright.
UPWARDS = (0.0, 1.0, 0.0)
#: What a pose says nothing about: the face has joints of its own.
_FACE = ("c_jaw", "c_teeth", "c_tongue", "l_eye", "r_eye")


@dataclass(frozen=True)
class Preset:
    """A body or a pose.

    Attributes:
        kind, key: what the file has it under; the key is also the name of its picture.
        name, description: as an artist reads them.
        parameters: MHR's, by name; those that are not named are 0.
        identity: the default body's sliders of the shape, by name; a body's alone.
        lift: cm, how high above the floor the lowest point is; a pose's alone.
        view: radians, from which side its picture is taken.
    """

    kind: Kind
    key: str
    name: str
    description: str
    parameters: dict[str, float]
    identity: dict[str, float]
    lift: float
    view: float

    @property
    def picture(self) -> Path:
        """The file of its picture."""
        return Path(str(resources.files("rig_templates").joinpath("presets", "pictures", f"{self.key}.jpg")))


@cache
def library(kind: Kind) -> tuple[Preset, ...]:
    """All presets of a kind, in the order in which they are shown."""
    return tuple(
        Preset(
            kind,
            entry["key"],
            entry["name"],
            entry["description"],
            entry["parameters"],
            entry.get("identity", {}),
            entry.get("lift_cm", 0.0),
            entry.get("view", 0.0),
        )
        for entry in load_json("presets", f"{kind}.json")["presets"]
    )


def preset_named(kind: Kind, key: str) -> Preset:
    """One preset."""
    return next(preset for preset in library(kind) if preset.key == key)


def with_body(
    body: Body, settings: CharacterSettings, preset: Preset, up: ArrayLike = UPWARDS
) -> tuple[CharacterSettings, list[str]]:
    """A character with the skeleton and the shape of a preset; pose and face stay, and so does its lowest point.

    Args:
        up: as for `with_pose`.

    Returns:
        The settings, and what an artist should know about how the preset fits.
    """
    parts: list[Part] = ["skeleton"]
    notes = [f"The body '{body.name}' has different shape sliders: only the skeleton was changed."]
    if set(preset.identity) <= set(body.identity_names):
        parts, notes = ["skeleton", "shape"], []
    content: dict[str, Any] = {"format": str(FORMAT), "parts": parts, "parameters": preset.parameters}
    if not notes:
        content["identity"] = preset.identity
    changed, _ = from_json(body, content, presets.reset(body, settings, parts))
    up = np.asarray(up, np.float64)
    return lifted(body, changed, up * (lowest(body, settings, up) - lowest(body, changed, up))), notes


def with_pose(
    body: Body,
    settings: CharacterSettings,
    preset: Preset,
    mirror: bool = False,
    floor: float | None = None,
    up: ArrayLike = UPWARDS,
) -> CharacterSettings:
    """A character in the pose of a preset; it stays where it stands and faces the way it does, and keeps its face.

    Args:
        mirror: left and right exchanged.
        floor: cm, the height of the floor along ``up`` from the rig's origin; None for where the character's lowest
            point is.
        up: (3,) unit vector against gravity in the rig's axes, MHR's.
    """
    up = np.asarray(up, np.float64)
    level = rotation_between(up, UPWARDS)
    content = {"format": str(FORMAT), "parts": ["pose"], "parameters": preset.parameters}
    posed, _ = from_json(body, content, presets.reset(body, settings, ["pose"]))
    if mirror:
        posed = presets.mirrored(body, posed)
    parameters = posed.model_parameters.copy()
    parameters[_ROOT_PLACE] = settings.model_parameters[_ROOT_PLACE]
    parameters[_ROOT_TURN] = _turned(body, parameters, _heading(body, settings.model_parameters, level), level)
    posed = replace(posed, model_parameters=parameters, beyond=_faces_alone(body, settings.beyond))
    height = lowest(body, settings, up) if floor is None else floor
    return lifted(body, posed, up * (height + preset.lift - lowest(body, posed, up)))


def _faces_alone(body: Body, beyond: Array) -> Array:
    """What the joints of the face do on top of the parameters."""
    kept = beyond.copy()
    if len(kept):
        kept[[not name.startswith(_FACE) for name in body.joint_names]] = 0.0
    return kept


def lowest(body: Body, settings: CharacterSettings, up: Array) -> float:
    """The height of the lowest point along a direction, cm."""
    return float((body.vertices(settings.model_parameters, settings.identity, settings.expression) @ up).min())


def lifted(body: Body, settings: CharacterSettings, by: Array) -> CharacterSettings:
    """The same, moved by (3,) cm."""
    parameters = settings.model_parameters.copy()
    for axis, name in enumerate(("root_tx", "root_ty", "root_tz")):
        row, column = body.joint_index(_ROOT) * 7 + axis, body.parameter_index(name)
        parameters[column] += by[axis] / parameter_transform(body)[row, column]
    return replace(settings, model_parameters=parameters)


def _root_turn(body: Body, parameters: Array) -> Array:
    """(3, 3) how the root is turned from its rest pose, in the rig's axes."""
    root = body.joint_index(_ROOT)
    rest = body.pose(np.zeros_like(parameters)).rotations[root]
    return np.asarray(body.pose(parameters).rotations[root] @ rest.T, dtype=np.float64)


def _heading(body: Body, parameters: Array, level: Array) -> float:
    """The direction that a character faces, radians about the vertical, also of one who lies or leans.

    Args:
        level: (3, 3) from the rig's axes to those in which y is up.
    """
    turn = level @ _root_turn(body, parameters)
    left, front = turn[:, 0], turn[:, 2]
    # of two directions across the vertical, the one that is less so
    ahead = front if abs(front[_UP]) < abs(left[_UP]) else np.cross(left, (0.0, 1.0, 0.0))
    return float(np.arctan2(ahead[0], ahead[2]))


def _turned(body: Body, parameters: Array, heading: float, level: Array) -> Array:
    """The root's angles (3,) of a pose that is turned about the vertical; ``level`` as for `_heading`."""
    root = body.joint_index(_ROOT)
    rest = body.pose(np.zeros_like(parameters)).rotations[root]
    about = euler_to_matrix(np.array([0.0, heading, 0.0]))
    turn = rest.T @ level.T @ about @ _root_turn(body, parameters) @ rest
    return nearest_angles(matrix_to_euler(turn), np.zeros(3))
