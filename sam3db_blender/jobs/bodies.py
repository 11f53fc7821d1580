"""Downloads and imports of official bodies."""

from __future__ import annotations

from .long import Desk, LongJob


class BodyJob(LongJob):
    """A download or an import of bodies."""

    @property
    def bodies(self) -> list[str]:
        """What was made, once it is."""
        return list(self.result.get("bodies", []))

    @property
    def achievement(self) -> str:
        return f"Installed {', '.join(self.bodies)}"


#: The one of this Blender.
desk = Desk(BodyJob)
