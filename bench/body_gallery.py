"""Renders a gallery of the default body: poses, close-ups, identity sliders, expressions, levels of detail.

    python -m bench.body_gallery BODY.npz OUT_DIR [--only poses,hands,...] [--size 700]

Vertices come from `Body.vertices` alone (no rig), so what is seen is the body's own shapes and weights.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from PIL import Image, ImageDraw

from native_runtime.mhr import Body
from native_runtime.mhr.ages import SEXES, AgeTable

COLOURS = {
    "skin": (0.72, 0.50, 0.40),
    "lips": (0.62, 0.32, 0.28),
    "nails": (0.80, 0.62, 0.54),
    "mouth": (0.45, 0.16, 0.15),
    "eyes": (0.90, 0.90, 0.88),
    "iris": (0.20, 0.33, 0.38),
    "pupil": (0.02, 0.02, 0.02),
    "teeth": (0.88, 0.86, 0.78),
    "tongue": (0.65, 0.28, 0.28),
}


@dataclass
class Shot:
    """One picture: parameters by name (``*`` in front stands for both sides), the view, and what to look at.

    `alone` hides what stands far in front of the subject.
    """

    title: str
    pose: Mapping[str, float] = field(default_factory=dict)
    identity: Mapping[str, float] = field(default_factory=dict)
    expression: Mapping[str, float] = field(default_factory=dict)
    look_at: str = "c_spine1"
    width: float = 195.0
    turn: float = 0.0
    tilt: float = 0.0
    offset: Sequence[float] = (0.0, -10.0, 0.0)
    alone: bool = False


FINGERS = ("index", "middle", "ring", "pinky")
T_POSE = {
    "*uparm_rz": 0.35,
    "*uparm_ry": 0.76,
    "*uparm_twist": 0.14,
    "*elbow_bend": -0.5,
    "*wrist_rz": -0.15,
    "*lowarm_twist": 0.2,
}
FIST = {
    **{f"*{f}{k}_rz": b for f in FINGERS for k, b in ((1, 1.4), (2, 1.57), (3, 1.0))},
    "*thumb1_rz": 0.5,
    "*thumb2_rz": 0.7,
    "*thumb3_rz": 0.9,
    "*thumb0_ry": 0.3,
}
SQUAT = {
    "*upleg_rz": -1.9,
    "*knee_bend": 2.3,
    "*foot_bend": -0.45,
    "*upleg_ry": -0.3,
    "spine_bend0": 0.5,
    "spine_bend1": 0.2,
}
SIT = {"*upleg_rz": -1.55, "*knee_bend": 1.5, "*upleg_ry": 0.1, "*elbow_bend": 0.9}


def parameters(body: Body, pose: Mapping[str, float]) -> np.ndarray:
    """Return the (204,) model parameters of named values."""
    values = np.zeros(len(body.parameter_names))
    for name, value in pose.items():
        names = [side + name[1:] for side in ("l_", "r_")] if name.startswith("*") else [name]
        for each in names:
            values[body.parameter_index(each)] = value
    return values


def coefficients(names: Sequence[str], values: Mapping[str, float]) -> np.ndarray:
    """Return a coefficient vector with the named entries set."""
    result = np.zeros(len(names))
    for name, value in values.items():
        result[list(names).index(name)] = value
    return result


class Studio:
    """A Workbench scene that shows one mesh at a time."""

    def __init__(self, size: int) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        scene = bpy.context.scene
        scene.render.engine = "BLENDER_WORKBENCH"
        shading = scene.display.shading
        shading.light = "STUDIO"
        shading.color_type = "MATERIAL"
        shading.show_cavity = True
        shading.cavity_type = "BOTH"
        shading.show_specular_highlight = True
        scene.display.render_aa = "8"
        scene.render.resolution_x = scene.render.resolution_y = size
        scene.world = bpy.data.worlds.new("studio")
        scene.world.color = (0.82, 0.82, 0.82)
        scene.view_settings.view_transform = "Standard"
        camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        camera.data.type = "ORTHO"
        scene.collection.objects.link(camera)
        scene.camera = camera
        self.scene, self.camera, self.mesh = scene, camera, None

    def show(self, body: Body, vertices: np.ndarray) -> None:
        """Put ``vertices`` (V, 3) cm of a body on stage."""
        points = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=1) / 100.0
        if self.mesh is None or self.mesh.name != body.name:
            for old in [o for o in self.scene.objects if o.type == "MESH"]:
                bpy.data.objects.remove(old)
            starts = np.concatenate([[0], np.cumsum(body.face_sizes)[:-1]])
            faces = [body.face_vertices[s : s + n].tolist() for s, n in zip(starts, body.face_sizes, strict=True)]
            mesh = bpy.data.meshes.new(body.name)
            mesh.from_pydata(points.tolist(), [], faces)
            for name in body.material_names:
                material = bpy.data.materials.new(name)
                material.diffuse_color = (*COLOURS.get(name, (0.5, 0.5, 0.5)), 1.0)
                mesh.materials.append(material)
            mesh.polygons.foreach_set("material_index", body.face_materials)
            mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), dtype=bool))
            self.scene.collection.objects.link(bpy.data.objects.new(body.name, mesh))
            self.mesh = mesh
        self.mesh.vertices.foreach_set("co", points.astype(np.float32).ravel())
        self.mesh.update()

    def take(self, path: Path, centre: np.ndarray, shot: Shot) -> None:
        """Render from ``shot.turn`` degrees (0 = front, 90 = the body's left) and ``shot.tilt`` degrees above."""
        a, e = math.radians(shot.turn), math.radians(shot.tilt)
        target = np.array([centre[0], -centre[2], centre[1]]) / 100.0
        way = np.array([math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)])
        self.camera.location = target + way * 6.0
        self.camera.rotation_euler = (math.pi / 2 - e, 0.0, a)
        self.camera.data.ortho_scale = shot.width / 100.0
        self.camera.data.clip_start = 6.0 - shot.width / 200.0 if shot.alone else 0.1
        self.scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)


def sheet(pictures: Sequence[tuple[str, Path]], target: Path, columns: int) -> None:
    """Write a labelled contact sheet."""
    images = [(title, Image.open(path).convert("RGB")) for title, path in pictures]
    w, h = images[0][1].size
    rows = -(-len(images) // columns)
    page = Image.new("RGB", (w * columns, h * rows), "white")
    draw = ImageDraw.Draw(page)
    for number, (title, image) in enumerate(images):
        x, y = (number % columns) * w, (number // columns) * h
        page.paste(image, (x, y))
        draw.text((x + 8, y + 6), title, fill=(20, 20, 20))
    page.save(target)


def galleries(body: Body) -> dict[str, tuple[int, list[Shot]]]:
    """Return the shots of each sheet with its number of columns."""
    whole = [Shot(f"rest {t}", turn=t) for t in (0, 90, 180, 35)]
    poses = [
        Shot("t-pose", T_POSE),
        Shot("t-pose back", T_POSE, turn=180),
        Shot(
            "arms overhead",
            {"*uparm_rz": -1.2, "*uparm_ry": 1.2, "*clavicle_ry": 0.5, "*elbow_bend": -0.4},
            offset=(0, 12, 0),
            width=230,
        ),
        Shot(
            "arms overhead back",
            {"*uparm_rz": -1.2, "*uparm_ry": 1.2, "*clavicle_ry": 0.5, "*elbow_bend": -0.4},
            turn=160,
            offset=(0, 12, 0),
            width=230,
        ),
        Shot("arms down", {"*uparm_rz": 0.3, "*uparm_ry": -0.6}),
        Shot("squat", SQUAT, turn=40, offset=(0, -20, 10), width=150),
        Shot("squat side", SQUAT, turn=90, offset=(0, -20, 10), width=150),
        Shot("squat back", SQUAT, turn=200, offset=(0, -20, 10), width=150),
        Shot("sitting", SIT, turn=40, offset=(0, -5, 15), width=150),
        Shot("sitting side", SIT, turn=90, offset=(0, -5, 15), width=150),
        Shot("bow", {"spine_bend0": 1.2, "spine_bend1": 0.8, "neck_bend": 0.3}, turn=70, width=170),
        Shot(
            "back bend and twist",
            {"spine_bend0": -0.4, "spine_twist0": 0.8, "spine_twist1": 0.6, "spine_lean0": 0.4, "head_twist": 0.6},
            turn=20,
        ),
    ]
    elbow: dict[str, Any] = {"look_at": "l_lowarm", "width": 45.0, "offset": (0, 0, 0)}
    limbs = [
        Shot("elbow bent 2.0", {"*elbow_bend": 2.0}, **elbow, turn=40),
        Shot("elbow bent 2.0 outside", {"*elbow_bend": 2.0}, **elbow, turn=130),
        Shot("elbow straight", {"*elbow_bend": -0.5}, **elbow, turn=40),
        Shot("forearm twist -2.2", {"*lowarm_twist": -2.2}, **elbow, turn=40),
        Shot("forearm twist 1.0", {"*lowarm_twist": 1.0}, **elbow, turn=40),
        Shot("upper arm twist 1.8", {"*uparm_twist": 1.8}, **elbow, turn=20),
        Shot("upper arm twist -1.5", {"*uparm_twist": -1.5}, **elbow, turn=20),
        Shot("shoulder up", T_POSE, look_at="l_uparm", width=60, offset=(0, 0, 0)),
        Shot("shoulder up back", T_POSE, look_at="l_uparm", width=60, offset=(0, 0, 0), turn=160),
        Shot(
            "shoulder forward",
            {"*uparm_rz": 1.6, "*uparm_ry": 0.3},
            look_at="l_uparm",
            width=60,
            offset=(0, 0, 0),
            turn=20,
        ),
        Shot(
            "shoulder overhead",
            {"*uparm_rz": -1.2, "*uparm_ry": 1.2, "*clavicle_ry": 0.5},
            look_at="l_uparm",
            width=60,
            offset=(0, 0, 0),
            turn=10,
        ),
        Shot("shoulder down", {"*uparm_ry": -0.8}, look_at="l_uparm", width=60, offset=(0, 0, 0), turn=10),
        Shot(
            "knee 2.6",
            {"l_upleg_rz": -1.2, "l_knee_bend": 2.6},
            look_at="l_lowleg",
            width=70,
            offset=(0, 5, 0),
            turn=80,
        ),
        Shot(
            "knee 1.3 front",
            {"l_upleg_rz": -1.2, "l_knee_bend": 1.3},
            look_at="l_lowleg",
            width=70,
            offset=(0, 5, 0),
            turn=20,
        ),
        Shot(
            "hip 2.2", {"l_upleg_rz": -2.2, "l_knee_bend": 1.8}, look_at="l_upleg", width=70, offset=(0, 0, 0), turn=70
        ),
        Shot(
            "hip 2.2 back",
            {"*upleg_rz": -2.2, "*knee_bend": 1.8},
            look_at="l_upleg",
            width=70,
            offset=(-5, 0, 0),
            turn=190,
        ),
        Shot("hip spread", {"*upleg_ry": -1.2, "*upleg_rz": -0.5}, look_at="root", width=90, offset=(0, 0, 0), turn=0),
        Shot(
            "leg twist",
            {"l_upleg_twist": -1.5, "r_upleg_twist": 0.8},
            look_at="root",
            width=110,
            offset=(0, -30, 0),
            turn=0,
        ),
        Shot("leg back", {"l_upleg_rz": 0.8}, look_at="root", width=90, offset=(0, 0, 0), turn=100),
        Shot(
            "shin twist",
            {"l_lowleg_twist": 1.2, "r_lowleg_twist": -1.0},
            look_at="l_lowleg",
            width=90,
            offset=(-15, -25, 0),
            turn=0,
        ),
    ]
    hand: dict[str, Any] = {"look_at": "l_middle1", "width": 26.0, "offset": (0, 0, 0), "alone": True}
    hands = [
        Shot("hand back", {}, **hand, turn=40, tilt=50),
        Shot("hand palm", {}, **hand, turn=-120, tilt=-35),
        Shot("hand side", {}, **hand, turn=-40, tilt=0),
        Shot("fist", FIST, **hand, turn=40, tilt=50),
        Shot("fist palm", FIST, **hand, turn=-120, tilt=-35),
        Shot("fist side", FIST, **hand, turn=-40, tilt=0),
        Shot("half bent", {k: v * 0.5 for k, v in FIST.items()}, **hand, turn=-100, tilt=-20),
        Shot(
            "spread",
            {"*index1_ry": 0.25, "*middle1_ry": 0.05, "*ring1_ry": -0.15, "*pinky1_ry": -0.3, "*thumb1_ry": 0.4},
            **hand,
            turn=40,
            tilt=50,
        ),
        Shot("pointing", {k: v for k, v in FIST.items() if "index" not in k}, **hand, turn=-40, tilt=10),
        Shot(
            "thumb in",
            {"*thumb0_ry": 0.6, "*thumb1_rz": 0.6, "*thumb2_rz": 0.9, "*thumb3_rz": 0.9},
            **hand,
            turn=-120,
            tilt=-35,
        ),
        Shot("wrist bent 1.3", {"*wrist_rz": 1.3}, **hand, turn=-40, tilt=0),
        Shot("wrist bent -1.3", {"*wrist_rz": -1.3}, **hand, turn=-40, tilt=0),
    ]
    foot: dict[str, Any] = {"look_at": "l_talocrural", "width": 40.0, "offset": (0, 3, 3)}
    feet = [
        Shot("foot", {}, **foot, turn=40, tilt=25),
        Shot("foot inside", {}, **foot, turn=-80, tilt=5),
        Shot("foot back", {}, **foot, turn=170, tilt=10),
        Shot("point", {"*foot_bend": 0.9, "*ball_bend": 0.3}, **foot, turn=80),
        Shot("flex", {"*foot_bend": -0.9, "*ball_bend": -0.7}, **foot, turn=80),
        Shot("tiptoe", {"*foot_bend": 0.6, "*ball_bend": -0.7}, **foot, turn=60, tilt=10),
        Shot("roll", {"*foot_lean0": -1.0}, **foot, turn=20, tilt=10),
        Shot("ankle twist", {"*lowleg_twist": 1.2}, **foot, turn=20, tilt=15),
    ]
    face: dict[str, Any] = {"look_at": "c_head", "width": 30.0, "offset": (0, 7, 4)}
    heads = [Shot(f"face {t}", {}, **face, turn=t) for t in (0, 35, 90, 150)]
    heads += [
        Shot("neck bend", {"neck_bend": 0.5, "head_bend": 0.4}, look_at="c_neck", width=55, offset=(0, 5, 0), turn=60),
        Shot(
            "neck back", {"neck_bend": -0.6, "head_bend": -0.4}, look_at="c_neck", width=55, offset=(0, 5, 0), turn=60
        ),
        Shot(
            "head twist", {"neck_twist": 0.8, "head_twist": 0.8}, look_at="c_neck", width=55, offset=(0, 5, 0), turn=0
        ),
        Shot("head lean", {"neck_lean": 0.5, "head_lean": 0.3}, look_at="c_neck", width=55, offset=(0, 5, 0), turn=0),
    ]
    people = {
        "heavy man": {"gender": 1.0, "weight": 2.5, "belly": 1.0, "face_fullness": 0.8},
        "heavy woman": {"gender": -1.0, "weight": 2.5, "breasts": 1.0, "hips": 1.0, "face_fullness": 0.8},
        "athlete": {"gender": 1.0, "muscle": 1.5, "torso_taper": 0.8, "shoulders": 0.8, "weight": -0.2},
        "woman": {"gender": -1.0, "breasts": 0.4},
        "man": {"gender": 1.0},
        "old woman": {"gender": -1.0, "age": 1.0, "weight": 0.4},
        "old man": {"gender": 1.0, "age": 1.0, "weight": 0.4, "belly": 0.8},
        "thin": {"weight": -1.2, "muscle": -0.8},
    }
    crowd = [Shot(name, {"*uparm_ry": -0.5}, identity=values, turn=25) for name, values in people.items()]
    crowd += [Shot(name, identity=values, **face, turn=25) for name, values in people.items()]
    shapes: dict[str, list[Shot]] = {"body": [], "head": [], "hands": []}
    # Sliders of ages fit the skeletons of ages alone: the sheets of ages show them.
    for name, group, low, high in zip(
        body.identity_names, body.identity_groups, body.identity_min, body.identity_max, strict=True
    ):
        if group not in shapes:
            continue
        view: dict[str, Any] = {
            "body": {"turn": 30},
            "head": {**face, "turn": 35},
            "hands": {**hand, "turn": 40, "tilt": 50},
        }[group]
        shapes[group] += [Shot(f"{name} {v:+.1f}", identity={name: v}, **view) for v in (low, high)]
    # mouthClose is meant as a correction of an open jaw.
    helped = {"mouthClose": {"jawOpen": 1.0}}
    expressions = [
        Shot(name, expression={name: 1.0, **helped.get(name, {})}, **face, turn=15) for name in body.expression_names
    ]
    result = {
        "whole": (4, whole),
        "poses": (4, poses),
        "limbs": (5, limbs),
        "hands": (4, hands),
        "feet": (4, feet),
        "heads": (4, heads),
        "people": (4, crowd),
        "expressions": (8, expressions),
    }
    result |= {f"identity_{group}": (8 if group != "hands" else 5, shots) for group, shots in shapes.items()}
    if body.ages is not None:
        result |= {f"ages_{name}": (len(AGES), shots) for name, shots in ladders(body, body.ages).items()}
    return result


AGES = (5, 8, 12, 16, 25, 45, 70)


def ladders(body: Body, table: AgeTable) -> dict[str, list[Shot]]:
    """Return people by age, women above men: all of them on one scale, and their heads."""
    whole, faces = [], []
    for sex in SEXES:
        for turn in (0, 90):
            for years in AGES:
                aged = table.at(years, sex)
                skeleton = {n: float(v) for n, v in zip(body.parameter_names, aged.parameters, strict=True) if v}
                identity = {n: float(v) for n, v in zip(body.identity_names, aged.identity, strict=True) if v}
                lowest = body.vertices(aged.parameters, aged.identity)[:, 1].min()
                title = f"{sex} {years}, {aged.stature:.0f} cm"
                root = body.pose(aged.parameters).translations[body.joint_index("root"), 1]
                on_floor = (0.0, 90.0 - (root - lowest), 0.0)
                pose = {**skeleton, "*uparm_ry": -0.6, "*uparm_rz": 0.2}
                whole.append(Shot(title, pose, identity, look_at="root", offset=on_floor, turn=turn, width=190))
                faces.append(
                    Shot(title, skeleton, identity, look_at="c_head", offset=(0, 8, 3), turn=turn * 0.5, width=34)
                )
    return {"bodies": whole, "heads": faces}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("body", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default="", help="comma separated names of sheets")
    parser.add_argument("--size", type=int, default=420)
    arguments = parser.parse_args()
    body = Body.load(arguments.body)
    arguments.out.mkdir(parents=True, exist_ok=True)
    studio = Studio(arguments.size)
    chosen = [name for name in arguments.only.split(",") if name]
    for name, (columns, shots) in galleries(body).items():
        if chosen and name not in chosen:
            continue
        pictures = []
        for number, shot in enumerate(shots):
            values = parameters(body, shot.pose)
            identity = coefficients(body.identity_names, shot.identity)
            expression = coefficients(body.expression_names, shot.expression)
            studio.show(body, body.vertices(values, identity, expression))
            joints = body.pose(values).translations
            centre = joints[body.joint_index(shot.look_at)] + np.asarray(shot.offset)
            path = arguments.out / f".{name}_{number}.png"
            studio.take(path, centre, shot)
            pictures.append((shot.title, path))
        sheet(pictures, arguments.out / f"{name}.png", columns)
        for _, path in pictures:
            path.unlink()
    sys.stdout.flush()
    os._exit(0)  # the bpy module may crash on a normal exit


if __name__ == "__main__":
    main()
