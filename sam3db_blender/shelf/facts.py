"""What is said about an item of the shelf: sizes, times, figures, terms, states. Plain texts, no bpy."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from native_runtime.engines import BEST_FIRST, engines
from native_runtime.models.shelf import ItemState, ShelfItem, Source, Terms, shelf

_PRECISIONS = {
    "int8": (
        "For the Processor (int8)",
        "The image encoder in 8 bits: the smallest and, without a graphics card, the fastest. Joints move slightly",
    ),
    "fp16": ("For Graphics Cards (fp16)", "Half precision: half the size of the exact one; no faster on a processor"),
    "fp32": ("Exact (fp32)", "As in the checkpoint; the largest, and the slowest on a processor"),
}
_BEST = "BEST"


@dataclass(frozen=True)
class Family:
    """Items that are offered together: the sizes of one engine's network.

    Attributes:
        key: the engine's name.
        title: for people.
        items: those that everybody may use first.
    """

    key: str
    title: str
    items: tuple[ShelfItem, ...]

    @property
    def first(self) -> ShelfItem:
        """What is offered first."""
        return self.items[0]


@cache
def families() -> tuple[Family, ...]:
    """Those of engines that are known here, the most accurate first."""
    found: dict[str, list[ShelfItem]] = {}
    for item in shelf().values():
        if item.engine in engines():
            found.setdefault(str(item.engine), []).append(item)
    return tuple(
        Family(key, engines()[key].title, tuple(sorted(found[key], key=lambda item: item.commercial is False)))
        for key in BEST_FIRST
        if key in found
    )


def family_of(item: ShelfItem) -> Family:
    """The family that an item belongs to."""
    return next(family for family in families() if item in family.items)


def short_title(item: ShelfItem) -> str:
    """An item's title within its family: "SAM 3D Body (ViT-H)" is "ViT-H", "InstantHMR small" is "Small"."""
    title = item.title.removeprefix(family_of(item).title).strip(" (),")
    return title[:1].upper() + title[1:] if title else item.title


def size_text(size: int | None) -> str:
    """Bytes for people."""
    if size is None:
        return "size not known"
    return f"{size / 1e9:.1f} GB" if size >= 0.95e9 else f"{max(1, round(size / 1e6))} MB"


def seconds_text(item: ShelfItem, here: float | None) -> str:
    """How long a person takes.

    Args:
        here: seconds that were measured on this machine; None where there were none.
    """
    if here is not None:
        return f"{seconds_title(here)} a person on this machine (measured)"
    if item.seconds is not None:
        return f"About {seconds_title(item.seconds)} a person on two processor cores; not measured on this machine yet"
    return "Speed not measured on this machine yet"


def seconds_title(value: float) -> str:
    """A time for people."""
    return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"


def figure_texts(item: ShelfItem) -> tuple[str, ...]:
    """Its figures, one line each, with who measured them."""
    return tuple(
        f"{figure.label}: {figure.value:,g} {figure.unit}".strip() + f" ({figure.source})" for figure in item.figures
    )


def disk_text(item: ShelfItem, source: Source | None) -> str:
    """What is fetched, and what stays."""
    stays = f"{size_text(item.disk_bytes)} on the disk once it is installed"
    size = item.download_bytes if source is None else source.size
    if size is None or (source is not None and source.kind == "file"):
        return stays
    return f"Download {size_text(size)}; {stays}"


def state_text(state: ItemState) -> str:
    """How things stand, in a few words."""
    there, made = size_text(state.downloaded), size_text(state.bytes_there - state.downloaded)
    return {
        "absent": "Not installed",
        "partly": f"Download interrupted: {there} are here",
        "downloaded": f"Downloaded ({there}), not converted yet",
        "ready": f"Installed{f', {state.detail}' if state.detail else ''}, {made}",
        "broken": f"Damaged: {state.detail}",
    }[state.state]


def verb(state: ItemState) -> str:
    """What the button that leads to the dialog says."""
    return {
        "absent": "Get",
        "partly": "Continue",
        "downloaded": "Continue",
        "ready": "Get Again",
        "broken": "Repair",
    }[state.state]


def precisions(item: ShelfItem) -> list[tuple[str, str, str]]:
    """Those that the conversion offers, as a list to choose from; the first leaves it to the program."""
    if not item.choices:
        return [(_BEST, "As Released", "Nothing is converted")]
    best = (_BEST, "Best for This Machine", "Half precision where a graphics card is used, else 8 bits")
    return [best, *((key, *_PRECISIONS[key]) for key in item.choices)]


def precision_of(choice: str) -> str | None:
    """The precision that a choice of ``precisions`` means; None leaves it to the program."""
    return None if choice == _BEST else choice or None


ANY = "ANY"


def source_choices(item: ShelfItem) -> list[tuple[str, str, str]]:
    """Who has an item, as a list to choose from: where several have it for everybody, also one after the other."""
    public = [source for source in item.sources if source.kind == "public"]
    several = [(ANY, "Public copies, one after the other", any_note(item))] if len(public) > 1 else []
    return [*several, *((source.key, source.title, source.note) for source in item.sources)]


def any_note(item: ShelfItem) -> str:
    """What it means to leave the choice among public copies open."""
    names = [source.repository for source in item.sources if source.kind == "public"]
    return (
        f"{', then '.join(names)}: the next one where one fails. Unmodified copies of the publisher's files or of the "
        "same weights in another layout, which the publisher neither made nor endorses; what arrives must have the "
        "SHA-256 that is known. Everybody may fetch them, without an account."
    )


def text_lines(terms: Terms, width: int) -> list[str]:
    """The full text of a licence in lines of at most ``width`` characters; empty lines stay."""
    lines: list[str] = []
    for line in terms.text.splitlines():
        indent = line[: len(line) - len(line.lstrip())][: width // 4]
        lines += textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False) or [""]
    return lines


def commercial_alternative(item: ShelfItem) -> ShelfItem | None:
    """What to take instead of an item that may not be used commercially; None where there is nothing."""
    return next((other for other in family_of(item).items if other.commercial), None)


def remaining(states: Mapping[str, ItemState], item: ShelfItem, source: Source | None) -> str:
    """What of a download is here already; empty where nothing is."""
    state = states[item.name]
    if state.state not in ("partly", "downloaded") or (source is not None and source.kind == "file"):
        return ""
    return f"{size_text(state.downloaded)} of it are here already"


def restriction(record: Mapping[str, Any]) -> str:
    """What a character's record says against its commercial use; empty where it says nothing.

    Args:
        record: the fields of the estimate, as ``scene.provenance.Origin.details`` has them.
    """
    details = record.get("details")
    terms = details.get("model_terms") if isinstance(details, Mapping) else None
    if not isinstance(terms, Mapping) or terms.get("commercial") is not False:
        return ""
    item = shelf().get(str(terms.get("model")))
    return f"Not for commercial use: made by {item.title if item else 'a model'}, whose terms forbid it"
