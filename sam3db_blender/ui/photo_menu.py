"""The menus of the photo's panel: recent photos, and where there is help."""

from __future__ import annotations

import bpy

from native_runtime.build.official_download import PAGE
from native_runtime.models.shelf.licences import SAM

from .. import places
from ..files.recent_photos import recent

_LINKS = (
    ("SAM 3D Body", "https://github.com/facebookresearch/sam-3d-body"),
    ("License of SAM 3D Body", SAM.url),
    ("MHR, the Body Model", PAGE),
)


class SAM3DB_MT_recent_photos(bpy.types.Menu):
    """Photos from which characters were made recently"""

    bl_label = "Recent Photos"

    def draw(self, context: bpy.types.Context) -> None:
        paths = recent()
        for path in paths:
            self.layout.operator("sam3db.choose_photo", text=path.name, icon="IMAGE_DATA").filepath = str(path)
        if not paths:
            self.layout.label(text="None yet")


class SAM3DB_MT_help(bpy.types.Menu):
    """Where to read more"""

    bl_label = "Help"

    def draw(self, context: bpy.types.Context) -> None:
        guide = self.layout.operator("wm.url_open", text="User Guide", icon="HELP")
        guide.url = places.user_guide().as_uri()
        self.layout.separator()
        for text, address in (("Website", places.website()), *_LINKS):
            if address:
                self.layout.operator("wm.url_open", text=text, icon="URL").url = address
        self.layout.separator()
        button = self.layout.operator("wm.path_open", text="Log Files", icon="FILE_FOLDER")
        button.filepath = str(places.user_folder("logs"))


CLASSES = (SAM3DB_MT_recent_photos, SAM3DB_MT_help)
