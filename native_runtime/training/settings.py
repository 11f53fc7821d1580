"""A training's settings, and the file that they are written in."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from native_runtime.errors import UsageError

from .formats import SETTINGS
from .losses.schedule import Weight
from .losses.total import Weights
from .prompting.keypoints import PromptSettings
from .prompting.masks import MaskSettings

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class TrainingSettings:
    """All that decides what comes out of a training, besides the data and the network.

    Attributes:
        seed: of all that is drawn.
        steps: updates of the weights.
        batch: people a step, over all processes.
        learning_rate: AdamW's, at the end of the warm-up; it falls to a hundredth of it along half a cosine;
            at most 1, since that is about how far a step moves each weight.
        warm_up: steps in which it rises evenly from 0.
        weight_decay: of matrices; biases, norms and embeddings have none.
        clip: largest norm of the gradient.
        average: how much of the averaged weights each step keeps (exponential moving average).
        precision: of the forward pass; with bfloat16 the weights stay in float32.
        deterministic: refuse operations whose results differ from run to run.
        validate_every: steps between two looks at people who are not learnt from.
        patience: looks without a better result after which the training ends; 0 for never.
        save_every: steps between two checkpoints.
        train_encoder: whether the image encoder learns, too.
    """

    seed: int = 0
    steps: int = 10_000
    batch: int = 32
    learning_rate: float = 3e-4
    warm_up: int = 200
    weight_decay: float = 0.01
    clip: float = 1.0
    average: float = 0.999
    precision: Precision = "float32"
    deterministic: bool = True
    validate_every: int = 500
    patience: int = 0
    save_every: int = 500
    train_encoder: bool = False
    weights: Weights = field(default_factory=Weights)
    prompts: PromptSettings = field(default_factory=PromptSettings)
    masks: MaskSettings = field(default_factory=MaskSettings)

    def __post_init__(self) -> None:
        for names, possible, rule in (
            (("steps", "batch", "validate_every", "save_every"), lambda value: value >= 1, "1 or more"),
            (("seed", "warm_up", "weight_decay", "patience"), lambda value: 0 <= value < math.inf, "0 or more"),
            (("learning_rate",), lambda value: 0 < value <= 1, "more than 0, and at most 1"),
            (("clip",), lambda value: 0 < value < math.inf, "more than 0"),
            (("average",), lambda value: 0 <= value < 1, "from 0 to less than 1"),
            (("precision",), get_args(Precision).__contains__, " or ".join(map(repr, get_args(Precision)))),
        ):
            for name in names:
                if not possible(getattr(self, name)):
                    raise ValueError(f"'{name}' has to be {rule}, not {getattr(self, name)!r}")

    def to_json(self) -> dict[str, Any]:
        """As a mapping that ``read`` understands."""
        return {"format": str(SETTINGS), **asdict(self)}

    @staticmethod
    def read(content: Mapping[str, Any], title: object) -> TrainingSettings:
        """Settings of a mapping, as a file or a checkpoint holds them; what it leaves out has its default.

        Raises:
            UsageError: a name is unknown, or a value of a wrong type or impossible.
        """
        try:
            if not isinstance(content, Mapping):
                raise ValueError("settings are an object of names and values in braces")
            if "format" not in content:
                raise ValueError(f'it states no format; add "format": "{SETTINGS}"')
            given = dict(SETTINGS.checked(content, title))
            given.pop("format")
            return _read(TrainingSettings, given, "")
        except (ValueError, TypeError) as error:
            raise UsageError(f"{title}: {error}.") from error

    @staticmethod
    def load(path: Path) -> TrainingSettings:
        """Settings of a JSON file.

        Raises:
            UsageError: it is none, or see ``read``.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError as error:
            raise UsageError(f"There is no file of settings '{path}'.") from error
        except OSError as error:
            raise UsageError(f"'{path}' cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"{path.name} cannot be read as JSON: it is no text in UTF-8.") from error
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path.name} cannot be read as JSON: {error}.") from error
        return TrainingSettings.read(content, path.name)


def _read(kind: Any, given: Mapping[str, Any], above: str) -> Any:
    """An instance of a dataclass of a mapping."""
    types = get_type_hints(kind)
    unknown = sorted(given.keys() - {each.name for each in fields(kind)})
    if unknown:
        raise ValueError(f"there is no setting '{above}{unknown[0]}'")
    return kind(**{name: _value(types[name], value, above + name) for name, value in given.items()})


def _value(kind: Any, value: Any, name: str) -> Any:
    """A setting's value as its type. Numbers are finite, also as the float32 that they are computed with."""
    if kind is Weight and isinstance(value, int | float) and not isinstance(value, bool):
        return Weight(_value(float, value, name))
    if is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise ValueError(f"'{name}' has settings of its own: an object in braces, not {_shown(value)}")
        return _read(kind, value, f"{name}.")
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) <= _LARGEST:
            raise ValueError(f"'{name}' has to be a finite number, not {_shown(value)}")
        return float(value)
    if kind is int and type(value) is int and abs(value) > sys.maxsize:
        raise ValueError(f"'{name}' has to be a whole number of at most 64 bits, not {_shown(value)}")
    if kind in _KINDS and type(value) is not kind:
        raise ValueError(f"'{name}' has to be {_KINDS[kind]}, not {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    """A value as JSON has it, cut short."""
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


_LARGEST = 3.4028234663852886e38
"""The largest number of float32."""
_SHOWN = 40
_KINDS = {int: "a whole number", float: "a number", bool: "true or false"}
