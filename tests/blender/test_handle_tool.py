"""The tool that shows handles as gizmos: what is under the mouse, where a ray drags it, and that it comes and goes."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
import pytest
from mathutils import Matrix

import sam3db_blender
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import keypoint_names
from sam3db_blender.handles import watch
from sam3db_blender.handles.handles import State, by_keypoint, drag, moved, place, state_of
from sam3db_blender.handles.plane import met_by, world_of
from sam3db_blender.handles.showing import show
from sam3db_blender.handles.spots import spots_of
from sam3db_blender.scene.character import PhotoScene
from tests.support.photo_scenes import photo_scene

SIZE = (320, 240)
WRIST = keypoint_names().index("left_wrist")


def _view(built: PhotoScene, scale: float) -> Any:
    """From world to clip space as the photo's camera sees it, in a region of ``scale`` times the photo's size."""
    width, height = (int(side * scale) for side in SIZE)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    projection = built.camera.calc_matrix_camera(depsgraph, x=width, y=height)
    return np.array(projection @ built.camera.matrix_world.inverted())


@pytest.mark.parametrize("hidden", [False, True])
def test_spots_are_where_handles_are_seen(small_body: Body, hidden: bool) -> None:
    """Also where Blender keeps no matrices, since it draws none of the handles."""
    built = photo_scene(small_body)
    rig = built.characters[0].rig
    show(rig, not hidden)
    built.camera.matrix_world = Matrix.Rotation(0.7, 4, "Z") @ Matrix.Translation((1, 2, 3)) @ built.camera.matrix_world
    bpy.context.view_layer.update()
    spots = spots_of(by_keypoint(rig), _view(built, 3.0), (960, 720), 2.0)
    handles = by_keypoint(rig)
    assert sorted(spots.keypoints) == list(handles)
    for keypoint, centre, radius in zip(spots.keypoints, spots.centres, spots.radii):
        x, y = place(handles[keypoint])
        assert centre == pytest.approx([(x + 0.5) * 3, 720 - (y + 0.5) * 3], abs=0.02)
        assert radius == pytest.approx(max(handles[keypoint].empty_display_size / 2 * 3, 2.0), rel=1e-3)


def test_nothing_is_seen_behind_the_viewer(small_body: Body) -> None:
    built = photo_scene(small_body)
    behind = _view(built, 1.0) @ np.array(Matrix.Translation((0, -50, 0)))
    assert spots_of(by_keypoint(built.characters[0].rig), behind, SIZE, 1.0).keypoints == ()


@pytest.mark.parametrize("eye", [(0.0, -9.0, 1.0), (4.0, -2.0, 3.0)])
def test_a_ray_drags_a_handle_to_where_it_meets_the_photo(small_body: Body, eye: tuple[float, ...]) -> None:
    """From the photo's camera and from beside it."""
    plane = by_keypoint(photo_scene(small_body).characters[0].rig)[WRIST].parent
    assert plane is not None
    pixel = np.array([37.5, 101.0])
    goal = world_of(plane, pixel)
    assert met_by(plane, eye, goal - eye) == pytest.approx(pixel, abs=1e-3)
    assert met_by(plane, eye, eye - goal) is None


def test_a_hidden_handle_that_is_dragged_is_asked_about(small_body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blender tells nothing of hidden objects: the tool does."""
    rig = photo_scene(small_body).characters[0].rig
    show(rig, False)
    handle, told = by_keypoint(rig)[WRIST], []
    monkeypatch.setattr(watch.loop, "mark", told.append)
    drag(handle, (50.0, 60.0))
    watch.touch(rig)
    assert place(handle) == pytest.approx((50.0, 60.0))
    assert moved(handle)
    assert told == [rig["sam3db"]["id"]]


def test_the_menu_speaks_of_one_keypoint(asked: list[str], small_body: Body) -> None:
    rig = photo_scene(small_body).characters[0].rig
    for state in (State.PINNED, State.INCORRECT, State.IGNORED, State.PREDICTED):
        assert bpy.ops.sam3db.say_of_keypoint(keypoint=WRIST, state=state.name) == {"FINISHED"}
        assert state_of(by_keypoint(rig)[WRIST]) is state
    assert asked == [rig.name] * 4
    bpy.data.objects.remove(by_keypoint(rig)[WRIST])
    with pytest.raises(RuntimeError, match="was deleted"):
        bpy.ops.sam3db.say_of_keypoint(keypoint=WRIST, state="PINNED")


def test_the_tool_comes_and_goes() -> None:
    from bl_ui.space_toolsystem_toolbar import VIEW3D_PT_tools_active

    def tools() -> list[Any]:
        return list(VIEW3D_PT_tools_active._tools["OBJECT"])

    before = tools()
    for _ in range(2):
        sam3db_blender.register()
        assert len(tools()) > len(before)
        sam3db_blender.unregister()
        assert tools() == before
