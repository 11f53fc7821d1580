"""What an open engine consists of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from native_runtime.detection.networks import LandmarkNetworks
from native_runtime.engines.uncertainty import UncertaintyMeter
from native_runtime.fitting.trust import NetworkTrust
from native_runtime.mhr import Body
from native_runtime.models.instanthmr import InstalledNetwork

from .bounds import Bounds
from .network import HmrNetwork
from .placing import Placing
from .weighing import trust_in


@dataclass(eq=False)
class Parts:
    """What an open engine consists of.

    Attributes:
        body: the body that its estimates are of.
        network: its network, open.
        installed: which one that is.
        finder: finds people, their landmarks and hands.
    """

    body: Body
    network: HmrNetwork
    installed: InstalledNetwork
    finder: LandmarkNetworks

    @cached_property
    def bounds(self) -> Bounds:
        """What MHR allows the body."""
        return Bounds(self.body)

    @cached_property
    def placing(self) -> Placing:
        """Carries it from one camera to another."""
        return Placing(self.body)

    @cached_property
    def trust(self) -> NetworkTrust:
        """How far the network is believed."""
        return trust_in(self.body, self.installed.pa_mpjpe)

    @cached_property
    def uncertainty(self) -> UncertaintyMeter:
        """Says how sure the engine is of each keypoint."""
        return UncertaintyMeter(self.body)
