"""The data card of exported corrections: what a stranger must know before they use the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from native_runtime import __version__
from native_runtime.prompts.prompt import keypoint_titles

from .person import ACCEPTED, PLACED, UNTOUCHED, VERSION, CorrectedPerson

CARD = "data_card.md"


@dataclass
class Content:
    """What is in a data set, counted while it is written."""

    pictures: int = 0
    people: int = 0
    corrected: int = 0
    masks: int = 0
    edited: int = 0
    placed: Counter[int] = field(default_factory=Counter)
    bodies: Counter[str] = field(default_factory=Counter)
    engines: Counter[str] = field(default_factory=Counter)

    def add(self, people: Iterable[CorrectedPerson]) -> None:
        """Counts the people of one picture."""
        self.pictures += 1
        for person in people:
            self.people += 1
            self.corrected += person.corrected
            self.masks += person.mask is not None
            self.edited += person.edited
            self.placed.update(person.placed.keys())
            self.bodies[person.estimate.body_name] += 1
            self.engines[person.estimate.engine] += 1


def card(content: Content, faces_blurred: bool) -> str:
    """The card, in Markdown."""
    titles = keypoint_titles()
    often = [f"| {titles[number]} | {count} |" for number, count in content.placed.most_common(20)]
    bodies = ", ".join(f"{name} ({count})" for name, count in sorted(content.bodies.items()))
    engines = ", ".join(f"{name} ({count})" for name, count in sorted(content.engines.items()))
    return f"""# Data card

People in photos, as MHR characters that a person corrected in Blender or by prompts. Written by
sam3db {__version__} (`{VERSION}`).

| what | count |
| --- | --- |
| pictures | {content.pictures} |
| people | {content.people} |
| of these corrected by a person | {content.corrected} |
| with a mask | {content.masks} |
| with pose, size or shape changed by hand | {content.edited} |
| keypoints placed | {sum(content.placed.values())} |

Bodies: {bodies}. Engines that made the first estimates: {engines}.

## How it was made

An engine estimated each character from its photo. A person looked at it, placed keypoints on the
photo, drew masks, or changed the pose, and the rows hold the result. Nobody measured anything: the
third dimension and the size follow from the body and the engine, and are no ground truth.

| weight of a keypoint | what it means |
| --- | --- |
| {PLACED:g} | a person placed it on the photo |
| {ACCEPTED:g} | where the corrected character has it; in space, all keypoints |
| {UNTOUCHED:g} | where a character has it that nobody corrected |
| 0 | outside of the photo, or called wrong by a person |

`sam3db_quality` says how near the body comes to the placed keypoints: 1 where it meets them, 0 where
it misses them by a tenth of the person's box on average.

## What is in it about people

* Pictures of people{"; faces were made coarse" if faces_blurred else "; faces can be recognised"}.
* Their bodies' shape and pose as numbers.
* No names of files or folders, no places, no cameras, no times: pictures were encoded again without
  metadata, and are named by their content.

Whoever exported it stated that the people shown, and those who own the photos, agree to its use for
training. The terms under which it may be passed on are theirs to add here.

## Limits

The photos are those that artists worked on, so hard poses and wrong estimates are more frequent than
in daily life. Characters that were right at once are missing unless everything was exported.

## Keypoints that were placed most often

| keypoint | times |
| --- | --- |
{chr(10).join(often) or "| none | 0 |"}
"""
