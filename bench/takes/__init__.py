"""Rendered takes with truth, and how an engine's takes compare with them.

``make`` renders videos of the default body moved by motion capture, with the truth of every frame beside them.
Calling the package without a command compares takes with their truth, side by side with frame-by-frame estimates.

Clips, bodies and cameras of the split ``tune`` are others than those of ``held-out``: nothing is tuned to the latter.
The body in the pictures is the body that is fitted, so the figures say how well motion is recovered on our own body,
and nothing about how well that body resembles real people. What ``marked`` reads is real footage.
"""
