"""The menus of the photo's panel: recent photos, and where there is help."""

from __future__ import annotations

from typing import Any

import bpy

from .. import places
from . import manual

#: Pages of the user guide, which comes with the extension.
_PAGES: tuple[tuple[str, str, Any], ...] = (
    ("User Guide", "index.html", "HELP"),
    ("The First Character", "guide/first_character.html", "BLANK1"),
    ("Correct It on the Photo", "guide/correcting.html", "BLANK1"),
    ("Troubleshooting", "troubleshooting.html", "BLANK1"),
    ("Questions", "guide/faq.html", "BLANK1"),
)


class SAM3DB_MT_recent_photos(bpy.types.Menu):
    """Photos from which characters were made recently"""

    bl_label = "Recent Photos"

    def draw(self, context: bpy.types.Context) -> None:
        from ..files.recent_photos import recent

        paths = recent()
        for path in paths:
            self.layout.operator("sam3db.choose_photo", text=path.name, icon="IMAGE_DATA").filepath = str(path)
        if not paths:
            self.layout.label(text="None yet")


class SAM3DB_MT_help(bpy.types.Menu):
    """Where to read more"""

    bl_label = "Help"

    def draw(self, context: bpy.types.Context) -> None:
        from native_runtime.build.official_release import PAGE
        from native_runtime.models.shelf.licences import SAM

        pages = self.layout.column()
        pages.enabled = places.guide_folder().is_dir()
        for text, page, icon in _PAGES:
            pages.operator("wm.url_open", text=text, icon=icon).url = manual.address(page)
        self.layout.separator()
        links = (
            ("Website", places.website()),
            ("SAM 3D Body", "https://github.com/facebookresearch/sam-3d-body"),
            ("License of SAM 3D Body", SAM.url),
            ("MHR, the Body Model", PAGE),
        )
        for text, address in links:
            if address:
                self.layout.operator("wm.url_open", text=text, icon="URL").url = address
        self.layout.separator()
        button = self.layout.operator("wm.path_open", text="Log Files", icon="FILE_FOLDER")
        button.filepath = str(places.user_folder("logs"))


CLASSES = (SAM3DB_MT_recent_photos, SAM3DB_MT_help)
