"""Rendered ground-truth sets and their scores.

``render`` makes pictures of the body with known parameters; ``score`` runs an engine over them and compares. The body
in the pictures is the body that is fitted, so this measures how well pose, shape coefficients and camera are recovered
on our own body: it says nothing about how well that body resembles real people.

Sets, by ``render --kind``:

* ``first``: poses of ``poses.json``, ordinary lenses. Both halves share their poses.
* ``harder``: poses of motion capture, and positions drawn from rules; children, couples who touch, short lenses.
  Numbers divisible by three are for tuning; the others, with other clips, are held out.
* ``crowds``: for finding people, all held out. ``lens``: for the camera.

Commands: ``score`` (one engine), ``compare`` (two checkouts, each with its own Python), ``search`` (who is found),
``cameras`` (focal length and way up), ``marked`` (real photos with marked or triangulated points), ``read`` (keep what
the networks see, so that ``score --readings`` fits again in about half a second a person).
"""
