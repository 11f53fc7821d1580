"""A rendered ground-truth set and its score.

``render`` makes pictures of the body with known parameters; ``score`` runs an engine over them and compares. The body
in the pictures is the body that is fitted, so this measures how well pose, shape coefficients and camera are recovered
on our own body: it says nothing about how well that body resembles real people.
"""
