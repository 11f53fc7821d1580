"""Whether each test begins with an empty Blender and factory settings, whatever the one before it left."""

from __future__ import annotations

from collections.abc import Callable

import bpy
import pytest

from tests.support.empty_blender import empty_blender, preferences


def change_a_preference() -> None:
    bpy.context.preferences.system.use_online_access = True


def change_an_add_ons_preference() -> None:
    bpy.context.preferences.addons["io_scene_gltf2"].preferences.animation_ui = True


def add_an_asset_library() -> None:
    bpy.ops.preferences.asset_library_add(directory="/nowhere")


def enable_an_add_on() -> None:
    bpy.ops.preferences.addon_enable(module="rigify")


def disable_an_add_on() -> None:
    bpy.ops.preferences.addon_disable(module="io_anim_bvh")


def make_things() -> None:
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.scene.unit_settings.scale_length = 0.01
    bpy.context.scene["left"] = bpy.context.window_manager["left"] = 1
    bpy.data.meshes.new("Left").use_fake_user = True


@pytest.mark.parametrize(
    "leave",
    [
        change_a_preference,
        change_an_add_ons_preference,
        add_an_asset_library,
        enable_an_add_on,
        disable_an_add_on,
        make_things,
    ],
)
def test_nothing_is_left_for_the_next_test(leave: Callable[[], object]) -> None:
    settings, things = preferences(), contents()
    leave()
    assert (preferences(), contents()) != (settings, things), "there was nothing to leave"
    empty_blender()
    assert (preferences(), contents()) == (settings, things)


def contents() -> list[object]:
    scene, manager = bpy.context.scene, bpy.context.window_manager
    names = [
        (kind, one.name) for kind in ("scenes", "objects", "meshes", "materials") for one in getattr(bpy.data, kind)
    ]
    return [*names, scene.unit_settings.scale_length, dict(scene.items()), dict(manager.items())]
