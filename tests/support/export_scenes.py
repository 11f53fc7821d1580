"""Random scenes with characters as artists leave them, what Blender shows of them, and what arrives in other programs.

Nothing here uses the code of the exports: places come from Blender's evaluated scene before anything is hidden, and
from Blender's importers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from mathutils.kdtree import KDTree
from numpy.typing import NDArray

from native_runtime.characters.exports.options import ExportOptions
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from sam3db_blender.exports.export import export_character
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.pose import apply_parameters
from sam3db_blender.scene.character import build_character
from sam3db_blender.scene.materials import body_materials
from tests.support.empty_blender import empty_blender
from tests.support.estimates import neutral_estimate
from tests.support.poses import likely_poses
from tests.support.reimport import open_again

Array = NDArray[np.float64]

#: Every option is drawn from these.
TARGETS = ("mhr", "mixamo", "rigify", "unity", "unreal", "vrm")
FORMATS = ("fbx", "glb", "bvh", "usd")
#: m: what arrives may lie so far from where it should.
CLOSE = 1e-3
_OFF = re.compile(r"and (\d+) mm at most")
_JOINTS_OFF = re.compile(r"joints are up to (\d+) mm off")


@dataclass(frozen=True)
class Shown:
    """What Blender shows of a character, m: points (V, 3) of each mesh, those of them that lie in a face, and the head
    (3,) of each bone.
    """

    meshes: dict[str, Array]
    surfaces: dict[str, Array]
    bones: dict[str, Array]


@dataclass
class Somebody:
    """A character of a scene.

    Attributes:
        rig: its armature.
        meshes: all that belongs to it.
        hidden: those of them that are hidden.
        left_out: names that no file can hold, which an export has to mention.
        what: what was done to it, in words.
        now: (V, 3) m of each mesh, and (3,) m of each bone, as Blender shows them.
        frames: the same at each keyed frame.
        faces: how many faces and triangles each mesh has.
    """

    rig: bpy.types.Object
    meshes: list[bpy.types.Object]
    hidden: list[bpy.types.Object] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    what: list[str] = field(default_factory=list)
    now: Shown = field(default_factory=lambda: Shown({}, {}, {}))
    frames: list[Shown] = field(default_factory=list)
    faces: dict[str, tuple[int, int]] = field(default_factory=dict)


def stiff(body: Body) -> Body:
    """The body, each vertex of which one bone moves: however it is bound, it is posed alike."""
    weights = np.zeros_like(body.skin_weights)
    weights[:, 0] = 1.0
    return replace(body, skin_weights=weights)


# --- scenes ----------------------------------------------------------------------------------------------------------


def random_scene(seed: int, body: Body, folder: Path) -> list[Somebody]:
    """One or two characters in an empty file, with what artists do to them."""
    empty_blender()
    rng = np.random.default_rng(seed)
    unit = float(rng.choice([1.0, 1.0, 1.0, 0.01, 0.001, 2.0]))
    overridden = rng.random() < 0.15
    people = []
    for number in range(1 + int(rng.random() < 0.25)):
        people.append(_somebody(f"person{number}", body, rng, 1.0 if overridden else unit))
    if overridden:
        people = _as_overrides(people, folder / f"library{seed}.blend")
    bpy.context.scene.unit_settings.scale_length = unit
    for person in people:
        if overridden:
            person.rig.location.x += 0.3 / unit
            person.rig.scale = [1.0 / unit] * 3
        person.what.append(f"unit {unit}")
        _animate(person, rng)
    for person in people:
        _see(person, unit)
        _hide(person, rng)
    return people


def _somebody(name: str, body: Body, rng: np.random.Generator, unit: float) -> Somebody:
    made = build_character(name, neutral_estimate(body), body, body_materials(body), bpy.context.scene.collection)
    rig, mesh = made.rig, made.mesh
    apply_parameters(rig, body, likely_poses(body, 1, int(rng.integers(1 << 30)))[0])
    rig.location = rng.uniform(-1, 1, 3) * (2, 2, 0.5) / unit
    rig.rotation_euler = rng.uniform(-1, 1, 3) * (0.1, 0.1, 3)
    rig.scale = [float(rng.choice([1.0, 1.0, 0.8, 1.3])) / unit] * 3
    person = Somebody(rig, [mesh])
    bpy.context.view_layer.update()
    for chance, change in (
        (0.3, _add_shape_key),
        (0.3, _add_cloth),
        (0.3, _add_prop),
        (0.2, _add_follower),
        (0.2, _add_hair),
        (0.35, _add_modifier),
        (0.3, _separate),
        (0.3, _unparent),
    ):
        if rng.random() < chance:
            change(person, rng)
    bpy.context.view_layer.update()
    return person


def _separate(person: Somebody, rng: np.random.Generator) -> None:
    before = set(bpy.data.objects)
    mesh = person.meshes[0]
    for obj in bpy.context.selected_objects:
        obj.select_set(False)
    mesh.select_set(True)
    bpy.context.view_layer.objects.active = mesh
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.separate(type="MATERIAL")
    bpy.ops.object.mode_set(mode="OBJECT")
    person.meshes += [obj for obj in bpy.data.objects if obj not in before]
    person.what.append("separated")


def _unparent(person: Somebody, rng: np.random.Generator) -> None:
    for mesh in person.meshes:
        if any(modifier.type == "ARMATURE" for modifier in mesh.modifiers):
            world = mesh.matrix_world.copy()
            mesh.parent = None
            mesh.matrix_world = world
    person.what.append("unparented")


def _add_shape_key(person: Somebody, rng: np.random.Generator) -> None:
    mesh: Any = person.meshes[0]
    key = mesh.shape_key_add(name="own shape", from_mix=False)
    for point in key.data:
        point.co += point.co * 0.0 + _vector(rng, 0.02)
    key.value = float(rng.uniform(0, 1))
    person.what.append("own shape key")


def _add_modifier(person: Somebody, rng: np.random.Generator) -> None:
    mesh = person.meshes[int(rng.integers(len(person.meshes)))]
    kind = str(rng.choice(["SUBSURF", "DECIMATE", "DISPLACE", "SOLIDIFY", "TRIANGULATE", "PRESERVE", "MASK"]))
    if kind == "PRESERVE":
        for modifier in mesh.modifiers:
            if modifier.type == "ARMATURE":
                modifier.use_deform_preserve_volume = True
    else:
        modifier: Any = mesh.modifiers.new(kind.title(), kind)
        if kind == "SUBSURF":
            modifier.levels = 1
        elif kind == "DECIMATE":
            modifier.ratio = 0.6
        elif kind == "DISPLACE":
            modifier.strength, modifier.direction, modifier.mid_level = 0.02, "Z", 0.0
        elif kind == "SOLIDIFY":
            modifier.thickness = 0.01
        elif kind == "MASK" and mesh.vertex_groups:
            modifier.vertex_group = mesh.vertex_groups[int(rng.integers(len(mesh.vertex_groups)))].name
            modifier.invert_vertex_group = True
        if rng.random() < 0.5:
            while mesh.modifiers[0] != modifier:  # before the bones move it
                with bpy.context.temp_override(object=mesh):
                    bpy.ops.object.modifier_move_up(modifier=modifier.name)
    person.what.append(f"{kind} on {mesh.name}")


def _add_cloth(person: Somebody, rng: np.random.Generator) -> None:
    """A copy of a part of the skin with its weights, farther out; without the body's mark and shapes."""
    skin = person.meshes[0]
    cloth = skin.copy()
    cloth.data = skin.data.copy()
    bpy.context.scene.collection.objects.link(cloth)
    cloth.shape_key_clear()
    for name in list(cloth.keys()):
        del cloth[name]
    cloth.name = f"{person.rig.name} Shirt"
    data: Any = cloth.data
    kept = int(rng.integers(100, len(data.polygons) - 50))
    while len(data.polygons) > kept:
        _drop_vertices(cloth, len(data.vertices) - 80)
    for vertex in data.vertices:
        vertex.co += vertex.normal * 0.01
    person.meshes.append(cloth)
    person.what.append("cloth")


def _drop_vertices(obj: bpy.types.Object, first: int) -> None:
    """Removes the last vertices of a mesh."""
    import bmesh

    work = bmesh.new()
    work.from_mesh(obj.data)
    work.verts.ensure_lookup_table()
    bmesh.ops.delete(work, geom=work.verts[first:], context="VERTS")
    work.to_mesh(obj.data)
    work.free()


def _add_prop(person: Somebody, rng: np.random.Generator) -> None:
    """A hat on the head, perhaps with a feather on the hat; or something that hangs on the rig as a whole."""
    hat = _box(f"{person.rig.name} Hat", rng)
    hat.parent = person.rig
    if rng.random() < 0.7:
        hat.parent_type, hat.parent_bone = "BONE", str(rng.choice(["c_head", "l_wrist", "r_lowleg"]))
    hat.location = rng.uniform(-0.1, 0.1, 3)
    hat.scale = rng.uniform(0.5, 1.5, 3)
    person.meshes.append(hat)
    if rng.random() < 0.5:
        feather = _box(f"{person.rig.name} Feather", rng)
        feather.parent, feather.location = hat, (0.0, 0.05, 0.1)
        person.meshes.append(feather)
    person.what.append("prop")


def _add_follower(person: Somebody, rng: np.random.Generator) -> None:
    """Something that follows a bone by a constraint."""
    thing = _box(f"{person.rig.name} Bag", rng)
    constraint: Any = thing.constraints.new("COPY_TRANSFORMS")
    constraint.target, constraint.subtarget = person.rig, "c_spine2"
    person.meshes.append(thing)
    person.what.append("constraint")


def _add_hair(person: Somebody, rng: np.random.Generator) -> None:
    curve = bpy.data.curves.new("hair", "CURVE")
    curve.splines.new("POLY").points.add(3)
    hair = bpy.data.objects.new(f"{person.rig.name} Hair", curve)
    bpy.context.scene.collection.objects.link(hair)
    hair.parent, hair.parent_type, hair.parent_bone = person.rig, "BONE", "c_head"
    person.left_out.append(hair.name)
    person.what.append("hair curve")


def _box(name: str, rng: np.random.Generator) -> bpy.types.Object:
    corners = 0.06 * np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    data = bpy.data.meshes.new(name)
    data.from_pydata((corners + rng.uniform(-0.01, 0.01, corners.shape)).tolist(), [], quads)
    obj = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(obj)
    return obj


def _vector(rng: np.random.Generator, size: float) -> Any:
    from mathutils import Vector

    return Vector(rng.normal(0, size, 3).tolist())


def _as_overrides(people: Sequence[Somebody], path: Path) -> list[Somebody]:
    """The same characters linked from another file as library overrides, turned a little."""
    names = [person.rig.name for person in people]
    kept = [([mesh.name for mesh in person.meshes], person.left_out, person.what) for person in people]
    collection = bpy.data.collections.new("people")
    for obj in list(bpy.context.scene.objects):
        collection.objects.link(obj)
        bpy.context.scene.collection.objects.unlink(obj)
    bpy.data.libraries.write(str(path), {collection}, fake_user=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(path), link=True) as (source, wanted):
        wanted.collections = list(source.collections)
    scene, layer = bpy.context.scene, bpy.context.view_layer
    wanted.collections[0].override_hierarchy_create(scene, layer, do_fully_editable=True)
    found = []
    for name, (meshes, left_out, what) in zip(names, kept):
        of_name = {obj.name: obj for obj in scene.objects if obj.library is None}
        rig = of_name[name]
        rig.pose.bones["l_uparm"].rotation_euler.x += 0.4
        found.append(Somebody(rig, [of_name[mesh] for mesh in meshes], left_out=left_out, what=[*what, "overridden"]))
    layer.update()
    return found


def _animate(person: Somebody, rng: np.random.Generator) -> None:
    """Keys some bones, the place and perhaps a shape; then a change that nobody keyed."""
    if rng.random() < 0.4:
        first, last = int(rng.integers(-3, 20)), int(rng.integers(25, 30))
        bones = [person.rig.pose.bones[name] for name in ("l_uparm", "r_upleg", "c_neck")]
        keys = getattr(person.meshes[0].data, "shape_keys", None)
        shape = keys.key_blocks.get("own shape") if keys else None
        for frame in (first, last):
            for bone in bones:
                bone.rotation_euler.x += float(rng.normal(0, 0.3))
                bone.keyframe_insert("rotation_euler", frame=frame)
            person.rig.location.x += float(rng.normal(0, 0.3)) * person.rig.scale[0]
            person.rig.keyframe_insert("location", frame=frame)
            if shape is not None and "overridden" not in person.what:
                shape.value = float(rng.uniform(0, 1))
                shape.keyframe_insert("value", frame=frame)
        person.what.append(f"keyed {first}:{last}")
        bpy.context.scene.frame_set(int(rng.integers(first, last + 1)))
        if rng.random() < 0.5:
            bones[0].rotation_euler.x += 0.3
            person.what.append("tweaked")
    bpy.context.view_layer.update()


def keyed(person: Somebody) -> tuple[int, int] | None:
    """The first and last keyed frame."""
    for word in person.what:
        if word.startswith("keyed "):
            first, last = word.removeprefix("keyed ").split(":")
            return int(first), int(last)
    return None


def _see(person: Somebody, unit: float) -> None:
    """Notes what Blender shows, now and at all keyed frames; the frame is the same afterwards, tweaks included."""
    scene = bpy.context.scene
    person.now = _shown(person, unit)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    for mesh in person.meshes:
        data: Any = bpy.data.meshes.new_from_object(mesh.evaluated_get(depsgraph), depsgraph=depsgraph)
        data.validate()  # two faces on the same vertices show as one
        data.calc_loop_triangles()
        person.faces[mesh.name] = (len(data.polygons), len(data.loop_triangles))
        bpy.data.meshes.remove(data)
    span = keyed(person)
    if span is not None:
        frame, bone = scene.frame_current, person.rig.pose.bones["l_uparm"]
        tweaked = bone.rotation_euler.copy()
        for number in range(span[0], span[1] + 1):
            scene.frame_set(number)
            person.frames.append(_shown(person, unit))
        scene.frame_set(frame)
        bone.rotation_euler = tweaked
        bpy.context.view_layer.update()


def _shown(person: Somebody, unit: float) -> Shown:
    depsgraph = bpy.context.evaluated_depsgraph_get()
    points = {mesh.name: unit * evaluated_vertices(mesh, depsgraph) for mesh in person.meshes}
    return Shown(
        points,
        {mesh.name: points[mesh.name][_in_faces(mesh, depsgraph)] for mesh in person.meshes},
        {name: unit * head for name, head in bone_heads(person.rig).items()},
    )


def _in_faces(mesh: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> NDArray[np.int32]:
    """The vertices of a mesh that lie in a face."""
    loops: Any = mesh.evaluated_get(depsgraph).data.loops  # type: ignore[union-attr]
    corners = np.empty(len(loops), np.int32)
    loops.foreach_get("vertex_index", corners)
    return np.unique(corners)


def bone_heads(rig: bpy.types.Object) -> dict[str, Array]:
    """Where the bones of an armature begin, world."""
    now = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return {bone.name: np.array(now.matrix_world @ bone.head) for bone in now.pose.bones}


def _hide(person: Somebody, rng: np.random.Generator) -> None:
    if rng.random() < 0.4:
        chosen = [mesh for mesh in person.meshes if rng.random() < 0.5] or person.meshes[:1]
        for mesh in chosen:
            way = str(rng.choice(["eye", "screen", "render", "collection"]))
            if way == "eye":
                mesh.hide_set(True)
            elif way == "screen":
                mesh.hide_viewport = True
            elif way == "render":
                mesh.hide_render = True
            elif mesh.override_library is None:  # an overridden collection keeps its objects
                _exclude(mesh)
            else:
                mesh.hide_set(True)
            person.what.append(f"{mesh.name} hidden by {way}")
        person.hidden = chosen
    if rng.random() < 0.2:
        person.rig.hide_set(True)
        person.what.append("rig hidden")
    bpy.context.view_layer.update()


def _exclude(obj: bpy.types.Object) -> None:
    """Puts an object into a collection that the view layer leaves out."""
    collection = bpy.data.collections.new("hidden")
    bpy.context.scene.collection.children.link(collection)
    for home in list(obj.users_collection):
        home.objects.unlink(obj)
    collection.objects.link(obj)
    bpy.context.view_layer.layer_collection.children[collection.name].exclude = True


# --- round trips -----------------------------------------------------------------------------------------------------


def random_options(rng: np.random.Generator, to: str) -> ExportOptions:
    """Options of an export."""
    options = replace(ExportOptions.for_target(str(rng.choice(TARGETS))), to=to)
    if rng.random() < 0.6:
        options = replace(
            options,
            rest=str(rng.choice(["current", "t", "a"])),
            twist=str(rng.choice(["keep", "fold"])),
            shapes=str(rng.choice(["keep", "bake"])),
            influences=int(rng.choice([4, 8])),
            pose=bool(rng.random() < 0.8),
            frames=str(rng.choice(["action", "action", "current"])),
            positions=bool(rng.random() < 0.3),
            visible_only=bool(rng.random() < 0.3),
        )
    return options


@dataclass(frozen=True)
class Trip:
    """An export that is to be read again: where it is, and what should be in it.

    Attributes:
        shown: what Blender shows at each frame of the file; empty where the file holds another pose.
        meshes: the names of the meshes that it should hold.
        faces: how many faces there should be.
        notes: what the export said.
    """

    path: Path
    options: ExportOptions
    shown: list[Shown]
    meshes: list[str]
    faces: int
    notes: list[str]
    what: str

    @property
    def bar(self) -> float:
        """m: how far vertices may lie from what Blender shows: what the notes name, and a millimetre.

        Where nothing moves there is nothing to excuse.
        """
        return CLOSE if self.options.rest == "current" and len(self.shown) == 1 else self._named(_OFF)

    @property
    def joint_bar(self) -> float:
        """m: the same for joints."""
        return self._named(_JOINTS_OFF)

    def _named(self, pattern: re.Pattern[str]) -> float:
        named = [int(found[1]) for note in self.notes if (found := pattern.search(note))]
        return CLOSE + 1e-3 * (max(named) + 0.5 if named else 0)


def write(person: Somebody, options: ExportOptions, path: Path) -> Trip | str | None:
    """Exports somebody: the file with what should be in it, or what is wrong; None where it was refused rightly."""
    what = f"{options.to} {options.names} {options.rest}; {', '.join(person.what)}"
    nothing = options.visible_only and options.to != "bvh" and len(person.hidden) == len(person.meshes)
    try:
        notes = export_character(person.rig, path, options)
    except Sam3dbError as error:
        return None if nothing and "Visible Only" in str(error) else f"{what}: {error}"
    said = " ".join(notes)
    shown = [mesh for mesh in person.meshes if mesh not in person.hidden or not options.visible_only]
    for mesh in person.hidden:
        if options.to != "bvh" and mesh.name not in said:
            return f"{what}: nothing said of '{mesh.name}', which is hidden"
    for name in person.left_out:
        if options.to != "bvh" and name not in said:
            return f"{what}: nothing said of '{name}'"
    moves = bool(person.frames) and options.pose and not options.is_vrm and options.frames == "action"
    if person.frames and not moves and "nimation" not in said:
        return f"{what}: nothing said of the animation that was left out"
    in_pose = moves or options.rest == "current" or (options.pose and not options.is_vrm)
    names = [] if options.to == "bvh" else [mesh.name for mesh in shown]
    faces = sum(person.faces[name][options.to == "glb"] for name in names)
    poses = (person.frames if moves else [person.now]) if in_pose else []
    return Trip(path, options, poses, names, faces, notes, what)


def fault_of(trip: Trip) -> tuple[str | None, float]:
    """What is wrong with a file, None where nothing is, and the largest distance from what Blender shows (m)."""
    open_again(trip.path)
    scene = bpy.context.scene
    meshes = [obj for obj in bpy.data.objects if obj.type == "MESH" and obj.modifiers]
    faces = sum(len(obj.data.polygons) for obj in meshes)
    if faces != trip.faces:
        return f"{trip.what}: {faces} faces arrived of {trip.faces}", 0.0
    for obj in meshes:
        most = max((sum(group.weight > 0 for group in vertex.groups) for vertex in obj.data.vertices), default=0)
        if most > trip.options.influences:
            return f"{trip.what}: {most} bones move a vertex", 0.0
    start = round(min((action.frame_range[0] for action in bpy.data.actions), default=1))
    ends = [action.frame_range[1] for action in bpy.data.actions]
    if len(trip.shown) > 1 and round(max(ends, default=1)) - start + 1 < len(trip.shown):
        return f"{trip.what}: {round(max(ends, default=1)) - start + 1} frames of {len(trip.shown)}", 0.0
    worst = 0.0
    for number in sorted({0, len(trip.shown) // 2, len(trip.shown) - 1} if trip.shown else ()):
        scene.frame_set(start + number)
        where = f"{trip.what}: frame {number}"
        off, bar = _joints_off(trip, number), trip.joint_bar
        if off > bar:
            return f"{where}: joints lie {1e3 * off:.1f} mm off, {1e3 * bar:.1f} allowed", off
        off, bar = _meshes_off(trip, number, meshes), trip.bar
        worst = max(worst, off)
        if off > bar:
            return f"{where}: meshes lie {1e3 * off:.1f} mm off, {1e3 * bar:.1f} allowed", off
    return None, worst


def _joints_off(trip: Trip, number: int) -> float:
    """How far joints lie off, where the file has MHR's own."""
    if trip.options.names != "mhr":
        return 0.0
    found = bone_heads(next(obj for obj in bpy.data.objects if obj.type == "ARMATURE"))
    joints = {name: head for name, head in trip.shown[number].bones.items() if name in found}
    if trip.options.to == "bvh" and not trip.options.positions:
        del joints["body_world"]  # it moves with the hips, as no other bone has a position
    assert len(joints) > 80  # all but the twist bones, which may be folded
    return max(float(np.linalg.norm(head - found[name])) for name, head in joints.items())


def _meshes_off(trip: Trip, number: int, meshes: Sequence[bpy.types.Object]) -> float:
    depsgraph = bpy.context.evaluated_depsgraph_get()
    found = np.concatenate([np.zeros((0, 3)), *(evaluated_vertices(obj, depsgraph) for obj in meshes)])
    shown = trip.shown[number]
    clouds = shown.surfaces if trip.options.to == "glb" else shown.meshes  # glTF files hold faces alone
    wanted = np.concatenate([np.zeros((0, 3)), *(clouds[name] for name in trip.meshes)])
    if any("other vertices than now" in note for note in trip.notes):
        return _surface_distance(wanted, meshes)
    return cloud_distance(found, wanted)


def _surface_distance(points: Array, meshes: Sequence[bpy.types.Object]) -> float:
    """The largest distance from a point to the nearest surface of some meshes of a file (m)."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    # files bring their axes as the turn of an object, and trees are in the object's own
    trees = [(obj.matrix_world, obj.matrix_world.inverted(), BVHTree.FromObject(obj, depsgraph)) for obj in meshes]

    def distance(point: Vector) -> float:
        places = [(world, tree.find_nearest(back @ point)[0]) for world, back, tree in trees]
        return min((world @ place - point).length for world, place in places if place is not None)

    return max((distance(Vector(point)) for point in points.tolist()), default=0.0)


def cloud_distance(found: Array, expected: Array) -> float:
    """The largest distance from a point of one to the nearest of the other, both ways (m)."""
    return max(_nearest(found, expected), _nearest(expected, found))


def _nearest(points: Array, others: Array) -> float:
    tree = KDTree(len(others))
    for i, point in enumerate(others.tolist()):
        tree.insert(point, i)
    tree.balance()
    return max((tree.find(point)[2] for point in points.tolist()), default=0.0)


@dataclass
class Outcome:
    """What became of a scene's exports: how many files there were, what is wrong, how far each lies off (m), and which
    of them named how far the export itself is off.
    """

    files: int = 0
    faults: list[str] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)
    named: int = 0


def round_trips(seed: int, body: Body, folder: Path, formats: Sequence[str] = FORMATS) -> Outcome:
    """A random scene through some formats and back."""
    rng = np.random.default_rng(seed + 1_000_000)
    outcome, trips = Outcome(), []
    for person in random_scene(seed, body, folder):
        for to in formats:
            options = random_options(rng, to)
            outcome.files += 1
            path = folder / f"{seed}_{person.rig.name.split()[0]}_{to}{options.suffix}"
            trips.append(write(person, options, path))
    for trip in filter(None, trips):
        fault, off = (trip, 0.0) if isinstance(trip, str) else fault_of(trip)
        if fault is not None:
            outcome.faults.append(f"scene {seed}: {fault}")
        elif not isinstance(trip, str) and trip.shown and trip.meshes:
            outcome.distances.append(off)
            outcome.named += trip.bar > CLOSE
    return outcome
