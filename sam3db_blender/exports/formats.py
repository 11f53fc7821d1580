"""Blender's own exporters: whether they are there, what each file's axes and units are, and how each is called."""

from __future__ import annotations

import contextlib
import io
import math
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.exports import contents
from native_runtime.characters.exports.contents import FileContents
from native_runtime.characters.exports.fbx import without_text
from native_runtime.errors import Sam3dbError
from native_runtime.files.moving import replace

from . import readback
from .copy import ACTION
from .pictures import packed_pictures_named

Array = NDArray[np.float64]

#: Which exception of Python it was.
_ORIGIN = re.compile(r"^(Error: )?(\w*(Error|Exception): )?(\[Errno \d+\] )?")

_AS_IT_IS: Array = np.eye(3)
#: z up, facing -y becomes y up, facing z.
_Y_UP: Array = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes:
        title: what people call it.
        add_on: the add-on that writes it; None where it is built into Blender.
        operator: Blender's exporter.
        turn, scale: from the world (m, Blender's axes) to the numbers that the copy is built of.
        object_turn: radians about x by which the copy's object is turned, so that the exporter, which turns everything
            the other way, writes no turned objects.
        unit: m, the length of one unit of the copy's scene.
        has_mesh: whether the file holds a mesh.
        needs_frame: whether there is no such file without a frame of animation.
        shapes_need_frame: whether shape keys are 0 in a file without one.
        write: calls the exporter: (path, whether there is a pose, whether bones other than the first have positions).
        read: reads a file again: see ``readback``.
    """

    title: str
    add_on: str | None
    operator: str
    write: Callable[[str, bool, bool], Any]
    read: Callable[[Path], FileContents]
    turn: Array
    scale: float = 1.0
    object_turn: float = 0.0
    unit: float = 1.0
    has_mesh: bool = True
    needs_frame: bool = False
    shapes_need_frame: bool = False


def require(kind: str) -> Format:
    """The format of a name.

    Raises:
        Sam3dbError: Blender's exporter for it is switched off or not part of this Blender.
    """
    found = FORMATS[kind]
    group, _, name = found.operator.partition(".")
    try:
        getattr(getattr(bpy.ops, group), name).get_rna_type()
    except (KeyError, AttributeError) as error:
        if found.add_on is None:
            raise Sam3dbError(f"This Blender was built without {found.title}, so it cannot export it.") from error
        raise Sam3dbError(
            f"Blender's {found.title} exporter is switched off: open Edit > Preferences > Add-ons, search for "
            f"'{found.title}' and tick it, then export again."
        ) from error
    return found


def write_file(
    kind: Format,
    path: Path,
    posed: bool,
    moving: bool,
    check: Callable[[FileContents], None],
    finish: Callable[[Path], None] | None = None,
) -> None:
    """Lets Blender write the current scene to a file, which is read again, and appears when it is complete.

    Args:
        check: raises Sam3dbError where what was read is not what was to be written.
        finish: what is to be done with the file before it appears.

    Raises:
        Sam3dbError: the exporter failed, the file cannot be written, or it does not hold what it should.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=".export-", dir=path.parent))
    except OSError as error:
        raise Sam3dbError(f"Cannot write to the folder {path.parent}: {error.strerror or error}.") from error
    try:
        # the glTF exporter insists on its own ending
        inside = folder / (f"{path.stem}.glb" if path.suffix.lower() == ".vrm" else path.name)
        with contextlib.redirect_stderr(io.StringIO()):  # Blender prints a traceback besides the error that it raises
            result = kind.write(str(inside), posed, moving)
        if "FINISHED" not in result or not inside.is_file():
            raise Sam3dbError(f"Blender's {kind.title} exporter wrote no file.")
        check(_read_again(kind, inside))
        if finish is not None:
            finish(inside)
            check(_read_again(kind, inside))
        for side in sorted(entry for entry in folder.rglob("*") if entry.is_file() and entry != inside):
            there = path.parent / side.relative_to(folder)
            there.parent.mkdir(parents=True, exist_ok=True)
            replace(side, there)
        replace(inside, path)
    except OSError as error:
        raise Sam3dbError(f"Cannot write {path}: {error.strerror or error}.") from error
    except RuntimeError as error:
        raise Sam3dbError(f"Blender's {kind.title} exporter failed: {_last_line(error)}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read_again(kind: Format, path: Path) -> FileContents:
    """What a file holds that was just written."""
    try:
        return kind.read(path)
    except Exception as error:
        raise Sam3dbError(
            f"The {kind.title} file that Blender wrote is broken, so it was not kept: is the disk full? "
            f"({_last_line(error)})"
        ) from error


def _last_line(error: Exception) -> str:
    """What went wrong, without the traceback that Blender hands on."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith("Location:")]
    return _ORIGIN.sub("", lines[-1]) if lines else type(error).__name__


def _write_fbx(path: str, posed: bool, moving: bool) -> Any:
    scene: Any = bpy.context.scene
    with packed_pictures_named(scene):
        result: Any = bpy.ops.export_scene.fbx(
            filepath=path,
            check_existing=False,
            object_types={"ARMATURE", "MESH"},
            apply_unit_scale=True,
            apply_scale_options="FBX_SCALE_NONE",
            axis_forward="-Z",
            axis_up="Y",
            use_mesh_modifiers=False,
            mesh_smooth_type="FACE",
            add_leaf_bones=False,
            use_armature_deform_only=False,
            bake_anim=posed,
            bake_anim_use_nla_strips=False,
            bake_anim_use_all_actions=False,
            bake_anim_simplify_factor=0.0,
            path_mode="COPY",
            embed_textures=True,
        )
    # the exporter writes the pictures' whole paths, but the file is to leave the folder that it is written in
    if Path(path).is_file():
        without_text(Path(path), f"{Path(path).parent.name}{os.sep}")
    return result


def _write_glb(path: str, posed: bool, moving: bool) -> Any:
    return bpy.ops.export_scene.gltf(
        filepath=path,
        check_existing=False,
        export_format="GLB",
        use_active_scene=True,
        export_yup=True,
        export_apply=False,
        export_all_influences=True,
        export_rest_position_armature=True,
        export_animations=posed,
        export_animation_mode="ACTIVE_ACTIONS",
        export_nla_strips_merged_animation_name=ACTION,
        export_force_sampling=False,
        export_optimize_animation_size=False,
        export_morph=True,
        export_morph_normal=False,
        export_extras=False,
        export_cameras=False,
        export_lights=False,
    )


def _write_bvh(path: str, posed: bool, moving: bool) -> Any:
    return bpy.ops.export_anim.bvh(
        filepath=path,
        check_existing=False,
        frame_start=bpy.context.scene.frame_start,
        frame_end=bpy.context.scene.frame_end,
        rotate_mode="NATIVE",
        root_transform_only=not moving,
    )


def _write_usd(path: str, posed: bool, moving: bool) -> Any:
    return bpy.ops.wm.usd_export(
        filepath=path,
        check_existing=False,
        export_animation=posed,
        export_hair=False,
        export_uvmaps=True,
        export_normals=True,
        export_materials=True,
        export_armatures=True,
        only_deform_bones=False,
        export_shapekeys=True,
        generate_preview_surface=True,
        convert_world_material=False,
        export_custom_properties=False,
    )


FORMATS: dict[str, Format] = {
    "fbx": Format(
        "FBX",
        "io_scene_fbx",
        "export_scene.fbx",
        _write_fbx,
        readback.read_fbx,
        turn=_Y_UP,
        scale=100.0,
        object_turn=math.pi / 2,
        unit=0.01,
    ),
    "glb": Format("glTF", "io_scene_gltf2", "export_scene.gltf", _write_glb, contents.read_glb, turn=_AS_IT_IS),
    "bvh": Format(
        "BVH",
        "io_anim_bvh",
        "export_anim.bvh",
        _write_bvh,
        contents.read_bvh,
        turn=_Y_UP,
        scale=100.0,
        has_mesh=False,
        needs_frame=True,
    ),
    "usd": Format("USD", None, "wm.usd_export", _write_usd, readback.read_usd, turn=_AS_IT_IS, shapes_need_frame=True),
}
