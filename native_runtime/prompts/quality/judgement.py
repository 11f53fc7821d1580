"""Both checks in one call, as an engine runs them after each estimate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from native_runtime.prompts.prompt import Prompt

from .check import PromptWarning, check_quality
from .prediction import Prediction
from .ranking import Suggestion, rank_keypoints

MOST = 5
"""The number of suggestions: more than a handful are not helpful."""


@dataclass(frozen=True)
class Judgement:
    """What is odd about the prompts, and what to prompt next."""

    warnings: tuple[PromptWarning, ...]
    suggestions: tuple[Suggestion, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The warnings in plain words, for ``Estimate.warnings``; two that say the same (of a swapped pair) once."""
        return tuple(dict.fromkeys(warning.text for warning in self.warnings))

    @property
    def details(self) -> dict[str, Any]:
        """For ``Estimate.details``, ready for ``json.dumps``."""
        return {
            "prompt_warnings": [warning.to_json() for warning in self.warnings],
            "suggested_keypoints": [suggestion.to_json() for suggestion in self.suggestions],
        }


def judge(prompts: Sequence[Prompt], unprompted: Prediction, sources: Mapping[str, ArrayLike]) -> Judgement:
    """Check the prompts and rank what is left.

    Args:
        prompts: all that were given, of every kind.
        unprompted: the prediction without them (see ``check_quality``).
        sources: disagreements in the prediction with them (see ``rank_keypoints``).
    """
    warnings = check_quality(prompts, unprompted)
    return Judgement(tuple(warnings), tuple(rank_keypoints(sources, [prompt[0] for prompt in prompts], MOST)))
