"""File > Import > SAM 3D Body Result."""

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy_extras.io_utils import ImportHelper

from native_runtime.errors import Sam3dbError

from .. import places
from ..properties.import_options import PHOTO_FILTER
from .polls import ObjectModePoll

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

_NONE = "NONE"
# Blender keeps no reference to the texts of a dynamic list
_items: list[tuple[str, str, str]] = []


def _levels(self: bpy.types.Operator, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    from ..files.bodies import title_of
    from ..files.sam3d_body import BODY
    from ..scene.bodies import levels_of

    # the first is the default: LOD 1 is what the results' own vertices are of, LOD 0 is for close-ups on film
    names = sorted(levels_of(BODY), key=lambda name: (name.endswith("lod0"), name))
    _items[:] = [(name, title_of(name), "MHR's own body at this level of detail") for name in names] or [
        (_NONE, "None Installed", "Download or import MHR's bodies first, in the panel 'Models'")
    ]
    return _items


def photo_beside(result: Path) -> Path | None:
    """The picture of the same name in the same folder; None where there is none."""
    endings = {pattern.removeprefix("*") for pattern in PHOTO_FILTER.split(";")}
    found = sorted(path for path in result.parent.glob("*") if path.stem == result.stem)
    return next((path for path in found if path.suffix.lower() in endings), None)


class SAM3DB_OT_import_result(ObjectModePoll, bpy.types.Operator, ImportHelper):  # type: ignore[misc]
    """Make characters from a result of SAM 3D Body's public tools, with their camera"""

    bl_idname = "sam3db.import_result"
    bl_label = "SAM 3D Body Result"
    bl_options = {"REGISTER", "UNDO"}

    filename_ext = ""
    filter_glob: bpy.props.StringProperty(default="*.npz;*.json", options={"HIDDEN"})
    body: bpy.props.EnumProperty(name="Detail", description="The level of MHR's own body to use", items=_levels)
    photo: bpy.props.StringProperty(
        name="Photo",
        description="The photo that the result was made from; if empty, a picture of the same name beside it",
        options={"SKIP_SAVE"},
    )
    light: bpy.props.BoolProperty(
        name="Light and Floor", description="Add lights and a floor that catches the character's shadow", default=True
    )

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from ..handles.views import begin_posing
        from ..remedies import in_words
        from ..scene.bodies import installed_body
        from .importing import add_results

        try:
            if self.body == _NONE:
                raise Sam3dbError(
                    "SAM 3D Body's results need MHR's own body: download or import its official assets first, in the "
                    "sidebar's panel 'Models'."
                )
            result = Path(bpy.path.abspath(self.filepath))
            photo = Path(bpy.path.abspath(self.photo)) if self.photo else photo_beside(result)
            built = add_results(context, result, installed_body(self.body), photo, self.light, places.wants_controls())
        except Sam3dbError as error:
            self.report({"ERROR"}, in_words(error))
            return {"CANCELLED"}
        except Exception as error:
            traceback.print_exc()
            self.report({"ERROR"}, f"Building the character failed: {error}")
            return {"CANCELLED"}
        if photo is not None:
            begin_posing(context, [character.rig for character in built.characters])
        count = len(built.characters)
        behind = f"with {photo.name}" if photo is not None else "without its photo"
        self.report({"INFO"}, f"Made {count} character{'s' if count > 1 else ''} from {result.name}, {behind}")
        return {"FINISHED"}


CLASSES = (SAM3DB_OT_import_result,)
