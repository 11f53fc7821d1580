"""How a batch is handed to a farm; the settings belong to the session, which farm it is to the preferences."""

import os

import bpy

from .. import places
from ..compat import BLEND_RELATIVE

FARM_ITEMS = (
    ("flamenco", "Flamenco", "Blender's own farm: the job is handed to its Manager"),
    ("openjd", "OpenJD", "AWS Deadline Cloud and others: the job is written as a bundle of files"),
)
_MANAGER = "SAM3DB_FLAMENCO"


class SAM3DB_FarmState(bpy.types.PropertyGroup):
    """Of the next submission."""

    photos_per_task: bpy.props.IntProperty(
        name="Photos per Task",
        description="About how many photos a machine takes at a time. A task begins with some seconds in which it "
        "starts Blender and loads the networks",
        default=20,
        min=1,
        soft_max=500,
    )
    title: bpy.props.StringProperty(name="Job Name", description="What the farm's list shows; empty for the folder's")
    models: bpy.props.StringProperty(
        name="Models",
        description="The models folder that all machines see; empty for those that came with each one's extension",
        subtype="DIR_PATH",
        options=BLEND_RELATIVE,
    )
    priority: bpy.props.IntProperty(name="Priority", description="Of the job", default=50, min=0, max=100)
    worker_tag: bpy.props.StringProperty(name="Worker Tag", description="Only workers with this tag; empty for all")
    paused: bpy.props.BoolProperty(
        name="Submit Paused", description="The job waits until somebody lets it run in Flamenco"
    )
    bundle: bpy.props.StringProperty(
        name="Job Bundle",
        description="The folder into which the files of the job are written",
        subtype="DIR_PATH",
        options=BLEND_RELATIVE,
    )


def farm_settings() -> bpy.types.AddonPreferences | None:
    """What holds ``farm`` and ``farm_manager``; None where the extension is not installed."""
    return places.preferences()


def chosen_farm() -> str:
    """A key of `FARM_ITEMS`."""
    settings = farm_settings()
    return FARM_ITEMS[0][0] if settings is None else str(settings.farm)


def manager_address() -> str:
    """Of Flamenco's Manager; empty where nobody has said it."""
    settings = farm_settings()
    return (settings.farm_manager.strip() if settings is not None else "") or os.environ.get(_MANAGER, "").strip()


CLASSES = (SAM3DB_FarmState,)


def attach() -> None:
    """Hangs the settings on the window manager."""
    bpy.types.WindowManager.sam3db_farm = bpy.props.PointerProperty(type=SAM3DB_FarmState)  # type: ignore[func-returns-value]


def detach() -> None:
    """Takes them away again."""
    del bpy.types.WindowManager.sam3db_farm
