"""How takes come into a scene: options that the panel and the file browsers share.

Modules with bpy properties do without ``from __future__ import annotations``: Blender reads properties from the
annotations.
"""

from typing import TYPE_CHECKING, Any

import bpy

from ..compat import BLEND_RELATIVE

if TYPE_CHECKING:
    from pathlib import Path

    from ..takes.build import TakeOptions

_RATES = (
    ("scene", "Scene's", "Keep the scene's frame rate; the motion is interpolated for it"),
    ("video", "Footage's", "Give the scene the frame rate of the footage"),
)
#: The names of the options, for whoever hands them on.
OPTION_NAMES = ("rate", "start", "reduce", "bound_mm", "strip", "set_range")


class TakeImportOptions:
    """A mix-in: the options of ``takes.build.TakeOptions`` that artists choose."""

    rate: bpy.props.EnumProperty(name="Frame Rate", description="Frames a second of the animation", items=_RATES)
    start: bpy.props.IntProperty(
        name="Start Frame", description="The frame of the scene for the first frame of the take", default=1
    )
    reduce: bpy.props.BoolProperty(
        name="Reduce Keys",
        description="Remove keys that the motion does not need; without, every frame has keys",
    )
    bound_mm: bpy.props.FloatProperty(
        name="Error",
        description="How far, in millimeters, a joint may be from its place after keys are removed",
        default=2.0,
        min=0.1,
        soft_max=20.0,
    )
    strip: bpy.props.BoolProperty(
        name="NLA Strip", description="Play the motion from strips in the NLA editor instead of from active actions"
    )
    set_range: bpy.props.BoolProperty(
        name="Set Scene Range", description="Let the scene's frame range be that of the take", default=True
    )


class TakeSettings(TakeImportOptions):
    """A mix-in: those options, and what a video is read with."""

    video: bpy.props.StringProperty(
        name="Video",
        description="The video, or the folder of its pictures",
        subtype="FILE_PATH",
        options=BLEND_RELATIVE,
    )
    out: bpy.props.StringProperty(
        name="Results",
        description="The folder of the take files. In a folder with results of this video, only what is missing is "
        "made; empty for a folder beside the video",
        subtype="DIR_PATH",
        options=BLEND_RELATIVE,
    )
    first: bpy.props.IntProperty(
        name="First", description="The first frame of the video to read, counted from 0", default=0, min=0
    )
    last: bpy.props.IntProperty(
        name="Last", description="The last frame of the video to read; 0 for all", default=0, min=0
    )


def options_of(properties: Any, footage: "Path | None", controls: bool, light: bool) -> "TakeOptions":
    """What was chosen."""
    from ..takes.build import TakeOptions

    return TakeOptions(
        rate=properties.rate,
        start=properties.start,
        bound_mm=properties.bound_mm if properties.reduce else 0.0,
        strip=properties.strip,
        set_range=properties.set_range,
        controls=controls,
        light=light,
        footage=footage,
    )
