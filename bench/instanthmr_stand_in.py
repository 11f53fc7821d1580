"""A network that costs what InstantHMR's largest does, with random weights: for measuring time, nothing else.

HGNetV2-B4 (PaddleClas, `ppcls/arch/backbone/legendary_models/pp_hgnet_v2.py`: stem, stages and their widths) and a
transformer decoder of four layers, 512 wide, with 71 queries, as the publisher describes it
(`docs/accuracy_audit_2026-09-06.md` of github.com/mohamdev/InstantHMR). Heads are single matrices.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

STAGES = (
    (48, 48, 128, 1, False, False, 3),
    (128, 96, 512, 1, True, False, 3),
    (512, 192, 1024, 3, True, True, 5),
    (1024, 384, 2048, 1, True, True, 5),
)
"""Channels in, within and out; blocks; whether it halves the picture; whether its layers are light; their kernel."""

LAYERS = 6
WIDTH, QUERIES, DECODERS = 512, 71, 4


def convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, acts: bool = True
) -> nn.Module:
    """With batch normalisation, which the exporter folds in."""
    parts = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        *([nn.ReLU()] if acts else []),
    ]
    return nn.Sequential(*parts)


class Block(nn.Module):
    """Layers one after the other; what all of them say is joined and narrowed."""

    def __init__(self, inputs: int, within: int, outputs: int, light: bool, kernel: int, residual: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for number in range(LAYERS):
            before = inputs if number == 0 else within
            if light:
                layer = nn.Sequential(
                    convolution(before, within, 1, acts=False), convolution(within, within, kernel, groups=within)
                )
            else:
                layer = convolution(before, within, kernel)
            self.layers.append(layer)
        together = inputs + LAYERS * within
        self.join = nn.Sequential(convolution(together, outputs // 2, 1), convolution(outputs // 2, outputs, 1))
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        said = [x]
        for layer in self.layers:
            said.append(layer(said[-1]))
        out = self.join(torch.cat(said, dim=1))
        return out + x if self.residual else out


class CostlyStandIn(nn.Module):
    """Inputs and outputs of the released networks; its answers mean nothing."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Sequential(convolution(3, 32, 3, 2), convolution(32, 32, 3), convolution(32, 48, 3, 2))
        parts: list[nn.Module] = []
        for inputs, within, outputs, blocks, halves, light, kernel in STAGES:
            if halves:
                parts.append(convolution(inputs, inputs, 3, 2, groups=inputs, acts=False))
            for number in range(blocks):
                before = inputs if number == 0 else outputs
                parts.append(Block(before, within, outputs, light, kernel, number > 0))
        self.stages = nn.Sequential(*parts)
        self.narrow = nn.Linear(2048, WIDTH)
        self.queries = nn.Parameter(torch.randn(1, QUERIES, WIDTH) * 0.02)
        layer = nn.TransformerDecoderLayer(WIDTH, 8, 2048, 0.0, "gelu", batch_first=True, norm_first=True)
        self.decoder = nn.TransformerDecoder(layer, DECODERS)
        for weights in self.decoder.parameters():  # copies of one layer would be one in the file
            nn.init.normal_(weights, std=0.02)
        self.parameters_, self.points = nn.Linear(WIDTH, 204 + 45), nn.Linear(WIDTH, 2)
        self.place = nn.Linear(WIDTH + 3, 3)
        with torch.no_grad():  # a small body five metres away, whatever it sees
            for head in (self.parameters_, self.place):
                head.weight.mul_(1e-3)
                head.bias.zero_()
            self.place.bias.copy_(torch.tensor([0.0, 1.0, 5.0]))

    def forward(self, image: Tensor, cliff_cond: Tensor) -> tuple[Tensor, ...]:
        seen = self.narrow(self.stages(self.stem(image)).flatten(2).transpose(1, 2))
        tokens = self.decoder(self.queries.expand(image.shape[0], -1, -1), seen)
        numbers = self.parameters_(tokens[:, 0])
        place = self.place(torch.cat([tokens[:, 0], cliff_cond], dim=1))
        return numbers[:, :204], numbers[:, 204:], place, self.points(tokens[:, 1:]).tanh()


def export(path: Path) -> int:
    """Write the network as the releases are written; returns how many weights it has."""
    model = CostlyStandIn().eval()
    into, out = ["image", "cliff_cond"], ["mhr_params", "shape_params", "cam_trans", "joints_2d"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (torch.zeros(1, 3, 224, 224), torch.zeros(1, 3)), str(path), input_names=into, output_names=out,
            dynamic_axes={name: {0: "batch"} for name in (*into, *out)}, opset_version=17, dynamo=False,
        )  # fmt: skip
    return sum(weights.numel() for weights in model.parameters())
