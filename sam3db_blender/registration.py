"""What is registered with Blender, in which order, and unregistered in reverse."""

from __future__ import annotations

import atexit
import sys

import bpy

from . import command, listening, preferences
from .operators import (
    age,
    batch,
    controls,
    correctives,
    doctor,
    draw_lens,
    draw_mask,
    draw_person,
    drop,
    exports,
    face,
    farm,
    find_people,
    get_model,
    gpu,
    handles,
    import_character,
    import_result,
    inference,
    lens,
    levels,
    masks,
    measures,
    models,
    official_body,
    photo,
    presets,
    previews,
    removal,
    rendering,
    retarget,
    rigify,
    sam3d_body,
    take_editing,
    take_pins,
    take_tracks,
    takes,
    textures,
    viewing,
    views,
    wearables,
    worker,
)
from .operators import preferences as preference_operators
from .properties import defaults, secret, state, terms
from .properties import farm as farm_state
from .properties import retarget as retarget_state
from .properties import skin as skin_colour
from .properties import worn as worn_colour
from .scene import rendering as photo_rendering
from .ui import (
    batch_panel,
    character_panel,
    controls_panel,
    exports_panel,
    farm_panel,
    handle_tool,
    handles_panel,
    import_options,
    lens_panel,
    look_panel,
    manual,
    masks_panel,
    menu,
    panel,
    photo_menu,
    preset_panels,
    previews_panel,
    retarget_panel,
    rigify_panel,
    shelf,
    takes_panel,
    texture_panel,
    views_options,
    views_panel,
    waiting_sign,
)

#: What is loaded only when somebody works with it, and has something to end then: processes, threads, listeners,
#: timers, pictures.
LATE = (
    "handles.deserted",
    "controls.copies",
    "handles.deletions",
    "handles.watch",
    "scene.idle",
    "scene.live",
    "jobs.worker",
    "jobs.long",
    "files.gpu",
    "files.shelf",
    "handles.spot_pictures",
    "previews.thumbnails",
    "shelf.pictures",
    "takes.watching",
    "ui.heights",
)

#: A class stands behind those that it mentions.
CLASSES: tuple[type, ...] = (
    *preferences.CLASSES,
    *state.CLASSES,
    *terms.CLASSES,
    *retarget_state.CLASSES,
    *import_character.CLASSES,
    *drop.CLASSES,
    *photo.CLASSES,
    *find_people.CLASSES,
    *import_result.CLASSES,
    *views.CLASSES,
    *worker.CLASSES,
    *doctor.CLASSES,
    *models.CLASSES,
    *preference_operators.CLASSES,
    *official_body.CLASSES,
    *sam3d_body.CLASSES,
    *get_model.CLASSES,
    *gpu.CLASSES,
    *presets.CLASSES,
    *face.CLASSES,
    *correctives.CLASSES,
    *levels.CLASSES,
    *measures.CLASSES,
    *age.CLASSES,
    *handles.CLASSES,
    *inference.CLASSES,
    *viewing.CLASSES,
    *rendering.CLASSES,
    *removal.CLASSES,
    *masks.CLASSES,
    *draw_mask.CLASSES,
    *draw_person.CLASSES,
    *draw_lens.CLASSES,
    *lens.CLASSES,
    *textures.CLASSES,
    *wearables.CLASSES,
    *previews.CLASSES,
    *exports.CLASSES,
    *batch.CLASSES,
    *farm_state.CLASSES,
    *farm.CLASSES,
    *takes.CLASSES,
    *take_editing.CLASSES,
    *take_pins.CLASSES,
    *take_tracks.CLASSES,
    *retarget.CLASSES,
    *controls.CLASSES,
    *rigify.CLASSES,
    *photo_menu.CLASSES,
    *panel.CLASSES,
    *import_options.CLASSES,
    *views_options.CLASSES,
    *views_panel.CLASSES,
    *handles_panel.CLASSES,
    *handle_tool.CLASSES,
    *masks_panel.CLASSES,
    *texture_panel.CLASSES,
    *look_panel.CLASSES,
    *lens_panel.CLASSES,
    *preset_panels.CLASSES,
    *character_panel.CLASSES,
    *controls_panel.CLASSES,
    *rigify_panel.CLASSES,
    *previews_panel.CLASSES,
    *exports_panel.CLASSES,
    *batch_panel.CLASSES,
    *farm_panel.CLASSES,
    *takes_panel.CLASSES,
    *retarget_panel.CLASSES,
    *shelf.CLASSES,
)


def register() -> None:
    """Registers all classes, the settings of the panel and the menu entry."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    state.attach()
    worn_colour.attach()
    skin_colour.attach()
    retarget_state.attach()
    batch.attach()
    farm_state.attach()
    takes.attach()
    previews.attach()
    exports.attach()
    exports_panel.attach()
    menu.attach()
    manual.attach()
    handles_panel.attach()
    handle_tool.attach()
    waiting_sign.attach()
    defaults.attach()
    photo_rendering.attach()
    listening.attach()
    command.attach()
    if getattr(bpy.app, "module", False):  # Blender 4.2.0 does not know the word
        # What is registered keeps bpy past Python's end, which then waits for bpy's threads for ever. Blender itself
        # switches its extensions off before it ends; a script may end early, by an error.
        atexit.register(unregister)


def unregister() -> None:
    """The opposite of ``register``; also ends the worker processes."""
    atexit.unregister(unregister)
    listening.detach()
    for name in LATE:
        module = sys.modules.get(f"{__package__}.{name}")
        if module is not None:
            module.detach()
    secret.keep("")
    command.detach()
    photo_rendering.detach()
    defaults.detach()
    preset_panels.detach()
    waiting_sign.detach()
    handle_tool.detach()
    handles_panel.detach()
    manual.detach()
    menu.detach()
    exports_panel.detach()
    exports.detach()
    previews.detach()
    takes.detach()
    farm_state.detach()
    batch.detach()
    retarget_state.detach()
    skin_colour.detach()
    worn_colour.detach()
    state.detach()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
