"""What an artist set on a body by hand: numbers of an estimate that stay, whatever an engine predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import PromptError, UsageError

from .estimate import Estimate

Array = NDArray[np.float64]

WITHOUT_EDITS = "without_edits"
"""In an estimate's details: what the engine had in place of the artist's numbers, as ``Edits.to_json`` writes them."""

TOGETHER = "moved_along_view"
"""In an estimate's details: metres by which the person was moved along the line of sight, away from the camera, to
agree with the others in the photo (``engines.together``)."""

_FIELDS = ("model_parameters", "identity", "expression")
_TRANSLATION = "camera_translation"
_ROOT_PLACE, _ROOT_TURN = range(3), range(3, 6)
_ROOT_JOINT = 1
"""MHR's, of which the world's is the first."""


@dataclass(frozen=True)
class Edits:
    """Numbers that an artist set, by their place in the arrays of an estimate.

    Attributes:
        model_parameters, identity, expression: index -> value. The root's translation (0 to 2) is never among the
            parameters: the place is in the camera's translation.
        camera_translation: (3,) m; None where the person was not moved.
        yielding: indices of edited model parameters that give way to pins: these came later than the edit. 0 to 2
            stand for the place.
        along: m by which the engine's place is moved along the line of sight (``TOGETHER``): no artist's doing, but
            kept as if it were.
    """

    model_parameters: Mapping[int, float] = field(default_factory=dict)
    identity: Mapping[int, float] = field(default_factory=dict)
    expression: Mapping[int, float] = field(default_factory=dict)
    camera_translation: Array | None = None
    yielding: frozenset[int] = frozenset()
    along: float = 0.0

    @staticmethod
    def from_json(content: Any) -> Edits:
        """Reads what ``to_json`` wrote.

        Raises:
            UsageError: it is something else.
        """
        try:
            numbers = {name: _numbers(content.get(name, {})) for name in _FIELDS}
            translation = content.get(_TRANSLATION)
            if translation is not None:
                translation = np.array(translation, np.float64)
                if translation.shape != (3,) or not np.isfinite(translation).all():
                    raise ValueError(_TRANSLATION)
            if any(index in numbers["model_parameters"] for index in _ROOT_PLACE):
                raise ValueError("the root's translation")
            along = float(content.get("along", 0.0))
            if not np.isfinite(along):
                raise ValueError("along")
            yielding = frozenset(map(int, content.get("yielding", ())))
            return Edits(**numbers, camera_translation=translation, yielding=yielding, along=along)
        except (AttributeError, TypeError, ValueError) as error:
            raise UsageError(f"'edits' cannot be read ({error}); docs/worker.md says how they are written.") from error

    def to_json(self) -> dict[str, Any]:
        """Ready for ``json.dumps``; empty where nothing was edited."""
        content: dict[str, Any] = {
            name: {str(index): float(value) for index, value in numbers.items()}
            for name in _FIELDS
            if (numbers := getattr(self, name))
        }
        if self.camera_translation is not None:
            content[_TRANSLATION] = np.asarray(self.camera_translation, np.float64).tolist()
        if self.yielding:
            content["yielding"] = sorted(self.yielding)
        if self.along:
            content["along"] = self.along
        return content

    @property
    def moves_root(self) -> tuple[bool, bool]:
        """Whether the whole body's direction and its place are the artist's, and firm."""
        turned = any(index in self.model_parameters and index not in self.yielding for index in _ROOT_TURN)
        return turned, self.camera_translation is not None and not self._place_yields

    @property
    def _place_yields(self) -> bool:
        return any(index in self.yielding for index in _ROOT_PLACE)

    def firm(self, count: int) -> NDArray[np.bool_]:
        """(count,) the edited model parameters that no pin may change."""
        out = np.zeros(count, bool)
        out[[index for index in self.model_parameters if index not in self.yielding]] = True
        return out

    def on(self, estimate: Estimate, without_yielding: bool = False) -> Estimate:
        """An estimate with the artist's numbers. What follows from them (vertices, keypoints) is not renewed.

        Args:
            without_yielding: leave the estimate's own numbers where pins are later than the edits.

        Raises:
            PromptError: the edits are of another body.
        """
        arrays = {name: getattr(estimate, name).copy() for name in _FIELDS}
        for name, array in arrays.items():
            for index, value in getattr(self, name).items():
                if not 0 <= index < len(array):
                    raise PromptError("The edits by hand belong to another body than the engine's: they are lost.")
                if not (without_yielding and name == "model_parameters" and index in self.yielding):
                    array[index] = value
        translation = self.camera_translation
        if translation is None or (without_yielding and self._place_yields):
            translation = self._beside(estimate)
        return replace(estimate, camera_translation=np.array(translation, np.float64), **arrays)

    def replaced(self, estimate: Estimate) -> dict[str, Any]:
        """What an estimate has in place of these numbers, in the form of ``to_json``."""
        parameters, identity, expression = (
            {index: float(getattr(estimate, name)[index]) for index in getattr(self, name)} for name in _FIELDS
        )
        translation = None if self.camera_translation is None else self._beside(estimate)
        return Edits(parameters, identity, expression, translation).to_json()

    def _beside(self, estimate: Estimate) -> Array:
        """(3,) m: where the engine has the person, among the others of the photo."""
        return moved_along(estimate, self.along)


def moved_along(estimate: Estimate, along: float) -> Array:
    """(3,) m: the camera translation of an estimate whose person is moved so far along their line of sight."""
    if not along:
        return estimate.camera_translation
    root = estimate.joints[_ROOT_JOINT]
    return np.asarray(estimate.camera_translation + along * root / max(float(np.linalg.norm(root)), 1e-9))


def _numbers(content: Mapping[Any, Any]) -> dict[int, float]:
    numbers = {int(index): float(value) for index, value in content.items()}
    if not all(np.isfinite(value) for value in numbers.values()):
        raise ValueError("a value that is not a number")
    return numbers
