"""Data that follow from a body alone and that reading or writing a rig needs, computed once per body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from .channels import ChannelMap
from .layout import BoneLayout, bone_layout
from .sliders import Slider, character_sliders
from .wiring import ParameterHomes

if TYPE_CHECKING:
    from native_runtime.mhr import Body


@dataclass(frozen=True)
class RigMap:
    """The constant relations between a body's numbers and its rig.

    Attributes:
        layout: the bones.
        channels: joint parameters <-> bone channels.
        homes: where each model parameter lives.
        sliders: all sliders, in their order.
    """

    layout: BoneLayout
    channels: ChannelMap
    homes: ParameterHomes
    sliders: tuple[Slider, ...]

    @classmethod
    def of(cls, body: Body) -> RigMap:
        """The map of a body; remembered as long as the body is in use (bodies do not change)."""
        found = _remembered.get(body)
        if found is None:
            layout = bone_layout(body)
            found = cls(layout, ChannelMap(layout), ParameterHomes.of(body), character_sliders(body))
            _remembered[body] = found
        return found

    def section(self, *wanted: str) -> list[Slider]:
        """The sliders of some sections (``pose``, ``skeleton``, ``shape``, ``expression``), in their order."""
        return [slider for slider in self.sliders if slider.section in wanted]


_remembered: WeakKeyDictionary[Body, RigMap] = WeakKeyDictionary()
