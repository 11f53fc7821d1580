"""Retarget maps: the bones of another program's skeleton and the MHR joints that they correspond to.

A map is a JSON file in ``rig_templates/retarget`` or in a folder of the user's own; docs/exports.md describes it. The
map ``mhr`` is the identity and needs no file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from native_runtime.errors import UsageError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.formats import Format
from native_runtime.mhr import load_rig_facts

FORMAT = Format("sam3db-retarget")
#: The identity: MHR's own names.
MHR = "mhr"

_FOLDER = "retarget"
#: Without these no skeleton of a human can be posed.
NEEDED = (
    "root",
    "c_head",
    *(f"{side}_{part}" for side in "lr" for part in ("uparm", "lowarm", "wrist", "upleg", "lowleg", "foot")),
)


@dataclass(frozen=True)
class MappedBone:
    """One bone of the other skeleton.

    Attributes:
        bone: its name, without the map's prefix.
        joint: the MHR joint that stands at its head and turns with it.
        parent: the bone that it hangs on; None for the first.
        required: a skeleton without it is not of this kind.
        mirror: the bone of the other side; None in the middle of the body.
        toward, along: for bones that MHR has no joint for: the head lies this part of the way from ``joint`` to
            ``toward`` (negative: the other way), and the bone turns with ``joint``.
    """

    bone: str
    joint: str
    parent: str | None = None
    required: bool = False
    mirror: str | None = None
    toward: str | None = None
    along: float = 0.0

    @property
    def stands_for_joint(self) -> bool:
        """Whether the bone stands where its joint does, and not somewhere between two."""
        return self.toward is None


@dataclass(frozen=True)
class RetargetMap:
    """A skeleton of another program in terms of MHR.

    Attributes:
        name: by which it is chosen.
        title: what people read.
        bones: a parent stands before its children.
        prefixes: what may stand before every bone's name; the first one is written on export.
        export: what this target wants of an export; see ``sam3db_blender.exports.ExportOptions``.
        sources: where names and hierarchy come from.
    """

    name: str
    title: str
    bones: tuple[MappedBone, ...]
    prefixes: tuple[str, ...] = ("",)
    export: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, MappedBone]:
        """The bones by their names without prefix."""
        return {entry.bone: entry for entry in self.bones}

    @cached_property
    def _by_joint(self) -> dict[str, str]:
        return {entry.joint: entry.bone for entry in reversed(self.bones) if entry.stands_for_joint}

    @property
    def required(self) -> tuple[str, ...]:
        """The bones that every skeleton of this kind has."""
        return tuple(entry.bone for entry in self.bones if entry.required)

    def joint_of(self, bone: str) -> str | None:
        """The MHR joint of a bone, named with or without one of the prefixes; None where the map does not know it."""
        for prefix in self.prefixes:
            entry = self.by_name.get(bone[len(prefix) :]) if bone.startswith(prefix) else None
            if entry is not None:
                return entry.joint
        entry = self.by_name.get(bone)
        return None if entry is None else entry.joint

    def bone_of(self, joint: str) -> str | None:
        """The bone that stands where an MHR joint does, without prefix; None where there is none."""
        return self._by_joint.get(joint)

    def full_name(self, bone: str) -> str:
        """A bone's name as it is written: with the first prefix."""
        return self.prefixes[0] + bone


def load_map(name_or_file: str | Path, folders: Iterable[str | Path] = ()) -> RetargetMap:
    """A map by its name or from a file.

    Args:
        name_or_file: ``mhr``, the name of a map, or the path of a .json file.
        folders: the user's own; a map there takes precedence over ours of the same name.

    Raises:
        UsageError: there is none of that name, or the file is damaged.
    """
    name = str(name_or_file)
    own = list(folders)
    if name.endswith(".json"):
        return _read(Path(name))
    for folder in own:
        path = Path(folder) / f"{name}.json"
        if path.is_file():
            return _read(path)
    if name == MHR:
        return _identity()
    if name not in _ours():
        raise UsageError(f"There is no retarget map '{name}'; there are {', '.join(available_maps(own))}.")
    return _parsed(_text_of_ours(name), f"{name}.json")


def available_maps(folders: Iterable[str | Path] = ()) -> list[str]:
    """The names of all maps: ``mhr``, ours, then the user's own, each in alphabetical order."""
    ours = [MHR, *_ours()]
    own = {path.stem for folder in folders if Path(folder).is_dir() for path in Path(folder).glob("*.json")}
    return ours + sorted(own - set(ours))


def copy_map(name: str, to: str | Path) -> Path:
    """Writes a map of ours to a file, for changing it; its name becomes the file's.

    Raises:
        UsageError: there is no such map, or the file exists or cannot be written.
    """
    path = Path(to)
    if path.exists():
        raise UsageError(f"{path} exists already; choose another name for the copy.")
    if name != MHR and name not in _ours():
        raise UsageError(f"There is no retarget map '{name}' to copy.")
    original = _as_text(_identity()) if name == MHR else _text_of_ours(name)
    _write(path, original.replace(f'"name": "{name}"', f'"name": {json.dumps(path.stem)}', 1))
    return path


def save_map(retarget: RetargetMap, to: str | Path) -> Path:
    """Writes a map to a file, which is replaced where it exists.

    Raises:
        UsageError: it cannot be written.
    """
    path = Path(to)
    _write(path, _as_text(retarget))
    return path


def other_side(name: str) -> str:
    """The joint of the other side; joints of the middle are their own."""
    sides = {"l_": "r_", "r_": "l_"}
    return sides.get(name[:2], name[:2]) + name[2:]


def _ours() -> list[str]:
    folder = resources.files("rig_templates").joinpath(_FOLDER)
    return sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json"))


def _text_of_ours(name: str) -> str:
    return resources.files("rig_templates").joinpath(_FOLDER, f"{name}.json").read_text(encoding="utf-8")


@cache
def mhr_joints() -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The names of MHR's joints, and the index of each one's parent, -1 for the first."""
    facts = load_rig_facts()
    return tuple(facts.joint_names), tuple(facts.joint_parents.tolist())


def _identity() -> RetargetMap:
    """MHR's own joints under their own names."""
    names, parents = mhr_joints()
    bones = tuple(
        MappedBone(
            bone=name,
            joint=name,
            parent=names[parent] if parent >= 0 else None,
            required=name in NEEDED,
            mirror=other_side(name) if other_side(name) != name else None,
        )
        for name, parent in zip(names, parents)
    )
    return RetargetMap(MHR, "MHR", bones, sources=("MHR's own joint names",))


def _as_text(retarget: RetargetMap) -> str:
    """A map as its file has it: one line a bone."""
    head = {
        "format": str(FORMAT),
        "name": retarget.name,
        "title": retarget.title,
        "sources": list(retarget.sources),
        "prefixes": list(retarget.prefixes),
        "export": dict(retarget.export),
    }
    rows = []
    for entry in retarget.bones:
        row: dict[str, Any] = {"bone": entry.bone, "joint": entry.joint, "parent": entry.parent}
        row |= {"mirror": entry.mirror} if entry.mirror is not None else {}
        row |= {"required": True} if entry.required else {}
        row |= {"toward": entry.toward, "along": entry.along} if entry.toward is not None else {}
        rows.append(json.dumps(row, ensure_ascii=False))
    lines = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    return "{\n" + ",\n".join(lines) + ',\n  "bones": [\n    ' + ",\n    ".join(rows) + "\n  ]\n}\n"


def _write(path: Path, text: str) -> None:
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise UsageError(f"Cannot write {path}: {error.strerror or error}.") from error


def _read(path: Path) -> RetargetMap:
    try:
        return _parsed(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"The retarget map {path} cannot be read: {reason}.") from error


def _parsed(text: str, where: str) -> RetargetMap:
    """A map of the text of its file.

    Raises:
        UsageError: with the first thing that is wrong.
        NewerFormatError: a newer version of the program wrote it.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The retarget map {where} is not a JSON file: {error}.") from error
    try:
        content = FORMAT.checked(content, where)
    except ValueError as error:
        raise UsageError(f"{where} is not a retarget map: {error}.") from error
    rows = _field(content, "bones", list, where)
    bones = tuple(_bone(row, number, where) for number, row in enumerate(rows, start=1))
    if not bones:
        raise UsageError(f"The retarget map {where} has no bones.")
    name = _field(content, "name", str, where)
    return RetargetMap(
        name=name,
        title=_field(content, "title", str, where, name),
        bones=bones,
        prefixes=_texts(content, "prefixes", where) or ("",),
        export=_field(content, "export", dict, where, {}),
        sources=_texts(content, "sources", where),
    )


def _bone(row: Any, number: int, where: str) -> MappedBone:
    place = f"{where}, bone {number}"
    if not isinstance(row, dict):
        raise UsageError(f"The retarget map {place} is not a table of names and values.")
    return MappedBone(
        bone=_field(row, "bone", str, place),
        joint=_field(row, "joint", str, place),
        parent=_field(row, "parent", (str, type(None)), place, None),
        required=_field(row, "required", bool, place, False),
        mirror=_field(row, "mirror", (str, type(None)), place, None),
        toward=_field(row, "toward", (str, type(None)), place, None),
        along=float(_field(row, "along", (int, float), place, 0.0)),
    )


_MISSING: Any = object()


def _field(content: dict[str, Any], key: str, kind: Any, where: str, default: Any = _MISSING) -> Any:
    value = content.get(key, default)
    if value is _MISSING:
        raise UsageError(f"The retarget map {where} has no '{key}'.")
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise UsageError(f"The retarget map {where} has {json.dumps(value)[:60]} as '{key}', which is not possible.")
    return value


def _texts(content: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    values = _field(content, key, list, where, [])
    if not all(isinstance(value, str) for value in values):
        raise UsageError(f"The retarget map {where} has something other than texts in '{key}'.")
    return tuple(values)
