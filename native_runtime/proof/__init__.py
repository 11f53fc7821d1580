"""Installed networks prove themselves: engines look at two known pictures, and must agree with them and one another.

* ``report``: what was checked, measured and found
* ``pictures``: the two pictures and what is in them
* ``agreement``: keypoints and limbs of estimates, compared
* ``invariants``: what holds for every estimate, whatever the picture
* ``weights``, ``probes``: numbers that weights must have, and projections of what they were made of
* ``published``: answers of the released model that others published, compared where the user has their picture
* ``record``: the last proof, kept beside the networks
* ``proving``: all of it
"""

from .proving import prove
from .report import Check, Report

__all__ = ["Check", "Report", "prove"]
