"""``python -m bench.package_picture``: docs/pictures/packages.svg, drawn from the import contracts.

The rows are the layers of the two contracts in ``pyproject.toml`` that import-linter holds the packages to, so that
the picture says what is checked. ``tests/docs`` fails when it is out of date.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "pictures" / "packages.svg"

_WIDTH, _LEFT, _EDGE, _GAP, _BOX, _TITLE = 900, 134, 16, 8, 26, 40
_FONT = "DejaVu Sans, Helvetica, Arial, sans-serif"
#: Without a layer in a contract: data, which both others read.
_DATA = ("rig_templates", "data: parameters, keypoints, priors, bone maps, presets")


@dataclass(frozen=True)
class Block:
    """A root package: its name, what is said beside it, its colours, and its layers from top to bottom."""

    name: str
    words: str
    fill: str
    stroke: str
    layers: tuple[tuple[str, ...], ...]


def layers_of(container: str, settings: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    """The names in each layer of a root package, top first, from the settings in ``pyproject.toml``.

    Raises:
        KeyError: no contract orders the packages of ``container``.
    """
    for contract in settings["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers" and contract["containers"] == [container]:
            rows = [row.replace(":", "|").split("|") for row in contract["layers"]]
            named = [tuple(name.strip() for name in row if not name.strip().startswith("(")) for row in rows]
            return tuple(row for row in named if row)
    raise KeyError(container)


def draw(settings: dict[str, Any]) -> str:
    """The picture as SVG."""
    blocks = (
        Block("sam3db_blender", "the only code that imports bpy", "#fdf1e3", "#d9822b",
              layers_of("sam3db_blender", settings)),
        Block("native_runtime", "usable without Blender", "#e8f1fb", "#2b6cb0", layers_of("native_runtime", settings)),
        Block(*_DATA, "#eef5ea", "#5c8a3a", ()),
    )  # fmt: skip
    parts: list[str] = []
    top = _EDGE
    for block in blocks:
        drawn, height = _block(block, top)
        parts += drawn
        top += height + _EDGE
    bottom = top - _EDGE
    arrow = (
        f'<line x1="70" y1="{_EDGE + 24}" x2="70" y2="{bottom - 10}" stroke="#555" stroke-width="2" '
        'marker-end="url(#a)"/>',
        f'<text transform="translate(54 {bottom / 2:.0f}) rotate(-90)" font-size="13" text-anchor="middle" '
        'fill="#1d2023">imports point down only</text>',
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}" '
        f'font-family="{_FONT}" role="img">',
        "<title>The packages and the direction of their imports</title>",
        '<defs><marker id="a" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        'orient="auto-start-reverse"><path d="M0 0 L10 5 L0 10 z" fill="#555"/></marker></defs>',
        f'<rect width="{_WIDTH}" height="{top}" fill="#ffffff"/>',
    )
    return "\n".join((*head, *parts, *arrow, "</svg>", ""))


def _block(block: Block, top: int) -> tuple[list[str], int]:
    """A root package with its rows, and its height."""
    height = _TITLE + len(block.layers) * (_BOX + _GAP) + (_GAP if block.layers else 0)
    width = _WIDTH - _LEFT - _EDGE
    parts = [
        f'<rect x="{_LEFT}" y="{top}" width="{width}" height="{height}" rx="10" fill="{block.fill}" '
        f'stroke="{block.stroke}"/>',
        _text(_LEFT + 16, top + 26, block.name, 16, "start", bold=True),
        _text(_LEFT + width - 16, top + 26, block.words, 12, "end", colour="#4d545a"),
    ]
    for number, names in enumerate(block.layers):
        parts += _row(names, top + _TITLE + number * (_BOX + _GAP), block.stroke)
    return parts, height


def _row(names: Sequence[str], top: int, stroke: str) -> list[str]:
    inside = _WIDTH - _LEFT - _EDGE - 32
    width = (inside - _GAP * (len(names) - 1)) / len(names)
    parts = []
    for number, name in enumerate(names):
        left = _LEFT + 16 + number * (width + _GAP)
        parts.append(
            f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_BOX}" rx="6" fill="#ffffff" '
            f'stroke="{stroke}"/>'
        )
        parts.append(_text(left + width / 2, top + 18, name, 13, "middle", bold=True))
    return parts


def _text(x: float, y: float, words: str, size: int, anchor: str, colour: str = "#1d2023", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y}" font-size="{size}"{weight} text-anchor="{anchor}" fill="{colour}">'
        f"{escape(words)}</text>"
    )


def settings() -> dict[str, Any]:
    """The project's settings."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


if __name__ == "__main__":
    PICTURE.write_text(draw(settings()), "utf-8")
    print(PICTURE)
