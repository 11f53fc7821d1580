"""What an artist says in the dialog of the shelf: which model, from whom, and under which terms.

Modules with bpy properties do without ``from __future__ import annotations``: Blender reads properties from the
annotations.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

import bpy

if TYPE_CHECKING:
    from native_runtime.models.shelf import ShelfItem, Source

#: No item has more licences.
MOST_TERMS = 4
UNSAID, NO, YES = "UNSAID", "NO", "YES"

Choices = list[tuple[str, str, str]]


def item_of(choice: Any) -> "ShelfItem":
    """What was chosen; the first of the family where that is gone."""
    from native_runtime.models.shelf import shelf

    found, offered = shelf().get(choice.item), _offered(choice.family)
    return found if found in offered else offered[0]


def source_of(choice: Any) -> "Source | None":
    """Who was chosen; None for whoever has it, one after the other."""
    from ..shelf import facts

    item = item_of(choice)
    return None if choice.source == facts.ANY else item.source(choice.source) or item.sources[0]


def accepted_keys(choice: Any) -> tuple[str, ...]:
    """The terms that were ticked."""
    return tuple(terms.key for terms, ticked in zip(item_of(choice).terms, choice.accepted) if ticked)


def objection(choice: Any) -> str:
    """Why the item cannot be installed under what was said about its terms; empty where it can."""
    from ..shelf import facts

    item = item_of(choice)
    if item.commercial is False and choice.commercial == UNSAID:
        return f"{item.title} is not for commercial use: say whether your work is commercial."
    if item.commercial is False and choice.commercial == YES:
        other = facts.commercial_alternative(item)
        instead = f" Choose {other.title}, which may." if other else ""
        return f"{item.title} may not be used for commercial work.{instead}"
    unread = [terms.title for terms in item.terms if terms.key not in accepted_keys(choice)]
    return f"Read and accept first: {' and '.join(unread)}." if unread else ""


def _offered(key: str) -> "tuple[ShelfItem, ...]":
    from ..shelf import facts

    family = next((family for family in facts.families() if family.key == key), None)
    return family.items if family else tuple(item for family in facts.families() for item in family.items)


def _items(self: Any, context: bpy.types.Context | None) -> Choices:
    return _item_choices(self.family)


def _sources(self: Any, context: bpy.types.Context | None) -> Choices:
    return _source_choices(item_of(self).name)


def _terms(self: Any, context: bpy.types.Context | None) -> Choices:
    return _terms_choices(item_of(self).name)


def _precisions(self: Any, context: bpy.types.Context | None) -> Choices:
    return _precision_choices(item_of(self).name)


# Blender keeps no reference to the texts of dynamic lists: each text is made once, and stays.


@cache
def _item_choices(family: str) -> Choices:
    from ..shelf import facts

    return [(item.name, facts.short_title(item), item.gives) for item in _offered(family)]


@cache
def _source_choices(item: str) -> Choices:
    from native_runtime.models.shelf import shelf

    from ..shelf import facts

    return facts.source_choices(shelf()[item])


@cache
def _terms_choices(item: str) -> Choices:
    from native_runtime.models.shelf import shelf

    return [(terms.key, f"{terms.title}, {terms.date}", f"Published at {terms.url}") for terms in shelf()[item].terms]


@cache
def _precision_choices(item: str) -> Choices:
    from native_runtime.models.shelf import shelf

    from ..shelf import facts

    return facts.precisions(shelf()[item])


def _all_accepted(self: Any) -> bool:
    return all(self.accepted[: len(item_of(self).terms)])


def _accept_all(self: Any, value: bool) -> None:
    self.accepted = [value] * MOST_TERMS


class ModelChoice:
    """A mix-in with the properties.

    Attributes:
        family: key of the family that is offered; empty for everything.
        accepted: of the item's terms, in their order.
    """

    family: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    item: bpy.props.EnumProperty(
        name="Size", description="Which of the released networks", items=_items, options={"SKIP_SAVE"}
    )
    source: bpy.props.EnumProperty(
        name="From", description="Who the files are fetched from", items=_sources, options={"SKIP_SAVE"}
    )
    precision: bpy.props.EnumProperty(
        name="Precision",
        description="How exact and how large the converted model is",
        items=_precisions,
        options={"SKIP_SAVE"},
    )
    accepted: bpy.props.BoolVectorProperty(
        name="I Accept",
        description="Nothing is downloaded without this",
        size=MOST_TERMS,
        options={"SKIP_SAVE"},
    )
    accept_all: bpy.props.BoolProperty(
        name="I Accept All",
        description="Nothing is downloaded without this",
        get=_all_accepted,
        set=_accept_all,
        options={"SKIP_SAVE"},
    )
    commercial: bpy.props.EnumProperty(
        name="Commercial Work",
        description="Whether you use it for commercial work; the answer is kept with the model",
        items=(
            (UNSAID, "Not Said", "Say it before the model is installed"),
            (NO, "No", "Not for commercial work"),
            (YES, "Yes", "For commercial work"),
        ),
        options={"SKIP_SAVE"},
    )
    shown_terms: bpy.props.EnumProperty(
        name="Terms", description="Which license is shown", items=_terms, options={"SKIP_SAVE"}
    )
