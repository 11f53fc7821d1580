"""Makes ``rig_templates/fit/lifting.json``: what the landmark network's 3D points are worth, and how to put them right.

``python -m bench.lifting render``, then ``train``; see ``--help``.
"""
