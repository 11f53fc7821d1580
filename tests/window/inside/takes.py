"""Videos, as an artist brings them in."""

from __future__ import annotations

import bpy
import numpy as np

from .scene import in_viewport, part, rigs, seen_on_screen


def read_video(path: str, out: str) -> None:
    """Starts the panel's button for a video."""
    settings = bpy.context.window_manager.sam3db
    settings.body, settings.engine = "default-lod2", "landmarks"
    with in_viewport():
        bpy.ops.sam3db.import_video("EXEC_DEFAULT", filepath=path, out=out, rate="video")


def cancel() -> None:
    """The panel's cross."""
    bpy.ops.sam3db.cancel_video()


def progress() -> list[object]:
    """State and share of the reading of a video."""
    job = part("jobs.takes").slot.job
    return [job.state, job.progress, job.summary]


def objects() -> int:
    """How many objects and actions there are."""
    return len(bpy.data.objects) + len(bpy.data.actions)


def play() -> None:
    """Space bar."""
    with in_viewport():
        bpy.ops.screen.animation_play()


def frame() -> int:
    """Where the playhead is."""
    return bpy.context.scene.frame_current


def show(number: int) -> None:
    """Moves the playhead."""
    bpy.context.scene.frame_set(number)


def pin_joint() -> None:
    """The panel's button of that name, pressed with the mouse over the viewport."""
    with in_viewport():
        bpy.ops.sam3db.pin_joint("INVOKE_DEFAULT")


def joint(keypoint: str) -> list[float]:
    """Where a joint of the first character is seen on the screen, px from the top left."""
    rig = bpy.data.objects[next(iter(rigs().values()))]
    number = part("takes.pins").keypoint_titles().index(keypoint)
    return list(seen_on_screen(part("takes.pins").keypoints_in_world(rig)[number]))


def prompts() -> list[list[object]]:
    """What the first character remembers to have been told of frames."""
    rig = bpy.data.objects[next(iter(rigs().values()))]
    return [list(prompt) for prompt in part("takes.record").read_record(rig).prompts]


def looks_through_camera() -> bool:
    """Whether the viewport shows what the scene's camera sees."""
    with in_viewport():
        return bpy.context.region_data.view_perspective == "CAMERA"


def wrists() -> list[list[float]]:
    """The left wrist of the first character on every frame, world (m)."""
    rig = bpy.data.objects[next(iter(rigs().values()))]
    scene = bpy.context.scene
    found = []
    for number in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(number)
        seen = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
        found.append(list(seen.matrix_world @ seen.pose.bones["l_wrist"].head))
    return found


def export(path: str) -> list[str]:
    """Exports the first character with its animation."""
    exports = part("exports.export")
    rig = bpy.data.objects[next(iter(rigs().values()))]
    return list(exports.export_character(rig, path, exports.ExportOptions(to="glb")))


def imported_wrists(path: str) -> list[list[float]]:
    """The left wrist of an exported file on every frame."""
    scene = bpy.context.scene
    before = set(bpy.data.objects)
    bpy.ops.import_scene.gltf(filepath=path)
    rig = next(obj for obj in set(bpy.data.objects) - before if obj.type == "ARMATURE")
    found = []
    for number in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(number)
        seen = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
        found.append(np.array(seen.matrix_world @ seen.pose.bones["l_wrist"].head).tolist())
    return found
