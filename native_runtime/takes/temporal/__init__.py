"""The temporal fit: one body for a person in a take, and its poses in all frames at once."""

from .fit import TemporalFit, fit_take
from .options import TemporalOptions

__all__ = ["TemporalFit", "TemporalOptions", "fit_take"]
