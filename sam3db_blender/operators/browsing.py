"""How a file browser shows pictures: as pictures."""

import bpy

#: Blender's own words and numbers for it; the browser looks for a property of this name.
_DISPLAYS = (
    ("DEFAULT", "Default", "As files are usually shown", 0),
    ("LIST_VERTICAL", "Vertical List", "A list with a row for each file", 1),
    ("LIST_HORIZONTAL", "Horizontal List", "A list in columns", 2),
    ("THUMBNAIL", "Thumbnails", "A picture of each file", 3),
)


class PictureBrowser:
    """A mix-in for operators that let a picture be chosen in a file browser."""

    display_type: bpy.props.EnumProperty(
        name="Display Mode",
        description="How the file browser shows the files",
        items=_DISPLAYS,
        default="THUMBNAIL",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    filter_folder: bpy.props.BoolProperty(
        name="Filter Folders", description="Show folders too", default=True, options={"HIDDEN", "SKIP_SAVE"}
    )
