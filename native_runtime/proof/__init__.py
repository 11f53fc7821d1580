"""Installed networks prove themselves: engines look at two known pictures, and must agree with them and one another.

* ``report``: what was checked, measured and found
* ``pictures``: the two pictures and what is in them
* ``agreement``: keypoints and limbs of estimates, compared
* ``invariants``: what holds for every estimate, whatever the picture
* ``graphs``: numbers that the weights of a converted SAM 3D Body must have
* ``published``: answers of the released model that others published, compared where the user has their picture
* ``record``: the last proof, kept beside the networks
* ``proving``: all of it
"""

from .proving import prove
from .report import Check, Report

__all__ = ["Check", "Report", "prove"]
