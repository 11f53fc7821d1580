"""Who is shown: the worst, balanced by kind."""

from __future__ import annotations

from native_runtime.mining.choice import balanced, main_kinds


def test_the_worst_come_first() -> None:
    assert balanced([0.1, 0.9, 0.5], [(), (), ()], 2) == [1, 2]
    assert balanced([0.1, 0.9, 0.5], [(), (), ()], 9) == [1, 2, 0]


def test_a_kind_that_is_everywhere_leaves_room_for_others() -> None:
    scores = [0.90, 0.89, 0.88, 0.87, 0.86, 0.60, 0.05]
    kinds = [("lying",)] * 5 + [("crowd",), ("crouch",)]
    chosen = balanced(scores, kinds, 4)
    assert 5 not in balanced(scores, [()] * 7, 4)
    assert 6 not in chosen, "somebody who is right is not shown because of a rare kind"
    assert balanced([0.9, 0.89, 0.88, 0.85], [("lying",)] * 3 + [("crowd",)], 3) == [0, 1, 3]


def test_the_rarest_kind_of_somebody_counts() -> None:
    assert main_kinds([("lying", "crowd"), ("lying",), ()]) == ["crowd", "lying", ""]


def test_equal_scores_keep_their_order() -> None:
    assert balanced([0.5] * 5, [()] * 5, 3) == [0, 1, 2]
