"""Which of several photos of a person is worked on: whose camera the scene looks through, whose handles are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from native_runtime.errors import Sam3dbError

from ..scene.lookup import require_own
from ..scene.viewpoints import VIEW, Views, characters_of_body, read_views, view_of
from .handles import group_of, handles_of
from .people import activate, photo_camera, select

if TYPE_CHECKING:
    import bpy


def views_of(rig: bpy.types.Object) -> Views:
    """What a character knows of its photos.

    Raises:
        Sam3dbError: it was made from a single one.
    """
    views = read_views(rig)
    if views is None:
        raise Sam3dbError(f"'{rig.name}' was made from a single photo, and has no other views.")
    return views


def work_in(context: bpy.types.Context, rig: bpy.types.Object, number: int) -> bpy.types.Object:
    """Switches to another photo of a person: the scene looks through its camera, and its handles are shown.

    Args:
        number: of the photo among all of the body.

    Returns:
        The rig of the character in that photo.

    Raises:
        Sam3dbError: there is no such photo or no camera of it any more, or the character is linked or hidden; nothing
            is switched then.
    """
    views = views_of(rig)
    if not views.one_pose:
        for other in characters_of_body(rig):
            if views_of(other).number == number:
                _require_camera(other, 0)
                activate(context, other)
                return other
        raise Sam3dbError("The character of this photo was removed.")
    require_own(rig)
    if not 0 <= number < len(views.views):
        raise Sam3dbError(f"'{rig.name}' has no photo of the number {number + 1}.")
    _require_camera(rig, number)
    _require_camera(rig, 0)  # beside which the others stand
    select(context, rig)  # before anything is switched: it may be hidden
    groups = {group_of(handle) for handle in handles_of(rig) if not handle.hide_viewport}
    if number != view_of(rig):
        rig[VIEW] = number
        context.window_manager.sam3db.tool_handle = ""  # of the photo before
        for handle in handles_of(rig):
            handle.hide_viewport = group_of(handle) not in groups
    activate(context, rig)
    return rig


def _require_camera(rig: bpy.types.Object, number: int) -> None:
    """Refuses a photo of a character whose camera was deleted."""
    if photo_camera(rig, number) is not None:
        return
    views = views_of(rig).views
    title = views[number].camera or views[number].title
    raise Sam3dbError(
        f"The camera of '{title}' of '{rig.name}' was deleted: undo the deletion, choose another photo, or import the "
        "photos again."
    )
