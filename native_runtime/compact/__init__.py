"""The project's own small network: where joints are in space, from what the landmark network makes of the picture.

BlazePose draws its points from features that know more of the picture than the points tell: which leg is in front,
which way a forearm leans. ``compact`` looks at these features, at the points of both networks, at the lens, and at what
an artist said where points are, and gives directions and places with standard deviations, as evidence for a fit. It
learnt from pictures that the project makes itself (``native_runtime.synthetic``, ``native_runtime.training.compact``).
No engine uses it yet: ``docs/training.md`` says why.
"""
