"""What the operators on a character share: whose settings they change, and how they fail."""

from typing import TYPE_CHECKING

import bpy

from native_runtime.errors import Sam3dbError

from ..handles.handles import rig_of
from .person import PersonPoll, person_of, reported

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from native_runtime.characters.parts import Part
    from native_runtime.characters.settings import CharacterSettings
    from native_runtime.mhr import Body

_PART_ITEMS = (
    ("pose", "Pose", "The rotation of the bones", "ARMATURE_DATA", 1),
    ("skeleton", "Skeleton", "Lengths and offsets of the bones, size of the hands", "BONE_DATA", 2),
    ("shape", "Shape", "Soft tissue of body, head and hands", "SHAPEKEY_DATA", 4),
    ("expression", "Expression", "The face", "USER", 8),
)


class PartOptions:
    """A mix-in for operators that work on parts of a character."""

    parts: bpy.props.EnumProperty(
        name="Parts",
        description="Which parts of the character",
        items=_PART_ITEMS,
        options={"ENUM_FLAG"},
        default={part for part, *_ in _PART_ITEMS},
    )

    @property
    def chosen(self) -> "list[Part]":
        """The parts in their order."""
        from native_runtime.characters.parts import PARTS

        return [part for part in PARTS if part in self.parts]


class CharacterOperator(PersonPoll):
    """A mix-in for operators on the character who is worked on: ``run`` does the work, errors become one line.

    A linked character is refused, as what is changed on it would be gone when the file is opened again; those operators
    that change nothing set ``only_reads``.
    """

    only_reads = False

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        from ..rig.releasing import release_deserted
        from ..scene.bodies import body_of
        from ..scene.lookup import require_own

        def work() -> "set[OperatorReturnItems] | None":
            rig = person_of(context)
            if not self.only_reads:
                require_own(rig)
            body = body_of(rig)
            release_deserted(rig, body)
            return self.run(context, rig, body)

        return reported(self, work)

    def run(self, context: bpy.types.Context, rig: bpy.types.Object, body: "Body") -> "set[OperatorReturnItems] | None":
        """Does the work; the set to return where it is not FINISHED."""
        raise NotImplementedError


def put_on(rig: bpy.types.Object, body: "Body", settings: "CharacterSettings") -> None:
    """Gives a character settings. What an action of its own, or of its controls, plays is keyed at the current frame,
    lest it is gone with the next one.
    """
    from ..rig.animated import key_where_animated
    from ..rig.pose import apply_settings

    apply_settings(rig, body, settings)
    key_where_animated(rig)


def other_character(context: bpy.types.Context, rig: bpy.types.Object) -> bpy.types.Object:
    """The one other character that is selected.

    Raises:
        Sam3dbError: there is none, or more than one.
    """
    found = (rig_of(obj) for obj in context.selected_objects)
    rigs = {other for other in found if other is not None and other != rig}
    if len(rigs) != 1:
        raise Sam3dbError(
            "Select exactly two characters: first the one to copy from, then, with Shift, the one to change."
        )
    return rigs.pop()
