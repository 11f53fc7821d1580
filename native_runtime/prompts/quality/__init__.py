"""Prompts that contradict the rest, and keypoints that are worth a prompt; for any engine.

``judge`` answers both in one call; ``check_quality`` and ``rank_keypoints`` each one.
"""

from .check import Fix, PromptWarning, WarningKind, check_quality
from .judgement import Judgement, judge
from .prediction import Opinion, Prediction, person_size
from .ranking import SOURCES, Suggestion, combined_uncertainty, of_decoder, of_flip, of_rounds, rank_keypoints

__all__ = [
    "SOURCES",
    "Fix",
    "Judgement",
    "Opinion",
    "Prediction",
    "PromptWarning",
    "Suggestion",
    "WarningKind",
    "check_quality",
    "combined_uncertainty",
    "judge",
    "of_decoder",
    "of_flip",
    "of_rounds",
    "person_size",
    "rank_keypoints",
]
