"""What the artist should know about an export: what was changed, what was left out, what differs from the scene."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np

from native_runtime.characters.exports.character import ExportCharacter
from native_runtime.characters.exports.correcting import NAME as POSE_CORRECTIVE
from native_runtime.characters.exports.correcting import Causes
from native_runtime.characters.exports.options import ExportOptions
from native_runtime.characters.exports.vrm import NOBODY
from native_runtime.mhr import load_rig_facts
from native_runtime.retarget.maps import RetargetMap

from .copy import other_modifiers
from .taking import Taken
from .writing import Deviation

#: Smaller differences (m) between the posed mesh and the character are not worth a word.
_VISIBLE = 1e-3


def notes_of(
    taken: Taken, character: ExportCharacter, options: ExportOptions, retarget: RetargetMap, off: Deviation
) -> list[str]:
    """One sentence for each matter."""
    return [
        *_changed(taken),
        *_loose(taken, options),
        *_movement(taken, character, options),
        *_correctives(character, options),
        *_places(taken, character, options, off),
        *_format(character, options, retarget),
    ]


def _changed(taken: Taken) -> Iterator[str]:
    added = sorted(set(taken.joints.names) - set(load_rig_facts().joint_names))
    if added:
        yield f"Bones that were added to the rig were folded into their parents: {', '.join(added)}."
    modifiers = dict.fromkeys(name for piece in taken.pieces for name in other_modifiers(piece.obj))
    if modifiers:
        yield f"Modifiers were applied: {', '.join(modifiers)}."
    lost = [piece.name for piece in taken.pieces if piece.keys_lost]
    if lost:
        yield f"Modifiers changed the number of vertices, so the shape keys were baked into the mesh: {_named(lost)}."
    unsound = sum(piece.unsound for piece in taken.pieces)
    if unsound:
        yield f"{unsound} faces that have the same vertices as others were left out."
    stretched = [piece.name for piece in taken.pieces if _has_envelopes(piece.obj)]
    if stretched:
        yield f"No file supports bone envelopes; with vertex groups alone these move differently: {_named(stretched)}."


def _loose(taken: Taken, options: ExportOptions) -> Iterator[str]:
    """What of a mesh lies in no face, which glTF's exporter leaves out."""
    if options.to == "glb":
        loose = [piece.name for piece in taken.pieces if _vertices_in_faces(piece.data) < len(piece.data.vertices)]
        if loose:
            yield f"Loose vertices and edges were left out: {_named(loose)}."


def _vertices_in_faces(data: bpy.types.Mesh) -> int:
    corners = np.empty(len(data.loops), np.int32)
    data.loops.foreach_get("vertex_index", corners)
    return len(np.unique(corners))


def _movement(taken: Taken, character: ExportCharacter, options: ExportOptions) -> Iterator[str]:
    span = f"{taken.keyed.start} to {taken.keyed.stop - 1}" if taken.keyed else ""
    if span and options.is_vrm:
        yield f"VRM avatars hold no animation: frames {span} were left out."
    elif span and not taken.frames:
        shown = character.posed or options.rest == "current"
        rest = "; only the current frame was written" if shown else ", and the current pose with it"
        yield f"The animation, frames {span}, was left out{rest}."
    elif span and not set(taken.keyed) <= set(taken.frames):
        first, last = taken.frames[0], taken.frames[-1]
        by = f", every {taken.frames.step} frames" if taken.frames.step > 1 else ""
        yield f"Of the animation's frames {span}, {first} to {last} were written{by}."
    keys = [key for piece in taken.pieces for key in (*piece.skin.keys, *piece.skin.corrections)]
    if options.shapes == "bake" and any(len(key.values) and np.ptp(key.values) for key in keys):
        yield "The shape keys were baked as they are at the current frame; their animation was left out."
    changes = _changes(taken) if character.posed else {}
    if changes:
        first = min(changes)
        yield f"At frame {first} these have other vertices than now, which no file supports: {_named(changes[first])}."


def _changes(taken: Taken) -> dict[int, list[str]]:
    """The meshes to which modifiers give other vertices than now, by the frames that were looked at."""
    found = {
        taken.frames[number]: [p.name for p, there in zip(taken.pieces, shown) if not there.matches(p.surface)]
        for number, shown in taken.seen.items()
    }
    return {frame: names for frame, names in found.items() if names}


def _correctives(character: ExportCharacter, options: ExportOptions) -> Iterator[str]:
    """What shape keys hold, since bones do not."""
    count = sum(key.name.startswith(POSE_CORRECTIVE) for skin in character.skins for key in skin.keys)
    causes = _reasons(character)
    if count and causes:
        frames = "keyed at each frame" if len(character.skeleton.frames) else "for the pose"
        yield (
            f"{count} shape keys '{POSE_CORRECTIVE}', {frames}, hold what bones alone cannot: {causes}. "
            "Another animation needs others."
        )


def _reasons(character: ExportCharacter) -> str:
    """Why bones alone would leave the meshes off what Blender shows, and by how much, the largest first."""
    worst = Causes()
    for skin in character.skins:
        worst = worst.largest(skin.causes)
    parts = (
        ("pose correctives", worst.correctives),
        ("the rest pose", worst.rest),
        ("folded bones", worst.folded),
        ("dropped influences", worst.influences),
    )
    named = sorted(((size, words) for words, size in parts if size > _VISIBLE), reverse=True)
    return ", ".join(f"{words} ({1000 * size:.0f} mm)" for size, words in named)


def _places(taken: Taken, character: ExportCharacter, options: ExportOptions, off: Deviation) -> Iterator[str]:
    over = f" over {len(taken.frames)} frames" if len(taken.frames) > 1 else ""
    if off.largest > _VISIBLE:
        causes = _reasons(character)
        if any(other_modifiers(piece.obj) for piece in taken.pieces):
            causes = f"{causes}, applied modifiers" if causes else "applied modifiers"
        because = f", because of {causes}" if causes else ""
        yield (
            f"When posed, the meshes are {1000 * off.mean:.1f} mm off what Blender shows on average and "
            f"{1000 * off.largest:.0f} mm at most{over}{because}{_remedy(character, options)}."
        )
    if off.surfaces_largest > _VISIBLE:
        changed = {name for names in _changes(taken).values() for name in names}
        modifiers = dict.fromkeys(n for p in taken.pieces if p.name in changed for n in other_modifiers(p.obj))
        yield (
            f"Where vertices change, surfaces are {1000 * off.surfaces_mean:.1f} mm off what Blender shows on average "
            f"and {1000 * off.surfaces_largest:.0f} mm at most{over}, because modifiers choose other vertices at "
            f"each frame ({', '.join(modifiers)}). Above the Armature modifier they would choose them once."
        )
    if off.joints > _VISIBLE:
        yield (
            f"Bones of a BVH file only rotate, so joints are up to {1000 * off.joints:.0f} mm off; 'Bone Positions' "
            "places them exactly, if the other program reads them."
        )


def _remedy(character: ExportCharacter, options: ExportOptions) -> str:
    """What would bring the meshes nearer, where anything does."""
    if options.shapes == "bake":
        return "; shape keys that are kept ('Shape Keys': Keep) would hold more of it"
    used = [sum(key.name.startswith(POSE_CORRECTIVE) for key in skin.keys) for skin in character.skins]
    if max(used, default=0) >= options.correctives:
        return f"; more 'Correctives' than {options.correctives} would bring them nearer"
    return ""


def _format(character: ExportCharacter, options: ExportOptions, retarget: RetargetMap) -> Iterator[str]:
    if options.to == "usd" and any(not name.replace("_", "").isalnum() for name in character.skeleton.names):
        yield f"USD does not support all characters in the names of '{retarget.title}'; it writes '_' instead."
    if options.is_vrm and options.rest != "t":
        yield "VRM avatars need a T pose as their rest pose; choose it."
    if options.is_vrm and not options.author:
        yield f"The avatar's author is written as '{NOBODY}', since none was given."


def _has_envelopes(obj: object) -> bool:
    modifiers = getattr(obj, "modifiers", ())
    return any(m.type == "ARMATURE" and m.show_viewport and m.use_bone_envelopes for m in modifiers)


def _named(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
