"""Where kinds of hard photos begin: every threshold of ``kinds`` in one table.

Chosen on rendered people whose poses and pictures the figures of docs/mining.md do not use (``bench.mining``).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Angles are degrees, heights and distances parts of the stature (``posture.Posture``).

    Attributes:
        inverted_trunk: tilt of the trunk from which it is upside down, with a foot above the hips.
        bent_trunk: tilt of the trunk from which somebody on their feet bends over; ``bent_fold``: the largest angle
            between trunk and thighs.
        lying_hips, lying_neck: heights up to which both are on the floor; ``lying_trunk``: the smallest tilt.
        crouch_hips: height up to which; ``crouch_knee``: the least bend of the more bent knee; ``crouch_shank``: the
            largest tilt of both shanks; ``crouch_clear``: how far the hips are above the lower ankle;
            ``crouch_overhang``: how far they are beyond the ankles at most: who sits has them farther back.
        seated_hips: height up to which somebody sits on the floor; ``cross_legged_knee``: the least bend of both knees;
            ``cross_legged_gap``: of the ankles, in widths of the hips, at most; ``cross_legged_knees``: of the knees,
            at least.
        crossed_ankles, crossed_knees: gaps in widths of the hips below which legs cross, both; ``crossed_thighs``: of
            the knees alone.
        leg_split: between the thighs; ``leg_straight``: the largest bend of the straighter knee.
        arm_split: between both arms; ``arm_straight``: the largest bend of the elbows.
        raised: of a wrist above the head.
        bend_back, lean, twist: of the spine, from which a body is contorted; ``extension``: of the trunk, backwards.
        foot_at_head: distance up to which a foot is at the head of somebody who does not bend over.
        behind: angle of the chest to the camera from which somebody is seen from behind.
        from_above, from_below: elevation of the camera.
        outside: share of the limbs' joints beyond the photo; ``hidden``: share of them that something else than the
            person hides; ``hidden_besides``: the same of people who hide joints of their own: upside down, lying,
            folded, turned away, or blurred.
        crowd: people in the photo; ``crowd_overlap``: share of a person's box that others' boxes cover.
        soft: of the picture along its most blurred direction, from which it is blurred; ``soft_difference``: by which
            other directions are sharper.
        small: px of a person of 1.7 m.
    """

    inverted_trunk: float = 115.0
    bent_trunk: float = 65.0
    bent_fold: float = 110.0
    lying_hips: float = 0.2
    lying_neck: float = 0.3
    lying_trunk: float = 50.0
    crouch_hips: float = 0.36
    crouch_knee: float = 85.0
    crouch_shank: float = 60.0
    crouch_clear: float = 0.06
    crouch_overhang: float = 0.2
    seated_hips: float = 0.185
    cross_legged_knee: float = 80.0
    cross_legged_gap: float = 0.9
    cross_legged_knees: float = 1.6
    crossed_ankles: float = 0.65
    crossed_knees: float = 0.96
    crossed_thighs: float = 0.45
    leg_split: float = 95.0
    leg_straight: float = 50.0
    arm_split: float = 105.0
    arm_straight: float = 75.0
    raised: float = 0.08
    bend_back: float = -15.0
    lean: float = 17.0
    twist: float = 45.0
    extension: float = 25.0
    foot_at_head: float = 0.38
    behind: float = 110.0
    from_above: float = 30.0
    from_below: float = -24.0
    outside: float = 0.15
    hidden: float = 0.16
    hidden_besides: float = 0.45
    crowd: int = 4
    crowd_overlap: float = 0.35
    soft: float = 1.9
    soft_difference: float = 0.08
    small: float = 90.0


THRESHOLDS = Thresholds()
