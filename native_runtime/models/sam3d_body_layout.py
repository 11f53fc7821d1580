"""How SAM 3D Body packs a person into numbers, and which of MHR's numbers they stand for.

An estimate is 519 numbers and three of the camera. Rotations are kept in continuous form: a rotation about three axes
as the first two columns of its matrix, one about a single axis as sine and cosine. Facts: facebookresearch/sam-3d-body,
``models/modules/mhr_utils.py`` and ``models/heads/mhr_head.py``.
"""

from __future__ import annotations

from itertools import chain

KEYPOINTS = 70
"""MHR-70; the rows 0..69 of the checkpoint's ``keypoint_mapping``."""

# The estimate.
GLOBAL_ROTATION = slice(0, 6)
BODY = slice(6, 266)
SHAPE = slice(266, 311)
SCALE = slice(311, 339)
HANDS = slice(339, 447)
"""Left, then right: ``HAND`` numbers each."""
FACE = slice(447, 519)
"""Predicted, but always taken as zero."""
ESTIMATE = 519
CAMERA = 3

# The body's 260 continuous numbers: BODY_ROTATIONS (6 each), BODY_ANGLES (2 each), BODY_LENGTHS. The indices are those
# of the body pose's 133 numbers, i.e. MHR's model parameters 6..135 and three of the jaw.
BODY_POSE = 133
BODY_ROTATIONS = (
    (0, 2, 4),
    (6, 8, 10),
    (12, 13, 14),
    (15, 16, 17),
    (18, 19, 20),
    (21, 22, 23),
    (24, 25, 26),
    (27, 28, 29),
    (34, 35, 36),
    (37, 38, 39),
    (44, 45, 46),
    (53, 54, 55),
    (64, 65, 66),
    (85, 69, 73),
    (86, 70, 79),
    (87, 71, 82),
    (88, 72, 76),
    (91, 92, 93),
    (112, 96, 100),
    (113, 97, 106),
    (114, 98, 109),
    (115, 99, 103),
    (130, 131, 132),
)
"""rx, ry, rz of 23 joints with R = Rz Ry Rx."""
BODY_LENGTHS = tuple(range(124, 130))
BODY_ANGLES = tuple(sorted(set(range(BODY_POSE)) - set(chain.from_iterable(BODY_ROTATIONS)) - set(BODY_LENGTHS)))
"""58 joints' single angles."""
BODY_POSE_FINGERS = slice(62, 116)
"""Always zero in the body pose: the hands have numbers of their own."""
BODY_POSE_JAW = slice(130, 133)
"""Always zero, and no model parameters."""

# A hand's 54 continuous numbers.
HAND = 54
HAND_FREEDOMS = (3, 1, 1, 3, 1, 1, 3, 1, 1, 3, 1, 1, 2, 3, 1, 1)
"""Degrees of freedom of its joints: little finger, ring, middle, index (three joints each), then the thumb's four."""
HAND_ANGLES = sum(HAND_FREEDOMS)
"""27; ``hand_joint_idxs_left/right`` say which of the 136 parameters they are."""

# MHR's 204 model parameters.
MODEL_PARAMETERS = 204
PLACEMENT = 6
"""Root translation (in units of 10 cm) and rotation stand in front of the body pose."""
POSED = 136
"""Placement and pose, 130 numbers of it; the other 68 are scales."""
TRANSLATION_UNITS = 10.0
"""The root translation's unit, to a metre."""

# Keypoints whose middle the keypoints are centred on.
HIPS = slice(9, 11)
RIGHT_HAND_KEYPOINTS = slice(21, 42)
"""What the hand decoder predicts: the right hand's fingers and wrist; all its other keypoints are zero."""
