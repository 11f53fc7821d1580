"""Do two checkouts make the same estimates and the same characters of the same photos?

    python -m bench.compare_checkouts OLD NEW [--photos PHOTO ...] [--work DIR]

Each checkout works in its own folder, with the Python of its own .venv, on the same models: `sam3db estimate` and
`sam3db character` with everybody in the photos, and `sam3db estimate` of the first photo with a prompt and a given
lens. Then

* every number of an estimate (.npz and .json) must be the same, bit for bit. Names may be added, never changed; times,
  versions and the wording of sentences may differ, not how many sentences there are;
* every .blend must hold the same joints (bones at rest and as evaluated, constraints), mesh (vertices at rest and as
  evaluated, polygons, UVs, weights), shape keys, drivers (paths, expressions, variables) and objects (places, cameras).

It prints a line for each file and ends with 1 when anything differs. Without --photos it takes examples/ and three
photos of the folder ../shared/photos, where there is one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
SHARED_PHOTOS = ("dancing.jpg", "bus.jpg", "basketball1.png")
#: What may differ between two runs or two versions.
PASSING = frozenset({"seconds", "format", "version"})
#: Sentences for people, of which only the number is compared.
SENTENCES = frozenset({"warnings", "prompt_warnings", "reason"})
PARTS = ("estimate", "joints", "mesh", "shape keys", "drivers", "objects")

#: Values by name; the part of a name before the first slash is one of ``PARTS``.
Contents = Mapping[str, NDArray[Any]]


def default_photos() -> list[Path]:
    shared = (ROOT.parent / "shared" / "photos" / name for name in SHARED_PHOTOS)
    return [*sorted((ROOT / "examples").glob("*.jpg")), *(photo for photo in shared if photo.is_file())]


# --- making the files -------------------------------------------------------------------------------------------------


def run_checkout(checkout: Path, photos: list[Path], out: Path) -> None:
    """Let a checkout write ``out/estimate``, ``out/character`` and ``out/prompts``."""
    prompts = out / "prompts.json"
    prompts.write_text(json.dumps({"keypoints": [["left_wrist", 400, 300]]}))
    runs: dict[str, tuple[str | Path, ...]] = {
        "estimate": ("estimate", "--person", "all", *photos),
        "character": ("character", "--person", "all", "--no-preview", *photos),
        "prompts": ("estimate", "--fov-deg", "50", "--prompts", prompts, photos[0]),
    }
    python = checkout / ".venv" / "bin" / "python"
    for name, words in runs.items():
        print(f"{checkout}: {name}", file=sys.stderr, flush=True)
        command = [python, "-m", "native_runtime.cli", *words, "-o", out / name, "--json"]
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{checkout}: {' '.join(map(str, command))} failed:\n{done.stderr}")


def read_blends(out: Path) -> None:
    """Write beside each .blend of a folder its contents, ``NAME.blend.npz``, with Blender in a process of its own."""
    command = [sys.executable, "-m", "bench.compare_checkouts", "--read", str(out)]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)


# --- what a .blend holds ----------------------------------------------------------------------------------------------


def blend_contents(path: Path) -> dict[str, NDArray[Any]]:
    """Everything that is compared of a .blend, as Blender evaluates it without the extension."""
    import bpy

    bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
    graph = bpy.context.evaluated_depsgraph_get()
    found: dict[str, NDArray[Any]] = {}
    for thing in bpy.data.objects:
        evaluated = thing.evaluated_get(graph)
        found[f"objects/{thing.name}"] = np.array([thing.type, str(thing.parent and thing.parent.name)])
        found[f"objects/{thing.name} place"] = np.array(evaluated.matrix_world)
        if thing.type == "CAMERA":
            found[f"objects/{thing.name} lens"] = _numbers(thing.data, ["lens", "sensor_width", "shift_x", "shift_y"])
        elif thing.type == "ARMATURE":
            found |= {f"joints/{thing.name} {name}": value for name, value in _joints(thing, evaluated).items()}
        elif thing.type == "MESH":
            found |= {f"mesh/{thing.name} {name}": value for name, value in _mesh(thing, evaluated.data).items()}
            found |= {f"shape keys/{thing.name} {name}": value for name, value in _shape_keys(thing.data).items()}
    every = (data for name in ("objects", "armatures", "meshes", "shape_keys", "cameras", "materials", "scenes")
             for data in getattr(bpy.data, name))  # fmt: skip
    found["drivers/all"] = np.array(sorted(line for data in every for line in _drivers(data)), dtype=np.str_)
    return found


def _numbers(thing: Any, names: Iterable[str]) -> NDArray[Any]:
    return np.array([getattr(thing, name) for name in names])


def _joints(rig: Any, evaluated: Any) -> dict[str, NDArray[Any]]:
    bones, pose = rig.data.bones, rig.pose.bones
    return {
        "names": np.array([f"{bone.name} < {bone.parent and bone.parent.name}" for bone in bones]),
        "rest": np.array([bone.matrix_local for bone in bones]),
        "lengths": np.array([bone.length for bone in bones]),
        "evaluated": np.array([bone.matrix for bone in evaluated.pose.bones]),
        "channels": np.array([[*b.location, *b.rotation_quaternion, *b.rotation_euler, *b.scale] for b in pose]),
        "modes": np.array([f"{b.rotation_mode} {b.bone.use_deform} {b.bone.inherit_scale}" for b in pose]),
        "constraints": np.array(
            [
                f"{bone.name}: {c.type} {c.subtarget if 'subtarget' in c.bl_rna.properties else ''} {c.influence}"
                for bone in pose
                for c in bone.constraints
            ],
            dtype=np.str_,
        ),
        "sliders": np.array([f"{k}: {v}" for k, v in sorted(rig.items()) if isinstance(v, float)], dtype=np.str_),
    }


def _mesh(thing: Any, evaluated: Any) -> dict[str, NDArray[Any]]:
    mesh = thing.data
    groups = [(v.index, g.group, g.weight) for v in mesh.vertices for g in v.groups]
    found = {
        "rest": _taken(mesh.vertices, "co", 3),
        "evaluated": _taken(evaluated.vertices, "co", 3),
        "corners": _taken(mesh.loops, "vertex_index", 1, np.int32),
        "polygons": _taken(mesh.polygons, "loop_total", 1, np.int32),
        "materials": _taken(mesh.polygons, "material_index", 1, np.int32),
        "weights": np.array(groups, dtype=np.float64),
        "groups": np.array([group.name for group in thing.vertex_groups], dtype=np.str_),
        "modifiers": np.array([f"{m.name} {m.type}" for m in thing.modifiers], dtype=np.str_),
    }
    return found | {f"UV {layer.name}": _taken(layer.uv, "vector", 2) for layer in mesh.uv_layers}


def _shape_keys(mesh: Any) -> dict[str, NDArray[Any]]:
    keys = mesh.shape_keys.key_blocks if mesh.shape_keys else []
    found = {key.name: _taken(key.data, "co", 3) for key in keys}
    return found | {f"{key.name} value": _numbers(key, ("value", "slider_min", "slider_max", "mute")) for key in keys}


def _taken(collection: Any, name: str, width: int, kind: type = np.float32) -> NDArray[Any]:
    values = np.empty(len(collection) * width, dtype=kind)
    collection.foreach_get(name, values)
    return values.reshape(-1, width)


def _drivers(data: Any) -> Iterator[str]:
    for curve in data.animation_data.drivers if data.animation_data else ():
        driver = curve.driver
        variables = [
            f"{v.name} {v.type} {t.id and t.id.name} {t.data_path} {t.bone_target} {t.transform_type} "
            f"{t.transform_space} {t.rotation_mode}"
            for v in driver.variables
            for t in v.targets
        ]
        points = [tuple(point.co) for point in curve.keyframe_points]
        channel = f"{data.name} {curve.data_path}[{curve.array_index}]"
        yield f"{channel} = {driver.type} {driver.expression} {variables} {points}"


# --- comparing --------------------------------------------------------------------------------------------------------


def estimate_contents(path: Path) -> dict[str, NDArray[Any]]:
    """Arrays and words of an estimate's file (.npz or .json), without what may differ."""
    if path.suffix == ".json":
        return {f"estimate/{name}": np.array(value) for name, value in _leaves(json.loads(path.read_text()))}
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    words = dict(_leaves(json.loads(str(arrays.pop("about")))))
    return {f"estimate/{name}": np.array(value) for name, value in {**arrays, **words}.items()}


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if pairs is None or (isinstance(value, list) and value and not isinstance(value[0], dict | list | str)):
        yield name, str(value) if value is None else value
    else:
        for key, inner in pairs:
            if key in SENTENCES:
                yield f"{name}.{key}".lstrip("."), len(inner) if isinstance(inner, list) else 1
            elif key not in PASSING:
                yield from _leaves(inner, f"{name}.{key}".lstrip("."))


def differences(old: Contents, new: Contents, may_add: bool) -> dict[str, list[str]]:
    """What differs, by part: names with the largest difference where both are numbers of one shape."""
    found: dict[str, list[str]] = {part: [] for part in PARTS}
    for name in sorted(old.keys() | (set() if may_add else new.keys())):
        part, _, rest = name.partition("/")
        a, b = old.get(name), new.get(name)
        if a is None or b is None:
            found[part].append(f"{rest} {'is new' if a is None else 'is missing'}")
        elif (a.dtype != b.dtype and "U" not in (a.dtype.kind, b.dtype.kind)) or a.shape != b.shape:
            found[part].append(f"{rest}: {a.dtype} {a.shape} became {b.dtype} {b.shape}")
        elif a.dtype.kind == "U" or b.dtype.kind == "U":
            if (count := int(np.sum(a != b))) != 0:
                found[part].append(f"{rest}: {count} of {a.size} texts")
        elif a.tobytes() != b.tobytes():
            found[part].append(f"{rest}: by {np.nanmax(np.abs(a.astype(float) - b.astype(float))):.3g}")
    return {part: texts for part, texts in found.items() if texts}


def compare_folders(old: Path, new: Path) -> bool:
    """Print a line for each file of two folders; True when all are the same."""
    names = [{str(p.relative_to(out)) for p in out.glob("*/*.*") if p.suffix != ".blend"} for out in (old, new)]
    same = True
    for name in sorted(names[0] | names[1]):
        blend = name.endswith(".blend.npz")
        if name not in names[0] or name not in names[1]:
            texts = {"file": [f"only in the {'old' if name in names[0] else 'new'} checkout"]}
        elif blend:
            with np.load(old / name) as a, np.load(new / name) as b:
                texts = differences(dict(a), dict(b), may_add=False)
        else:
            texts = differences(estimate_contents(old / name), estimate_contents(new / name), may_add=True)
        same = same and not texts
        print(f"{name.removesuffix('.npz') if blend else name:<44} {'DIFFERENT' if texts else 'same'}")
        for part, lines in texts.items():
            print(
                *(f"    {part}: {line}" for line in lines[:8]),
                *[f"    and {len(lines) - 8} more"] * (len(lines) > 8),
                sep="\n",
            )
    return same and bool(names[0])


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--photos", type=Path, nargs="+", default=default_photos())
    parser.add_argument("--work", type=Path, help="an empty folder that keeps the files (default: a temporary one)")
    if sys.argv[1:2] == ["--read"]:
        for blend in sorted(Path(sys.argv[2]).glob("*/*.blend")):
            np.savez(f"{blend}.npz", **blend_contents(blend))
        return 0
    arguments = parser.parse_args()
    photos = [photo.absolute() for photo in arguments.photos]
    with tempfile.TemporaryDirectory() as temporary:
        folders = []
        for name in ("old", "new"):
            folders.append(Path(arguments.work or temporary).absolute() / name)
            folders[-1].mkdir(parents=True)
            run_checkout(getattr(arguments, name).absolute(), photos, folders[-1])
            read_blends(folders[-1])
        same = compare_folders(*folders)
    print("The checkouts make the same." if same else "The checkouts differ.")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
