"""What a character's control rig is: its bones, what ties them together, and how a pose sets them, without Blender.

The control rig is an armature of its own beside the character's. The 127 bones of MHR stay what they are, and follow
bones of the control rig that stand in the same frames (``ControlPlan.follow``).

**Names** are those of animators, with ``.L`` and ``.R``: ``root``, ``hips``, ``spine.01`` to ``spine.04``, ``chest``,
``neck``, ``head``, ``jaw``, ``eyes``, ``eye.L``, ``shoulder.L``, ``upper_arm_fk.L``, ``forearm_fk.L``, ``hand_fk.L``,
``hand_ik.L``, ``elbow_pole.L``, ``f_index.01.L``, ``thigh_fk.L``, ``shin_fk.L``, ``foot_fk.L``, ``foot_ik.L``,
``knee_pole.L``, ``foot_roll.L``, ``toe.L`` and so on. ``MCH-`` is mechanism; ``ORG-`` is the limb as it is after the
choice between FK and IK.

**FK.** An FK control has the rest frame, the parent frame and the Euler order of an MHR joint, so that its channels are
the joint's angles. Two controls stand for several joints. ``hand_fk`` turns by ``Ry Rx Rz``: y is the twist of the
forearm (``wrist_twist``), x and z are the wrist's. ``foot_fk`` turns by ``Rz Ry Rx``: z and y are the lower leg's twist
and the foot's sideways turn (``foot``), x is the ankle (``talocrural``). The mechanism takes these angles apart again.

**IK** is solved in closed form, by drivers of simple expressions, not by Blender's iterative solver: it reaches the
target to single precision, cannot flip, and is the same in all versions. The hinge of MHR's elbow is not at a right
angle to the upper arm; ``limbs`` has the formulas, which respect that, so that under IK, too, the elbow and the knee
turn about MHR's own axis and nothing else. In short: a *line* bone points from the shoulder to the target, its z axis
to the pole; the bend follows from the distance; the upper arm is turned beneath the line such that the wrist comes to
lie on it. The hand takes the target's orientation.

**What an estimate does.** ``pose.control_channels`` computes the channels of all controls, FK and IK, from the numbers
of a pose, so that either shows that pose. What a control has no channel for is kept in mechanism bones: the side to
which a joint bends (an estimate may bend a knee backwards), whole turns of the wrist, the small angles of the ankle.
Controls that add to others (chest, finger curls, foot roll) go to zero.

**Skeleton sliders** move the rest places of all controls, by drivers, as they move MHR's joints.
"""
