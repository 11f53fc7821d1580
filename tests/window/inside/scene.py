"""What the artist sees and does in the scene: places on the screen, the character as it stands."""

from __future__ import annotations

import hashlib
import importlib
import math
from types import ModuleType
from typing import Any

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Euler, Vector

_signs: list[str] = []

EXTENSION = "bl_ext.user_default.sam3db_blender"


def part(name: str) -> ModuleType:
    """A module of the installed extension."""
    return importlib.import_module(f"{EXTENSION}.{name}")


def keypoint_names() -> tuple[str, ...]:
    """Of MHR-70, by their numbers."""
    names: tuple[str, ...] = importlib.import_module("native_runtime.prompts.prompt").keypoint_names()
    return names


# --- the window ------------------------------------------------------------------------------------------------------


def ready() -> list[int]:
    """The window's size, px."""
    window = _window()
    return [window.width, window.height]


def leave() -> None:
    """Ends Blender after this answer is out."""
    bpy.app.timers.register(lambda: bpy.ops.wm.quit_blender() and None, first_interval=0.1)


def _window() -> bpy.types.Window:
    return bpy.context.window_manager.windows[0]


def _view() -> bpy.types.Area:
    return next(area for area in _window().screen.areas if area.type == "VIEW_3D")


def _region(kind: str) -> bpy.types.Region:
    return next(region for region in _view().regions if region.type == kind)


def _bounds(region: bpy.types.Region) -> list[int]:
    top = _window().height - region.y - region.height
    return [region.x, top, region.x + region.width, top + region.height]


def in_viewport() -> Any:
    """The context of an operator called from the 3D viewport."""
    window = _window()
    return bpy.context.temp_override(window=window, screen=window.screen, area=_view(), region=_region("WINDOW"))


def viewport() -> list[int]:
    """The 3D viewport's x0, y0, x1, y1 on the screen, px from the top left."""
    return _bounds(_region("WINDOW"))


def on_screen(name: str) -> list[float]:
    """Where an object's origin is on the screen, px from the top left."""
    return seen_on_screen(bpy.data.objects[name].matrix_world.translation)


def seen_on_screen(point: Any) -> list[float]:
    """Where a point of the world is on the screen, px from the top left."""
    region, looking = _region("WINDOW"), _view().spaces.active.region_3d
    place = location_3d_to_region_2d(region, looking, Vector(point))
    return [region.x + place.x, _window().height - (region.y + place.y)]


def spot(keypoint: str) -> list[float]:
    """Where the tool shows a handle of the first character on the screen, px from the top left."""
    handles, region = part("handles.handles"), _region("WINDOW")
    found = handles.by_keypoint(part("scene.lookup").rig_with(next(iter(rigs()))))
    index = keypoint_names().index(keypoint)
    view = _view().spaces.active.region_3d.perspective_matrix
    spots = part("handles.spots").spots_of({index: found[index]}, view, (region.width, region.height), 1.0)
    x, y = spots.centres[0]
    return [region.x + float(x), _window().height - (region.y + float(y))]


def tool() -> str:
    """The tool of Object Mode."""
    return str(_window().workspace.tools.from_space_view3d_mode("OBJECT").idname)


def free_part() -> list[int]:
    """The part of the 3D viewport that nothing lies over: x0, y0, x1, y1 on the screen, px from the top left."""
    x0, y0, x1, y1 = part("handles.views").free_part(_view())
    region = _region("WINDOW")
    return [region.x + x0, _window().height - region.y - y1, region.x + x1, _window().height - region.y - y0]


def first_seen(keypoints: list[str]) -> dict[str, str]:
    """What the camera of the scene sees first in the direction of keypoints of the first character."""
    handles, scene = part("handles.handles"), _window().scene
    found = handles.by_keypoint(part("scene.lookup").rig_with(next(iter(rigs()))))
    eye, out = scene.camera.matrix_world.translation, {}
    for name in keypoints:
        handle = found[keypoint_names().index(name)]
        plane, pixel = handle.parent, handles.place(handle)
        way = Vector(part("handles.plane").world_of(plane, pixel)) - eye
        hit = scene.ray_cast(bpy.context.evaluated_depsgraph_get(), eye, way)
        out[name] = hit[4].name if hit[0] else ""
    return out


def looks() -> dict[str, bool]:
    """Whether bones are shown, and the photo over the character."""
    over = part("scene.photo_over").over_of(_window().scene.camera)
    return {
        "bones": bool(_view().spaces.active.overlay.show_bones),
        "over": over is not None and bool(over.show_background_image),
    }


def note_signs() -> None:
    """Begins to note what the viewport says while a pose is awaited."""
    sign = part("ui.waiting_sign")
    write = sign._write

    def noted(text: str, *more: Any) -> None:
        _signs.append(text)
        write(text, *more)

    sign._write = noted


def signs() -> list[str]:
    """What it has said since."""
    return _signs


def file_list() -> list[int]:
    """The list of files that is open: x0, y0, x1, y1 on the screen, px from the top left; empty where none is."""
    area = next((area for area in _window().screen.areas if area.type == "FILE_BROWSER"), None)
    return [] if area is None else _bounds(next(region for region in area.regions if region.type == "WINDOW"))


def chosen_file() -> str:
    """The name in the file list's field."""
    area = next(area for area in _window().screen.areas if area.type == "FILE_BROWSER")
    return str(area.spaces.active.params.filename)


def sidebar() -> list[int]:
    """The sidebar's x0, y0, x1, y1 on the screen, px from the top left."""
    return _bounds(_region("UI"))


def open_tab(name: str) -> bool:
    """Shows a tab of the sidebar, once the sidebar has been drawn; whether it is shown."""
    sidebar = _region("UI")
    sidebar.active_panel_category = name
    sidebar.tag_redraw()
    return bool(sidebar.active_panel_category == name)


def copied() -> str:
    """What lies in the clipboard."""
    return bpy.context.window_manager.clipboard


def copy(text: str) -> None:
    """Puts something into the clipboard."""
    bpy.context.window_manager.clipboard = text


def take_tool(name: str) -> None:
    """Takes a tool of the toolbar."""
    with in_viewport():
        bpy.ops.wm.tool_set_by_id(name=name)


def work_with_empties() -> None:
    """Shows the empties of the handles, and takes the tool that selects objects."""
    for rig in part("handles.people").people_of(_window().scene):
        part("handles.showing").show(rig, True)
    take_tool("builtin.select")


def look_plainly(handles: bool = True) -> None:
    """Has as little drawn as can be, for machines without a graphics card: nothing but the viewport, handles, boxes."""
    bpy.context.preferences.system.viewport_aa = "OFF"
    space = _view().spaces.active
    space.overlay.show_overlays = handles
    space.shading.type, space.show_gizmo = "WIREFRAME", False
    overlay = space.overlay
    overlay.show_floor = overlay.show_axis_x = overlay.show_axis_y = False
    overlay.show_bones = overlay.show_relationship_lines = False
    for obj in bpy.data.objects:
        if obj.type == "MESH":
            obj.display_type = "BOUNDS"
        elif obj.type == "CAMERA":
            obj.data.show_background_images = False
    with in_viewport():
        bpy.ops.screen.screen_full_area(use_hide_panels=True)


def perspective() -> str:
    """How the viewport looks: "CAMERA", "PERSP", "ORTHO"."""
    return str(_view().spaces.active.region_3d.view_perspective)


def selected() -> list[str]:
    """The selected objects, the active one first."""
    layer = _window().view_layer
    others = [obj.name for obj in layer.objects if obj.select_get() and obj != layer.objects.active]
    return [*([layer.objects.active.name] if layer.objects.active else []), *others]


def modal() -> list[str]:
    """The operators that are in the middle of something."""
    return [operator.bl_idname for operator in _window().modal_operators]


# --- errands ---------------------------------------------------------------------------------------------------------


def empty() -> None:
    """Removes what Blender's own new file brings."""
    bpy.data.batch_remove(list(bpy.data.objects))
    bpy.data.orphans_purge(do_recursive=True)


def show_panel(photo: str) -> None:
    """Opens the sidebar at the extension's tab, with a photo chosen."""
    _view().spaces.active.show_region_ui = True
    bpy.context.window_manager.sam3db.photo = photo


def show_sidebar(shown: bool) -> None:
    """Opens or closes the sidebar."""
    _view().spaces.active.show_region_ui = shown


def look_from_aside() -> None:
    """Leaves the photo's camera for a look at the first character in Pose Mode, from the side that they are turned to,
    without lights and cameras.
    """
    space = _view().spaces.active
    rig = bpy.data.objects[next(iter(rigs().values()))]
    corners = [
        mesh.matrix_world @ Vector(corner) for mesh in rig.children if mesh.type == "MESH" for corner in mesh.bound_box
    ]
    low, high = (Vector(tuple(end(corner[axis] for corner in corners) for axis in range(3))) for end in (min, max))
    looking = space.region_3d
    looking.view_perspective = "PERSP"
    looking.view_rotation = Euler((math.radians(82.0), 0.0, math.radians(-34.0))).to_quaternion()
    looking.view_location = (low + high) / 2
    looking.view_distance = 1.5 * (high - low).length
    space.overlay.show_extras = space.overlay.show_relationship_lines = False
    with in_viewport():
        bpy.ops.object.mode_set(mode="POSE")
        bpy.ops.pose.select_all(action="DESELECT")


def make_character(photo: str, **options: str | bool) -> None:
    """Presses the panel's button; the texture, which takes seconds, is left out unless it is asked for."""
    with in_viewport():
        bpy.ops.sam3db.import_character("EXEC_DEFAULT", filepath=photo, **{"texture": False, **options})


def importing() -> bool:
    """Whether a photo is being worked on."""
    return bool(bpy.context.window_manager.sam3db.running)


def save(path: str) -> None:
    """Saves the file."""
    with in_viewport():
        bpy.ops.wm.save_as_mainfile(filepath=path)


def open_file(path: str) -> None:
    """Opens a file, with its windows; what was not saved is lost."""
    with in_viewport():
        bpy.ops.wm.open_mainfile(filepath=path, load_ui=True)


# --- the characters --------------------------------------------------------------------------------------------------


def meshes() -> list[str]:
    """The names of the characters' bodies."""
    bodies = part("scene.bodies")
    return [bodies.body_mesh(part("scene.lookup").rig_with(character)).name for character in rigs()]


def rigs() -> dict[str, str]:
    """The characters' ids, and their rigs' names."""
    return {
        part("scene.provenance").character_id(rig): rig.name
        for rig in part("handles.people").people_of(_window().scene)
    }


def objects_left() -> list[str]:
    """The names of the armatures in the file, whoever made them."""
    return [obj.name for obj in bpy.data.objects if obj.type == "ARMATURE"]


def handle_name(keypoint: str, character: str = "") -> str:
    """The name of a character's handle; of the first one where none is named."""
    handles, names = part("handles.handles"), keypoint_names()
    rig = part("scene.lookup").rig_with(character or next(iter(rigs())))
    return str(handles.by_keypoint(rig)[names.index(keypoint)].name)


def waiting() -> bool:
    """Whether the loop has something to do."""
    return bool(part("handles.watch").loop.busy)


def statuses() -> dict[str, list[str]]:
    """State and text of the loop for each character."""
    return {
        character: [status.state, status.text] for character, status in part("handles.watch").loop.statuses().items()
    }


def standing(character: str = "") -> dict[str, Any]:
    """All that a drag, an undo or a file may change about a character."""
    handles, readback = part("handles.handles"), part("scene.readback")
    rig = part("scene.lookup").rig_with(character or next(iter(rigs())))
    body = part("scene.bodies").body_of(rig)
    origin = part("scene.provenance").read_origin(rig)
    now = readback.current_state(rig, body)
    return {
        "parameters": now.model_parameters.tolist(),
        "identity": now.identity.tolist(),
        "matrix": [list(row) for row in rig.matrix_world],
        "mesh": hashlib.sha1(_mesh(rig).tobytes()).hexdigest(),
        "recorded": origin.arrays["keypoints_2d"].tolist(),
        "seen": keypoints_seen(rig).tolist(),
        "height": handles.height_of(part("scene.viewpoints").viewpoint_of(rig, 0)),
        "handles": {
            keypoint_names()[index]: {
                "place": handles.place(handle),
                "state": handles.state_of(handle).name,
                "warning": str(handle[handles.WARNING]),
                "moved": handles.moved(handle),
            }
            for index, handle in handles.by_keypoint(rig).items()
        },
    }


def keypoints_seen(rig: bpy.types.Object) -> np.ndarray:
    """(70, 2) px of the photo: where the camera sees the keypoints of the mesh and skeleton that stand in the scene.

    It goes by Blender's own camera and evaluated mesh alone, and so checks engine, rig, place and camera at once.
    """
    body = part("scene.bodies").body_of(rig)
    joints = np.array([rig.matrix_world @ rig.pose.bones[name].head for name in body.joint_names])
    keypoints = body.keypoint_rows.combine(np.concatenate([_mesh(rig), joints]))
    camera, scene = part("scene.camera").camera_of(rig), _window().scene
    seen = np.array([world_to_camera_view(scene, camera, Vector(point))[:2] for point in keypoints])
    size = np.array([scene.render.resolution_x, scene.render.resolution_y])
    return np.stack([seen[:, 0], 1.0 - seen[:, 1]], axis=1) * size - 0.5


def _mesh(rig: bpy.types.Object) -> np.ndarray:
    """(V, 3) the evaluated vertices in world axes, m."""
    obj = part("scene.bodies").body_mesh(rig).evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.empty(3 * len(obj.data.vertices), np.float32)
    obj.data.vertices.foreach_get("co", points)
    matrix = np.array(obj.matrix_world)
    return points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
