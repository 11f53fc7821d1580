"""Choosing a photo: from the clipboard, or a recent one."""

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import bpy
from bpy_extras.io_utils import ImportHelper

from native_runtime.errors import Sam3dbError

from .. import places
from ..properties.import_options import PHOTO_FILTER
from .browsing import PictureBrowser
from .person import ReportingOperator


class SAM3DB_OT_browse_photo(PictureBrowser, bpy.types.Operator, ImportHelper):  # type: ignore[misc]
    """Choose the photo in a file browser that shows pictures"""

    bl_idname = "sam3db.browse_photo"
    bl_label = "Choose Photo"
    bl_options = {"INTERNAL"}

    filename_ext = ""
    filter_glob: bpy.props.StringProperty(default=PHOTO_FILTER, options={"HIDDEN"})

    def execute(self, context):
        context.window_manager.sam3db.photo = self.filepath
        return {"FINISHED"}


class SAM3DB_OT_paste_photo(ReportingOperator, bpy.types.Operator):
    """Use the picture on the clipboard as the photo; it is saved as a file in the extension's folder"""

    bl_idname = "sam3db.paste_photo"
    bl_label = "Paste Photo"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context):
        if sys.platform.startswith("linux") and not os.environ.get("WAYLAND_DISPLAY"):
            cls.poll_message_set("Blender cannot read pictures from the clipboard under X11: drop a file instead")
            return False
        if context.area is None:
            cls.poll_message_set("This needs a window")
            return False
        return True

    def run(self, context):
        image = pasted_image(context)
        try:
            context.window_manager.sam3db.photo = str(save_pasted(image))
        finally:
            bpy.data.images.remove(image)


def pasted_image(context: bpy.types.Context) -> bpy.types.Image:
    """The picture on the clipboard as a new image data-block.

    Raises:
        Sam3dbError: there is none.
    """
    before = {image.as_pointer() for image in bpy.data.images}
    _paste(context)
    new = next((image for image in bpy.data.images if image.as_pointer() not in before), None)
    if new is None:
        raise Sam3dbError("There is no picture on the clipboard that Blender can read: drop a file into the viewport.")
    return new


def _paste(context: bpy.types.Context) -> None:
    """Has Blender make an image of what is on the clipboard, which it only does for an image editor."""
    area: Any = context.area
    kind = area.type
    area.type = "IMAGE_EDITOR"
    try:
        region = next(region for region in area.regions if region.type == "WINDOW")
        paste: Any = bpy.ops.image.clipboard_paste
        with context.temp_override(area=area, region=region):
            if paste.poll():
                paste()
    finally:
        area.type = kind


def save_pasted(image: bpy.types.Image) -> Path:
    """Writes an image as PNG into the user's own folder; named by its content, so that one picture is one file."""
    from native_runtime.files.moving import replace

    folder = places.user_folder("pasted")
    draft = folder / "pasting.png"
    image.file_format = "PNG"
    image.filepath_raw = str(draft)
    image.save()
    path = folder / f"pasted-{hashlib.sha256(draft.read_bytes()).hexdigest()[:12]}.png"
    replace(draft, path)
    return path


class SAM3DB_OT_choose_photo(bpy.types.Operator):
    """Use this photo again"""

    bl_idname = "sam3db.choose_photo"
    bl_label = "Recent Photo"
    bl_options = {"INTERNAL"}

    filepath: bpy.props.StringProperty(name="Photo", description="The photo's file", subtype="FILE_PATH")

    @classmethod
    def description(cls, context, properties):
        return str(properties.filepath)

    def execute(self, context):
        context.window_manager.sam3db.photo = self.filepath
        return {"FINISHED"}


CLASSES = (SAM3DB_OT_browse_photo, SAM3DB_OT_paste_photo, SAM3DB_OT_choose_photo)
