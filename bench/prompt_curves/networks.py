"""A network in training as a model that prompts are put to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from native_runtime.dataset.rows import Row
from native_runtime.prompts.prompt import Prompt
from native_runtime.training.models import Answers, PromptableModel
from native_runtime.training.prompting.keypoints import Prompts
from native_runtime.training.validation import Known

from .models import Answer, Case, seen_of


class _NetworkPerson:
    """One person of a data set. Prompts are put one after the other, each answer going on from the last, as in
    training's rounds.
    """

    def __init__(self, model: PromptableModel, data: Known, number: int) -> None:
        self._model = model
        _, self._crops, people = data.batch([number])
        self._side = float(self._crops.pixels.shape[1])
        self._none = Prompts.none(1, people.keypoints_2d).points
        with torch.no_grad():
            self._read = model.read(self._crops, torch.zeros_like(self._crops.masks), torch.zeros(1))

    @torch.no_grad()
    def answer(self, prompts: Sequence[Prompt]) -> Answer:
        affine = self._crops.view.affine[0].double().numpy()
        said = self._model.answer(self._read, self._crops, self._none, None)
        points = self._none
        for keypoint, x, y in prompts:
            place = (affine[:, :2] @ [x, y] + affine[:, 2]) / self._side
            points = torch.cat([points, torch.tensor([[[*place, keypoint]]], dtype=torch.float32)], dim=1)
            said = self._model.answer(self._read, self._crops, points, said.estimate)
        return self._in_photo(said, affine)

    def _in_photo(self, said: Answers, affine: np.ndarray) -> Answer:
        last = said.layers[-1]
        crop = (last.keypoints_2d[0].double().numpy() + 0.5) * self._side
        return Answer((crop - affine[:, 2]) @ np.linalg.inv(affine[:, :2]).T, last.keypoints_3d[0].double().numpy())


def network_cases(model: PromptableModel, data: Known, rows: Sequence[Row]) -> Iterator[Case]:
    """The people of a data set, before a network.

    Args:
        rows: the truth, in the order of ``data``.
    """
    for number, row in enumerate(rows):
        person = _NetworkPerson(model, data, number)
        yield Case(row.image, row, seen_of(row), person, person.answer(()))
