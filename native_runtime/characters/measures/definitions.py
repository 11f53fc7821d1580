"""Which measures there are, in the words of ISO 8559-1:2017, and what people's are."""

from __future__ import annotations

from typing import NamedTuple


class Measure(NamedTuple):
    """One measure of a body.

    Attributes:
        key: its name in files and properties.
        label: as artists read it.
        definition: where it is taken, in a sentence.
        low, high: cm, beyond which no value is taken.
        girth: whether it is taken with a tape around something.
    """

    key: str
    label: str
    definition: str
    low: float
    high: float
    girth: bool = False


STATURE = Measure("stature", "Height", "From the soles to the crown of the head", 50.0, 250.0)

MEASURES: tuple[Measure, ...] = (
    STATURE,
    Measure("inside_leg", "Inside Leg", "From the crotch down to the soles", 15.0, 140.0),
    Measure("arm_length", "Arm Length", "From the shoulder over the elbow to the wrist, mean of both", 12.0, 110.0),
    Measure("shoulder_breadth", "Shoulder Breadth", "Straight between the shoulder points", 10.0, 80.0),
    Measure("neck_girth", "Neck", "Smallest girth of the neck, across its axis", 10.0, 90.0, True),
    Measure(
        "bust_girth", "Bust or Chest", "Greatest horizontal girth of the chest below the armpits", 30.0, 220.0, True
    ),
    Measure("waist_girth", "Waist", "Horizontal girth midway between the ribs and the hip bones", 25.0, 220.0, True),
    Measure("hip_girth", "Hips", "Greatest horizontal girth of the buttocks", 30.0, 240.0, True),
    Measure(
        "thigh_girth", "Thigh", "Horizontal girth of the thigh just below the crotch, mean of both", 15.0, 130.0, True
    ),
    Measure("wrist_girth", "Wrist", "Smallest girth of the wrist, across the forearm, mean of both", 6.0, 40.0, True),
    Measure("head_girth", "Head", "Greatest horizontal girth of the head above the brows and ears", 30.0, 90.0, True),
    Measure("foot_length", "Foot Length", "From the heel to the tip of the longest toe, mean of both", 8.0, 45.0),
)
"""In the order in which they are listed."""

BY_KEY = {measure.key: measure for measure in MEASURES}
