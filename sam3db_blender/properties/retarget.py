"""What the file keeps: an armature's list of bones, and the settings of the panel."""

import bpy

from ..compat import BLEND_RELATIVE

# Blender keeps no reference to the texts of a dynamic list
_items: list[tuple[str, str, str]] = []


def _maps(self: bpy.types.PropertyGroup, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    from ..retarget.assignment import GUESS, map_titles

    _items[:] = [(GUESS, "Guess", "By the map that fits, or else by the bones' names or the skeleton's shape")]
    _items.extend((name, title, f"By the names of the map '{title}'") for name, title in map_titles().items())
    return _items


def _is_target(self: bpy.types.PropertyGroup, obj: bpy.types.Object) -> bool:
    from ..scene.provenance import is_character

    return obj.type == "ARMATURE" and not is_character(obj)


def _is_character(self: bpy.types.PropertyGroup, obj: bpy.types.Object) -> bool:
    from ..scene.provenance import is_character

    return is_character(obj)


class SAM3DB_RetargetBone(bpy.types.PropertyGroup):
    """One row: a joint of MHR (``name`` is its title) and the bone that corresponds to it"""

    joint: bpy.props.StringProperty(name="Joint", description="The joint's name in MHR")
    bone: bpy.props.StringProperty(name="Bone", description="The armature's bone that corresponds to it")


class SAM3DB_RetargetBones(bpy.types.PropertyGroup):
    """The list of an armature"""

    bones: bpy.props.CollectionProperty(type=SAM3DB_RetargetBone)
    active: bpy.props.IntProperty(options={"HIDDEN"})
    how: bpy.props.StringProperty(name="Found", description="How the bones were found")


class SAM3DB_RetargetSettings(bpy.types.PropertyGroup):
    """What is posed, like whom, and how"""

    armature: bpy.props.PointerProperty(
        name="Armature", description="The armature to pose", type=bpy.types.Object, poll=_is_target
    )
    source: bpy.props.EnumProperty(
        name="Pose From",
        description="Where the pose comes from",
        items=(
            ("CHARACTER", "Character", "A character of this file, in its current pose"),
            ("FILE", "Estimate", "An estimate's .npz file"),
        ),
    )
    character: bpy.props.PointerProperty(
        name="Character",
        description="The character to take the pose from",
        type=bpy.types.Object,
        poll=_is_character,
    )
    estimate: bpy.props.StringProperty(
        name="Estimate", description="The estimate's .npz file", subtype="FILE_PATH", options=BLEND_RELATIVE
    )
    map: bpy.props.EnumProperty(name="Bones", description="How the armature's bones are found", items=_maps)
    stand: bpy.props.BoolProperty(
        name="Match Location",
        description="Also move and rotate the object to the person's place; otherwise only its bones move",
    )
    floor: bpy.props.BoolProperty(
        name="Keep to the Floor",
        description="As close to the floor as the person, whatever the armature's proportions; otherwise the hips' "
        "height alone is scaled",
        default=True,
    )
    whole: bpy.props.BoolProperty(
        name="Whole Animation",
        description="Pose and key the armature on every frame on which the character is animated",
    )
    controls: bpy.props.EnumProperty(
        name="Limbs By",
        description="By which bones arms and legs are posed",
        items=(
            ("fk", "FK Bones", "The bones of the list, which turn about their own joints"),
            (
                "ik",
                "IK Controls",
                "The IK targets and poles of a Rigify, CloudRig or Auto-Rig Pro rig, on top of its "
                "FK bones; its limbs are switched to IK",
            ),
        ),
    )
    keyframe: bpy.props.BoolProperty(name="Insert Keyframes", description="Key what is posed at the current frame")


CLASSES = (SAM3DB_RetargetBone, SAM3DB_RetargetBones, SAM3DB_RetargetSettings)


def attach() -> None:
    """Hangs the lists on objects and the settings on scenes."""
    bpy.types.Object.sam3db_retarget = bpy.props.PointerProperty(type=SAM3DB_RetargetBones)  # type: ignore[func-returns-value]
    bpy.types.Scene.sam3db_retarget = bpy.props.PointerProperty(type=SAM3DB_RetargetSettings)  # type: ignore[func-returns-value]


def detach() -> None:
    """Takes them away again."""
    del bpy.types.Scene.sam3db_retarget
    del bpy.types.Object.sam3db_retarget
