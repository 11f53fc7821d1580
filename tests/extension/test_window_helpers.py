"""What the tests in a window reach for inside the extension is there: a renamed function is seen here, in seconds."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

pytestmark = pytest.mark.bpy

_INSIDE = Path(__file__).parents[1] / "window" / "inside"


def _part(node: ast.expr | None) -> str | None:
    """The module that ``part("...")`` names."""
    match node:
        case ast.Call(func=ast.Name(id="part"), args=[ast.Constant(value=str(name))]):
            return name
    return None


def _uses(path: Path) -> set[tuple[str, str]]:
    """Module and attribute, of every use of the extension's modules in a file."""
    found: set[tuple[str, str]] = set()
    for scope in ast.parse(path.read_text()).body:
        names: dict[str, str] = {}
        for node in ast.walk(scope):
            if not isinstance(node, ast.Assign):
                continue
            pairs = [(node.targets[0], node.value)]
            if isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(node.targets[0].elts, node.value.elts, strict=True))
            for target, value in pairs:
                if isinstance(target, ast.Name) and (part := _part(value)):
                    names[target.id] = part
        for node in ast.walk(scope):
            if isinstance(node, ast.Attribute):
                owner = names.get(node.value.id) if isinstance(node.value, ast.Name) else _part(node.value)
                if owner:
                    found.add((owner, node.attr))
    return found


@pytest.mark.parametrize("path", sorted(_INSIDE.glob("*.py")), ids=lambda path: path.stem)
def test_every_part_of_the_extension_that_a_window_test_uses_is_there(path: Path) -> None:
    for module, attribute in sorted(_uses(path)):
        assert hasattr(importlib.import_module(f"sam3db_blender.{module}"), attribute), f"{module}.{attribute}"


def test_uses_are_found() -> None:
    assert ("exports.export", "export_character") in _uses(_INSIDE / "takes.py")
    assert ("handles.handles", "by_keypoint") in _uses(_INSIDE / "operations.py")  # of a tuple
    assert ("registration", "CLASSES") in _uses(_INSIDE / "panels.py")  # without a name
