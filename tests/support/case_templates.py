"""Graphs without weights in the dimensions of a recorded case, and of recorded small encoders.

Tracing one takes up to three quarters of a minute, so those that the tests look for first are part of the
checkout, beside the digest of the code that made them. ``python -m tests.support.case_templates`` makes them again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.build.sam3d_body.template import Template
from native_runtime.network.template import PRECISIONS, make_template, sources_digest
from tests.support.case_release import case_release
from tests.support.parity import recording

KEPT = Path(__file__).resolve().parents[1] / "fixtures" / "case_templates"
"""Templates of the checkout, each in a folder that is named after all that it was made of."""

Shapes = Mapping[str, tuple[int, ...]]
Maker = Callable[[Shapes, str, str, Mapping[str, Any]], Template]
#: Shapes, graph, precision, settings, and what makes a template of these.
Wanted = tuple[Shapes, str, str, Mapping[str, Any], Maker]


def case_template(
    shapes: Shapes, graph: str, precision: str, settings: Mapping[str, Any], made: Path, make: Maker = make_template
) -> Template:
    """The template of the checkout, or else of ``made``, made now unless there is one of the same code there.

    Args:
        made: a folder that lasts from run to run.
    """
    name, file = folder_name(shapes, settings), f"{graph}-{precision}.json"
    if (KEPT / name / file).is_file():
        return Template.load(KEPT / name, graph, precision)
    folder = made / name
    if not (folder / file).is_file():
        folder.mkdir(exist_ok=True)
        make(shapes, graph, precision, settings).save(folder)
    return Template.load(folder, graph, precision)


def folder_name(shapes: Shapes, settings: Mapping[str, Any]) -> str:
    """A name that changes with the dimensions, the settings, and the code and the exporters that make graphs."""
    key = json.dumps([sources_digest(), {name: list(shape) for name, shape in shapes.items()}, settings])
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def settings_of(case: Path, backbone: str) -> dict[str, Any]:
    """The reference's configuration of the case, with the backbone's type of one of its pipelines."""
    settings: dict[str, Any] = json.loads((case / "config.json").read_text(encoding="utf-8"))
    settings["MODEL"]["BACKBONE"]["TYPE"] = backbone
    return settings


def wanted_templates(shared: Path, case: Path) -> Iterator[Wanted]:
    """All that the tests make of a case: both kinds of crops, every precision, and the encoder of its release."""
    shapes = {name: array.shape for name, array in recording(case, "weights").items()}
    for graph, precisions in PRECISIONS.items():
        for precision in precisions:
            yield shapes, graph, precision, settings_of(case, "dinov3_vith16plus"), make_template
        yield shapes, graph, "fp32", settings_of(case, "vit_hmr_512_384"), make_template
    release = {name: np.shape(getattr(one, "values", one)) for name, one in case_release(shared, case).items()}
    yield release, "encoder", "fp32", settings_of(case, "dinov3_vith16plus"), make_template


def main(shared: Path, made: Path) -> None:
    """Make what is missing of the checkout's templates, and remove those of other code.

    Args:
        made: where earlier runs of the tests may have left some.
    """
    from tests.support.small_encoders import wanted_encoders

    made.mkdir(parents=True, exist_ok=True)
    names = set()
    parity = shared / "parity"
    for wanted in chain(wanted_templates(shared, parity / "case_a"), wanted_encoders(parity / "backbones")):
        shapes, graph, precision, settings, make = wanted
        name = folder_name(shapes, settings)
        names.add(name)
        template = case_template(shapes, graph, precision, settings, made, make)
        (KEPT / name).mkdir(parents=True, exist_ok=True)
        template.save(KEPT / name)
        sys.stdout.write(f"{name}: {graph} in {precision}\n")
    for folder in KEPT.iterdir():
        if folder.name not in names:
            shutil.rmtree(folder)


if __name__ == "__main__":
    _root = Path(__file__).resolve().parents[2]
    main(
        Path(os.environ.get("SAM3DB_SHARED") or _root.parent / "shared"),
        _root / ".pytest_cache" / "d" / "sam3d_body_templates",
    )
