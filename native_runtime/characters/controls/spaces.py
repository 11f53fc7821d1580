"""Controls that can follow one of several others: their parent is a base bone that a switch puts into a space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .plan import ControlBone, ControlPlan, Drive, Switch, Tie, Variable


def based(
    plan: ControlPlan,
    control: ControlBone,
    spaces: Sequence[tuple[str, str]],
    drives: Sequence[Drive],
    default: int = 0,
) -> None:
    """Adds a control on a base that can follow several bones.

    Args:
        spaces: (word, bone) of each choice, the first being the base's own parent.
        drives: of the base's location; their ``bone`` is filled in.
        default: the choice at first.
    """
    base = f"MCH-{control.name}_base" if not control.side else f"MCH-{control.name[:-2]}_base.{control.side}"
    plan.bones.append(ControlBone(base, spaces[0][1], control.rest, control.length, rotation_mode="XYZ"))
    plan.drives += [replace(drive, bone=base) for drive in drives]
    name = switch_name(control.name)
    for number, (word, anchor) in enumerate(spaces[1:], 1):
        inside = base.replace("_base", f"_in_{word}")
        plan.bones.append(ControlBone(inside, anchor, control.rest, control.length, rotation_mode="XYZ"))
        plan.drives += [replace(drive, bone=inside) for drive in drives]
        variables = (Variable("v", "switch", path=name),)
        plan.ties.append(Tie(base, "COPY_TRANSFORMS", inside, influence=f"v == {number}", variables=variables))
    choices = ", ".join(f"{i}: {word}" for i, (word, _) in enumerate(spaces))
    text = f"What '{control.name}' moves along with ({choices})"
    plan.switches.append(Switch(name, default, text, 0, len(spaces) - 1, whole=True))
    plan.bones.append(replace(control, parent=base))
    plan.anchors[control.name] = tuple(anchor for _, anchor in spaces)


def switch_name(control: str) -> str:
    """The name of the switch that says what a control follows."""
    return f"{control[:-2]}_parent{control[-2:]}" if control.endswith((".L", ".R")) else f"{control}_parent"
