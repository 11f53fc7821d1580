"""How exactly does a Rigify rig hold a character?

    python -m bench.rigify [--estimates FOLDER] [--people 50] [--skip 0] [--body NAME|FILE]

Makes a Rigify rig for a character and poses the character as so many people: the estimates of a folder (``.npz``
files, as ``sam3db estimate`` writes them) and, where these are fewer, people drawn from the fit's prior, which was
learned from motion capture, each with lengths of their own. Reports, in mm and degrees:

* the largest distance of any vertex of the evaluated mesh from ``Body.vertices``, with the limbs in IK and in FK;
* how far the mesh moves when the limbs are switched, by the extension and by Rigify's own buttons;
* how far Rigify's bones stand from the joints of the limbs: what is left to the sockets;
* the largest difference of a model parameter that is read back;
* the mesh after other lengths were set by the skeleton's sliders and the rig was updated, in IK and in FK.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_blender
from native_runtime.characters.driven_correctives import drivable
from native_runtime.characters.rig_map import RigMap
from native_runtime.characters.rigify.controls import LIMBS
from native_runtime.characters.rigify.metarig import SOCKET
from native_runtime.mhr import Body
from native_runtime.models.store import body_path
from sam3db_blender.rig.armature import build_rig
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.mesh import build_mesh
from sam3db_blender.rig.pose import apply_parameters, read_parameters
from sam3db_blender.rigify import add_on
from sam3db_blender.rigify.making import SWITCH, make_rigify, remove_rigify, switch_limbs, update_rigify
from tests.support.poses import likely_poses
from tests.support.rigify import rigify_buttons

Array = NDArray[np.float64]
#: Random lengths and scales lie within this part of their limits.
_SKELETON = 0.3
#: By so much of its range each of the skeleton's sliders changes before an update.
_CHANGE = 0.1


class Bench:
    """One character, and what was measured on it."""

    def __init__(self, body: Body) -> None:
        self.body, self.found = body, {}
        stage = bpy.context.scene.collection
        self.rig = build_rig("Bench Rig", body, stage)
        materials = [bpy.data.materials.new(name) for name in body.material_names]
        self.mesh = build_mesh("Bench Body", body, self.rig, stage, materials)
        self.found: dict[str, list[float]] = {}

    def note(self, what: str, value: float) -> None:
        self.found.setdefault(what, []).append(value)

    def seen(self) -> Array:
        self.rig.update_tag()
        return evaluated_vertices(self.mesh, bpy.context.evaluated_depsgraph_get())

    def moved(self, before: Array) -> float:
        return 1000.0 * float(np.linalg.norm(self.seen() - before, axis=1).max())

    def person(self, parameters: Array) -> None:
        body, rig = self.body, self.rig
        wanted = mhr_to_blender(body.vertices(parameters, correctives=drivable(body)))
        apply_parameters(rig, body, parameters)
        start = time.process_time()
        rigify = make_rigify(rig, body)
        self.note("making, s", time.process_time() - start)
        for mode, name in ((0.0, "IK"), (1.0, "FK")):
            for limb in LIMBS:
                rigify.pose.bones[limb.master][SWITCH] = mode
            start = time.process_time()
            apply_parameters(rig, body, parameters)
            self.note("posing, s", time.process_time() - start)
            self.note(f"mesh in {name}, mm", self.moved(wanted))
            self._sockets(rigify, name)
            read = read_parameters(rig, body, near=parameters)[0]
            self.note(f"parameters read back in {name}", float(np.abs(read - parameters).max()))
        for fk in (False, True):
            switch_limbs(rig, body, fk)
            self.note(f"switched to {'FK' if fk else 'IK'} by the extension, mm", self.moved(wanted))
        self._rigifys_buttons(rigify)
        self._updated(parameters)
        before = self.seen()
        remove_rigify(rig, body)
        self.note("mesh after removing, mm", self.moved(before))

    def _updated(self, parameters: Array) -> None:
        body, rig, other = self.body, self.rig, parameters.copy()
        for slider in RigMap.of(body).section("skeleton"):
            low, high = body.limit_min[slider.index], body.limit_max[slider.index]
            if np.isfinite([low, high]).all():
                other[slider.index] = np.clip(other[slider.index] + _CHANGE * (high - low), low, high)
        apply_parameters(rig, body, other)
        lost = update_rigify(rig, body)
        self.note("lost in an update", len(lost))
        wanted = mhr_to_blender(body.vertices(other, correctives=drivable(body)))
        self.note("mesh after Update, mm", self.moved(wanted))
        for fk in (False, True):
            switch_limbs(rig, body, fk)
            self.note(f"switched to {'FK' if fk else 'IK'} after Update, mm", self.moved(wanted))

    def _sockets(self, rigify: bpy.types.Object, name: str) -> None:
        for limb in LIMBS:
            for joint in limb.joints:
                socket = rigify.pose.bones[SOCKET + joint]
                angle = socket.rotation_quaternion.angle % (2 * np.pi)
                self.note(f"limbs' bones from joints in {name}, mm", 1000.0 * socket.location.length)
                self.note(
                    f"limbs' bones from joints in {name}, degrees", float(np.degrees(min(angle, 2 * np.pi - angle)))
                )

    def _rigifys_buttons(self, rigify: bpy.types.Object) -> None:
        layer = bpy.context.view_layer
        layer.objects.active = rigify
        bpy.ops.object.mode_set(mode="POSE")
        for kind, value, name in (("limb_ik2fk", 0.0, "IK"), ("generic_snap", 1.0, "FK")):
            before = self.seen()
            for button, settings in rigify_buttons(rigify, kind):
                getattr(bpy.ops.pose, button)(**settings)
            for limb in LIMBS:
                rigify.pose.bones[limb.master][SWITCH] = value
            rigify.update_tag()
            self.note(f"switched to {name} by Rigify's buttons, mm", self.moved(before))
        bpy.ops.object.mode_set(mode="OBJECT")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--estimates", type=Path)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--skip", type=int, default=0, help="leave out so many of the people, the first")
    parser.add_argument("--body", default="default-lod2")
    arguments = parser.parse_args()
    body = Body.load(body_path(arguments.body))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    add_on.enable()
    bench = Bench(body)
    for parameters in _people(body, arguments.estimates, arguments.people)[arguments.skip :]:
        bench.person(parameters)
    print(f"{len(bench.found['mesh in IK, mm'])} people on Blender {bpy.app.version_string}: largest (mean)")
    for what, values in bench.found.items():
        print(f"{what:55} {max(values):10.4g} ({np.mean(values):.3g})")
    sys.stdout.flush()
    os._exit(0)  # some releases of bpy crash or wait for ever while the interpreter winds down


def _people(body: Body, folder: Path | None, count: int) -> list[Array]:
    files = [] if folder is None else sorted(folder.rglob("*.npz"))[:count]
    read = [np.load(file)["model_parameters"].reshape(-1)[:204].astype(np.float64) for file in files]
    if len(read) == count:
        return read
    count -= len(read)
    rng = np.random.default_rng(1)
    people = likely_poses(body, count)
    for slider in RigMap.of(body).section("skeleton"):
        low, high = body.limit_min[slider.index], body.limit_max[slider.index]
        if np.isfinite([low, high]).all():
            people[:, slider.index] = _SKELETON * rng.uniform(low, high, count)
    return [*read, *people]


if __name__ == "__main__":
    main()
