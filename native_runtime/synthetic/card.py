"""The card of a data set of made pictures: what is in it, of what it was made, under which terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from native_runtime.dataset import shards
from native_runtime.files.atomic import write_atomically

CARD = "data_card.md"
_COLUMNS = ("image", "subject_cnt", "sam3db_pose", "sam3db_held_out", "sam3db_visible")
_CUT = 0.75
"""Somebody of whose body's keypoints a smaller part is seen counts as half hidden."""
_BODY = 21

_TEXT = """# Data card

Pictures of people who do not exist, made by `sam3db dataset synthesize`. Nobody was photographed.

## How it was made

{settings}

The same settings give the same files again. Pictures are painted by the program's own rasteriser;
nothing in them is from photos.

## Sources and terms

| source | terms |
| --- | --- |
| the body | the terms of the body named above: the default body is the project's own and free for any use; MHR's own bodies are Meta's, Apache-2.0 |
| poses of motion capture | those of the clips in the file of poses; the project's own use the CMU Graphics Lab Motion Capture Database, free for all uses |
| poses `authored/` and `library/` | the project's own, made by hand |
| clothes, hair, props, backgrounds | made by the program |

## What is in it

| what | count |
| --- | ---: |
{counts}

Rows have the columns of `native_runtime.dataset.rows`. The default body's numbers are in the
columns `sam3db_*`; `mhr_valid` is true for MHR's own bodies only. Every ninth picture shows poses
that are held out (`sam3db_held_out`): nothing should be learnt from them.

## Limits

Clothes are close to the body; there are no skirts or coats, and faces are simple. Hands have the
shapes of the project's own hand poses, or are at rest where motion capture has none. Light throws
shadows on the floor, not on people. Bodies, skins and hair are drawn evenly at random, not as any
population has them.
"""  # noqa: E501


def write_card(out: Path, settings: Mapping[str, str]) -> None:
    """Write ``out/data_card.md`` about all shards that are there."""
    rows = [row for path in sorted(out.glob("[0-9]*.parquet")) for row in shards.columns(path, _COLUMNS)]
    pictures: dict[str, int] = {row["image"]: row["subject_cnt"] for row in rows}
    seen = [float(np.mean(row["sam3db_visible"][:_BODY])) for row in rows if row["sam3db_visible"] is not None]
    sources = Counter(row["sam3db_pose"].partition("/")[0] for row in rows)
    counts = {
        "pictures": len(pictures),
        "people": len(rows),
        "people who are held out": sum(bool(row["sam3db_held_out"]) for row in rows),
        "pictures with several annotated people": sum(count > 1 for count in pictures.values()),
        "people who are half hidden, or half beyond the picture": sum(share < _CUT for share in seen),
        **{f"people in poses of `{name}/`": count for name, count in sorted(sources.items())},
    }
    text = _TEXT.format(
        settings="\n".join(f"* {name}: `{value}`" for name, value in settings.items()),
        counts="\n".join(f"| {name} | {count} |" for name, count in counts.items()),
    )
    write_atomically(out / CARD, text.encode())
