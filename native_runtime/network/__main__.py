"""``python -m native_runtime.network templates``: make the committed graphs without weights again."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path

from native_runtime.build.sam3d_body.variants import TEMPLATES, known_variants

from .template import PRECISIONS, make_template, write_variant

_log = logging.getLogger("native_runtime.network")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m native_runtime.network", description=__doc__)
    command = parser.add_subparsers(required=True).add_parser("templates", help="write graphs without weights")
    command.add_argument("-o", "--output", type=Path, default=TEMPLATES, help="folder (default: where they belong)")
    command.add_argument("--variant", action="append", help="only this one")
    command.add_argument("--graph", action="append", choices=list(PRECISIONS), help="only this one")
    command.add_argument(
        "--tensors", type=Path, help="JSON of a new variant's tensors: {official name: [shape, type]}; needs --variant"
    )
    given = parser.parse_args(arguments)
    _log.addHandler(logging.StreamHandler())
    _log.setLevel(logging.INFO)
    variants: dict[str, Mapping[str, tuple[tuple[int, ...], str]]]
    if given.tensors:
        if not given.variant or len(given.variant) != 1:
            parser.error("--tensors needs one --variant")
        listed = json.loads(given.tensors.read_text(encoding="utf-8"))
        variants = {given.variant[0]: {name: (tuple(shape), kind) for name, (shape, kind) in listed.items()}}
    else:
        known = {variant.name: variant.tensors for variant in known_variants()}
        variants = {name: known[name] for name in given.variant or known}
    for name, tensors in variants.items():
        folder = given.output / name
        folder.mkdir(parents=True, exist_ok=True)
        write_variant(folder, name, tensors)
        shapes = {key: shape for key, (shape, _) in tensors.items()}
        for graph in given.graph or PRECISIONS:
            for precision in PRECISIONS[graph]:
                make_template(shapes, graph, precision).save(folder)
                _log.info("%s: %s in %s", name, graph, precision)
    return 0


if __name__ == "__main__":
    sys.exit(main())
