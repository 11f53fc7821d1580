"""The options of an import, shared by the operator (file browser) and the panel.

Modules with bpy properties do without ``from __future__ import annotations``: Blender reads properties from the
annotations.
"""

import math
import re
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.bounds import LEAST_TALL, MOST_TALL, OLDEST, PICTURE_ENDINGS, REFINE, YOUNGEST

from ..files.levels import LEVELS

if TYPE_CHECKING:
    from pathlib import Path

    from native_runtime.pipeline.requests import EstimateRequest


#: What the file browser shows.
PHOTO_FILTER = ";".join(f"*.{ending}" for ending in PICTURE_ENDINGS)

#: The longer side of a full-frame sensor.
FULL_FRAME_MM = 36.0

_INFERENCES = (
    ("full", "Body and Hands", "Estimates the hands again from closer crops and joins them to the body"),
    ("body", "Body Only", "One pass over the whole person: about three times as fast, with simpler hands"),
    ("fast", "Fast", "Body and hands from smaller crops: nearly twice as fast, and a little less exact"),
)
_ANSWERS = (
    ("fit", "Fitted to Photo", "The network's body, brought onto what is seen in the photo"),
    ("raw", "As Predicted", "The network's body as it is"),
)
KINDS = {"inference": tuple(kind[0] for kind in _INFERENCES), "answer": tuple(kind[0] for kind in _ANSWERS)}
"""The properties that choose an inference, and which ones each knows."""
_BODIES = tuple(
    (name, title, f"The default body, {title.lower()} mesh", number)
    for number, (name, title) in enumerate(LEVELS.items())
)
PERSON_ITEMS = (
    ("largest", "Largest", "Only the person who fills most of the photo"),
    ("all", "Everyone", "One character for each person found"),
)
_LENSES = (
    (
        "auto",
        "From Photo",
        "The focal length in the photo's file; a common one if there is none",
    ),
    ("mm", "Focal Length", "Millimeters, as for a full-frame camera, whose sensor is 36 mm wide"),
    ("fov", "Field of View", "The field of view along the longer side"),
    ("focal", "Pixels", "The focal length in pixels of the photo, for calibrated cameras"),
)

_TURNS = (
    ("0", "As It Is", "As the photo's file says"),
    ("auto", "Automatic", "Upright if everybody lies on the side and the file does not state its orientation"),
    ("90", "90° Clockwise", "Rotated a quarter turn to the right"),
    ("180", "180°", "Upside down"),
    ("270", "90° Counterclockwise", "Rotated a quarter turn to the left"),
)

# Blender keeps no reference to the texts of a dynamic list
_items: list[tuple[str, str, str, int]] = []


@cache
def _known_engines() -> list[tuple[str, str, str, int]]:
    """The best one, then all in their order. Asked for when they are shown: looking for those that other packages bring
    takes longer than Blender's start should.
    """
    from native_runtime.engines import AUTO, engines

    found = [(engine.name, engine.title, engine.description) for engine in engines().values()]
    best = (AUTO, "Best Available", "The most accurate engine that is installed; the line below says which one that is")
    return [(*item, number) for number, item in enumerate([best, *found])]


def engine_items(self: object, context: "bpy.types.Context | None") -> list[tuple[str, str, str, int]]:
    return _known_engines()


def _bodies(self: object, context: "bpy.types.Context | None") -> list[tuple[str, str, str, int]]:
    """The default body's levels, then whatever else is installed.

    Blender stores the number of what was chosen, so a body's number must not depend on which others there are.
    """
    from ..files import bodies

    known = {name for name, *_ in _BODIES}
    others = [name for name in bodies.installed() if name not in known]
    _items[:] = [*_BODIES, *(_item(name) for name in others)]
    return _items


def _item(name: str) -> tuple[str, str, str, int]:
    from ..files import bodies

    official = re.fullmatch(r"mhr-lod(\d)", name)
    if official:
        level = int(official[1])
        return (
            name,
            bodies.title_of(name),
            f"MHR's official body, level of detail {level} (0 is the finest)",
            10 + level,
        )
    return name, name, f"The body '{name}' of the models folder", 100 + zlib.crc32(name.encode()) % 2**30


class LensProperties:
    """A mix-in: the lens of a photo by its field of view or its focal length."""

    fov: bpy.props.FloatProperty(
        name="Field of View",
        description="Along the longer side of the photo",
        subtype="ANGLE",
        default=0.9,
        min=0.035,
        max=3.0,
    )
    focal_mm: bpy.props.FloatProperty(
        name="Focal Length",
        description="For a full-frame camera, whose sensor is 36 mm wide",
        subtype="DISTANCE_CAMERA",
        default=50.0,
        min=1.0,
        soft_max=600.0,
    )
    focal: bpy.props.FloatProperty(
        name="Focal Length (Pixels)", description="In pixels of the photo", default=1500.0, min=1.0, soft_max=20000.0
    )


class ImportOptions(LensProperties):
    """A mix-in with the options' properties."""

    engine: bpy.props.EnumProperty(
        name="Engine", description="The engine that estimates pose and shape from the photo", items=engine_items
    )
    inference: bpy.props.EnumProperty(name="Detail", description="Which passes SAM 3D Body runs", items=_INFERENCES)
    answer: bpy.props.EnumProperty(name="Pose", description="What becomes of InstantHMR's answer", items=_ANSWERS)
    refine: bpy.props.FloatProperty(
        name="Refine to Photo",
        description="How much what is seen in the photo counts against the engine's own answer, which is brought onto "
        "it; 0 leaves the answer as it is",
        subtype="FACTOR",
        default=REFINE,
        min=0.0,
        max=1.0,
    )
    persons: bpy.props.EnumProperty(name="People", description="Which people become characters", items=PERSON_ITEMS)
    height_known: bpy.props.BoolProperty(
        name="Known Height",
        description="The person's height is known: it decides their size and their distance. For one person only",
    )
    height: bpy.props.FloatProperty(
        name="Height (cm)",
        description="From the soles to the crown, in centimeters",
        default=170.0,
        min=LEAST_TALL,
        max=MOST_TALL,
        precision=1,
    )
    age_known: bpy.props.BoolProperty(
        name="Known Age",
        description="The person's age is known: size, proportions and shape follow it, as a child's do not an adult's. "
        "For one person only",
    )
    age: bpy.props.FloatProperty(
        name="Age (years)",
        description="How old the person is",
        default=8.0,
        min=YOUNGEST,
        max=OLDEST,
        precision=1,
    )
    body: bpy.props.EnumProperty(
        name="Body", description="The body to use, and the level of detail of its mesh", items=_bodies
    )
    lens: bpy.props.EnumProperty(name="Lens", description="How the focal length is found", items=_LENSES)
    turn: bpy.props.EnumProperty(name="Turn Photo", description="How the photo is rotated", items=_TURNS)
    light: bpy.props.BoolProperty(
        name="Light and Floor", description="Add lights and a floor that catches the character's shadow", default=True
    )
    controls: bpy.props.BoolProperty(
        name="Controls", description="Give characters a control rig with FK and IK", default=True
    )
    texture: bpy.props.BoolProperty(
        name="Texture",
        description="Lay the photo on the characters as a texture; takes about three seconds for each person",
        default=True,
    )
    worn: bpy.props.BoolProperty(
        name="Hair and Clothes",
        description="Give characters what they wear: hair and shoes as the photo shows them, and underwear",
        default=True,
    )


#: The names of the options, in the order in which they are drawn.
OPTION_NAMES = (
    "engine", "inference", "answer", "refine", "persons", "height_known", "height", "age_known", "age", "body", "lens",
    "focal_mm", "fov", "focal", "turn", "light", "controls", "texture", "worn",
)  # fmt: skip


def _field_of_view(options: ImportOptions) -> float | None:
    """Degrees along the photo's longer side; None where the lens is given otherwise."""
    if options.lens == "mm":
        return math.degrees(2 * math.atan2(FULL_FRAME_MM / 2, options.focal_mm))
    return math.degrees(options.fov) if options.lens == "fov" else None


def converted(options: ImportOptions, models: "Path | None") -> dict[str, Any]:
    """The fields of requests that no option has as they are.

    Args:
        models: the models folder for engines that have none of their own.

    Raises:
        ModelError: what the engine needs cannot be brought together.
    """
    from ..files import bodies
    from ..jobs.engines import capabilities_of, chosen, models_for, settings_for

    # empty when the one that was chosen is gone
    body = options.body or _BODIES[0][0]
    engine = chosen(options.engine)
    can, models = capabilities_of(engine), models_for(engine, models)
    return {
        "engine": engine,
        "body": bodies.for_worker(body if can.supports_body(body) else can.body, models),
        "models": models,
        "focal_px": options.focal if options.lens == "focal" else None,
        "fov_deg": _field_of_view(options),
        "height_cm": options.height if options.height_known else None,
        "age": options.age if options.age_known and capabilities_of(engine).ages else None,
        "turn": "auto" if options.turn == "auto" else int(options.turn),
        **settings_for(engine, options.inference, options.answer),
    }


def to_request(options: ImportOptions, photo: "Path", models: "Path | None") -> "EstimateRequest":
    """What the worker is asked for; arguments and errors as of ``converted``."""
    from native_runtime.pipeline.decoding import gather
    from native_runtime.pipeline.requests import EstimateRequest

    return gather(EstimateRequest, options, photo=photo, **converted(options, models))
