"""What a body does whatever is seen of it: it does not pass through itself, touches what it leans on, and stands."""

from __future__ import annotations

from dataclasses import dataclass, field

from native_runtime.camera import Gravity
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

from .collision import CollisionSettings, CollisionTerm, in_sight
from .contact import ContactSettings, ContactTerm
from .evidence import Evidence
from .floor import FloorSettings, FloorTerm, footing
from .problem import Term


@dataclass(frozen=True, eq=False)
class Physics:
    """The rules of a fit; None for one that does not hold.

    Attributes:
        collision: how parts are kept apart.
        contact: when hands touch.
        floor: what counts as standing.
        gravity: which way is up.
    """

    collision: CollisionSettings | None = field(default_factory=CollisionSettings)
    contact: ContactSettings | None = field(default_factory=ContactSettings)
    floor: FloorSettings | None = field(default_factory=FloorSettings)
    gravity: Gravity = field(default_factory=Gravity)

    def apart(self, body: Body, evidence: Evidence, state: PlacedState) -> tuple[Term, ...]:
        """What keeps a body's parts apart in a stage that starts at a state."""
        if self.collision is None:
            return ()
        return (CollisionTerm(body, self.collision, in_sight(evidence, self.collision), state),)

    def terms(self, body: Body, evidence: Evidence, state: PlacedState) -> tuple[Term, ...]:
        """All that holds for a body whose pose is about right already."""
        terms: list[Term] = [*self.apart(body, evidence, state)]
        if self.contact is not None:
            sight = in_sight(evidence, self.collision or CollisionSettings())
            terms.append(ContactTerm(body, sight, state, self.contact))
        if self.floor is not None:
            stand = footing(body, evidence, state, self.gravity.up, self.floor)
            if any(stand.planted):
                terms.append(FloorTerm(body, stand, self.gravity, state, self.floor))
        return tuple(terms)
