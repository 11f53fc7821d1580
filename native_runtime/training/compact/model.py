"""The network ``compact`` in PyTorch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from native_runtime.compact.inputs import POINT_CHANNELS, VIEW_CHANNELS
from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.detection.lifting import POINTS, SEGMENTS

CELLS, COARSE, FINE = 64, 288, 192
"""Cells of the window, and channels of the coarse and the fine features."""
_WIDEST = 5.0
"""Inputs count up to so many of their standard deviations."""
_LOGARITHMS = -4.6, 0.4
"""Of standard deviations."""
_SPATIAL, _FLAT = 6, 4
"""Numbers of each vector and place, and of each point: components, and the logarithms of their standard deviations."""
_UNIT, _USUAL = 0.05, 3.5
"""Sides of the window: what a number of a point counts; and the logarithm of their usual error, below 0."""
_SMALL = -7.0
"""The least logarithm of a point's standard deviation."""
_STARTS, _ENDS = ([BODY_POINTS.index(segment[end]) for segment in SEGMENTS] for end in (0, 1))
_COLUMNS = [BODY_POINTS.index(name) for name in POINTS]


class Told(NamedTuple):
    """What the network says of B looks: unit vectors (B, 19, 3), places (B, 21, 3) m, and by how much the points of the
    landmark network are off, (B, 33, 2) sides of the window; and the logarithms of their standard deviations.
    """

    vectors: Tensor
    vector_logs: Tensor
    places: Tensor
    place_logs: Tensor
    points: Tensor
    point_logs: Tensor


class CompactNetwork(nn.Module):
    """A token for each point and one for the view; they look at each other and at the cells of the window in turns, as
    the decoder of SAM 3D Body does (arXiv 2602.15989, section 3). A linear way leads around all of it.

    Args:
        width: of the tokens.
        layers: of the decoder.
        heads: of each attention.
        dropout: share of the numbers that are left out of each step of training, and of the cells of the window.
        detail: numbers that are made of the fine features of each point.
    """

    def __init__(
        self, width: int = 128, layers: int = 2, heads: int = 4, dropout: float = 0.15, detail: int = 32
    ) -> None:
        super().__init__()
        plain = len(BODY_POINTS) * POINT_CHANNELS + VIEW_CHANNELS
        told = (len(SEGMENTS) + len(POINTS)) * _SPATIAL + len(BODY_POINTS) * _FLAT
        self.point, self.view = nn.Linear(POINT_CHANNELS, width), nn.Linear(VIEW_CHANNELS, width)
        self.detail = nn.Sequential(nn.Linear(FINE, detail), nn.GELU(), nn.Linear(detail, width))
        self.kind = nn.Parameter(0.02 * torch.randn(len(BODY_POINTS) + 1, width))
        self.cell, self.cell_norm = nn.Linear(COARSE, width), nn.LayerNorm(width)
        self.cell_place = nn.Parameter(0.02 * torch.randn(CELLS, width))
        self.layers = nn.ModuleList(_Layer(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.of_point = nn.Linear(width, _SPATIAL + _FLAT)
        self.of_segment = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, _SPATIAL))
        self.around = nn.Linear(plain, told)
        self.share = dropout
        for name, shape in (("point", (len(BODY_POINTS), POINT_CHANNELS)), ("coarse", (COARSE,)), ("fine", (FINE,))):
            self.register_buffer(f"{name}_mean", torch.zeros(shape))
            self.register_buffer(f"{name}_scale", torch.ones(shape))
        self.register_buffer("calibration", torch.zeros(len(SEGMENTS) + len(POINTS), 3))
        self.register_buffer("point_calibration", torch.zeros(len(BODY_POINTS), 2))

    def _scaled(self, values: Tensor, name: str) -> Tensor:
        mean, scale = self.get_buffer(f"{name}_mean"), self.get_buffer(f"{name}_scale")
        return ((values - mean) / scale).clamp(-_WIDEST, _WIDEST)

    def forward(self, points: Tensor, view: Tensor, coarse: Tensor, fine: Tensor, blind: Tensor | None = None) -> Told:
        """What is told of B looks; arguments as ``compact.inputs.Inputs``.

        Args:
            blind: (B,) bool, which looks do not see the features.
        """
        scaled = self._scaled(points, "point")
        detail = self.detail(self._scaled(fine, "fine"))
        cells = self.cell_norm(self.cell(self._scaled(coarse, "coarse")) + self.cell_place)
        if self.training and self.share:
            cells = functional.dropout1d(cells, self.share)
        if blind is not None:
            cells, detail = (values.masked_fill(blind[:, None, None], 0.0) for values in (cells, detail))
        tokens = torch.cat([self.point(scaled) + detail, self.view(view)[:, None]], dim=1) + self.kind
        for layer in self.layers:
            tokens = layer(tokens, cells)
        tokens = self.norm(tokens)
        of_points = self.of_point(tokens[:, : len(BODY_POINTS)])
        of_segments = self.of_segment(torch.cat([tokens[:, _STARTS], tokens[:, _ENDS]], dim=2))
        around = self.around(torch.cat([scaled.flatten(1), view], dim=1))
        spatial_around, flat_around = around.split(
            [(len(SEGMENTS) + len(POINTS)) * _SPATIAL, len(BODY_POINTS) * _FLAT], dim=1
        )
        flat = of_points[..., _SPATIAL:] + flat_around.unflatten(1, (-1, _FLAT))
        spatial = torch.cat([of_segments, of_points[:, _COLUMNS, :_SPATIAL]], dim=1)
        spatial = spatial + spatial_around.unflatten(1, (-1, _SPATIAL))
        logs = (spatial[..., 3:] + self.calibration).clamp(*_LOGARITHMS)
        (vectors, places), (vector_logs, place_logs) = (
            values.split([len(SEGMENTS), len(POINTS)], dim=1) for values in (spatial[..., :3], logs)
        )
        point_logs = (flat[..., 2:] + self.point_calibration - _USUAL).clamp(_SMALL, 0.0)
        return Told(vectors, vector_logs, places, place_logs, _UNIT * flat[..., :2], point_logs)


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.own, self.cross = _Attention(width, heads), _Attention(width, heads)
        self.rest = nn.Sequential(
            nn.Linear(width, 3 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(3 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, cells: Tensor) -> Tensor:
        first, second, third = self.norms
        normed = first(tokens)
        tokens = tokens + self.dropout(self.own(normed, normed))
        tokens = tokens + self.dropout(self.cross(second(tokens), cells))
        result: Tensor = tokens + self.dropout(self.rest(third(tokens)))
        return result


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key_and_value, self.out = (nn.Linear(width, n * width) for n in (1, 2, 1))

    def forward(self, asking: Tensor, asked: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(asking), *self.key_and_value(asked).chunk(2, dim=2))
        )
        found = functional.scaled_dot_product_attention(query, key, value)
        result: Tensor = self.out(found.transpose(1, 2).flatten(2))
        return result


class Exported(nn.Module):
    """The same with standard deviations instead of their logarithms, and vectors that are no longer than 1."""

    def __init__(self, network: CompactNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, points: Tensor, view: Tensor, coarse: Tensor, fine: Tensor) -> tuple[Tensor, ...]:
        """Vectors, their deviations, places, theirs, points as fractions of the window, and theirs."""
        told = self.network(points, view, coarse, fine)
        length = told.vectors.square().sum(dim=2, keepdim=True).sqrt().clamp(min=1.0)
        return (
            told.vectors / length, told.vector_logs.exp(), told.places, told.place_logs.exp(),
            points[..., :2] + 0.5 + told.points, told.point_logs.exp(),
        )  # fmt: skip
