"""What the operators on the active person share: who that is, and how they fail."""

import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.errors import Sam3dbError

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

_NOBODY = "There is no character made from a photo in this scene yet"


def reported(operator: Any, work: "Callable[[], set[OperatorReturnItems] | None]") -> "set[OperatorReturnItems]":
    """Does an operator's work, in which errors become one line; what ``execute`` is to return."""
    from ..remedies import in_words

    try:
        return work() or {"FINISHED"}
    except Sam3dbError as error:
        operator.report({"ERROR"}, in_words(error))
    except Exception as error:
        traceback.print_exc()
        operator.report({"ERROR"}, f"{operator.bl_label} failed: {error}")
    return {"CANCELLED"}


def person_of(context: bpy.types.Context) -> bpy.types.Object:
    """The rig of the person who is worked on.

    Raises:
        Sam3dbError: there is nobody.
    """
    from ..handles.people import active_character

    rig = active_character(context)
    if rig is None:
        raise Sam3dbError(f"{_NOBODY}.")
    return rig


class ReportingOperator:
    """A mix-in: ``run`` does the work, errors become one line."""

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        return reported(self, lambda: self.run(context))

    def run(self, context: bpy.types.Context) -> None:
        """Does the work."""
        raise NotImplementedError


class PersonPoll:
    """A mix-in for operators that need a person to work on."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        from ..handles.people import active_character

        if active_character(context) is None:
            cls.poll_message_set(_NOBODY)
            return False
        return True


class PersonOperator(PersonPoll, ReportingOperator):
    """A mix-in for operators that change the person who is worked on."""

    @staticmethod
    def rig(context: bpy.types.Context) -> bpy.types.Object:
        """The rig of the person, which may be changed.

        Raises:
            Sam3dbError: there is none, or its data lies in another file.
        """
        from ..scene.lookup import require_own

        rig = person_of(context)
        require_own(rig)
        return rig
