"""Every forward pass of the recorded pipelines, from the crop's pixels to the person: all three modules together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the export needs PyTorch")

from native_runtime.network.backbones import Encoder, build_backbone  # noqa: E402
from native_runtime.network.configuration import ModelConfiguration  # noqa: E402
from native_runtime.network.context import Context  # noqa: E402
from native_runtime.network.decoder import Decoder  # noqa: E402
from native_runtime.network.network import SAM3DBody, load_tensors  # noqa: E402
from tests.support.parity import DECODER_OUTPUTS, recording  # noqa: E402
from tests.support.recorded_network import case_settings, case_tensors, reduced_rays  # noqa: E402

PREVIOUS = ("pred_pose_raw", "shape", "scale", "hand", "face", "pred_cam")
PIPELINES = ("body_1p", "full_1p", "full_1p_anglefail", "full_1p_mask", "full_1p_nohand", "full_1p_vitcrop", "full_3p")


class Pass:
    """One forward pass of a pipeline: its crops, as the network takes them."""

    def __init__(self, network: SAM3DBody, pipeline: dict[str, np.ndarray], name: str) -> None:
        self.network, self.kind = network, "body" if name == "body" else "hand"
        batch = {key: torch.from_numpy(a) for key, a in pipeline.items() if key.startswith(f"{name}.")}
        self.crops = batch[f"{name}.crop_uint8"]
        people = len(self.crops)
        affine = batch[f"{name}.batch.affine_trans"].flatten(0, 1)
        intrinsics = batch[f"{name}.batch.cam_int"].expand(people, 3, 3)
        center = batch[f"{name}.batch.bbox_center"].flatten(0, 1)
        self.condition = batch[f"{name}.out.condition_info"]
        self.view = (center, batch[f"{name}.batch.bbox_scale"].flatten(0, 1)[:, 0], affine, intrinsics)
        nothing = torch.zeros(people, 1, *self.crops.shape[1:3])
        self.mask = batch[f"{name}.batch.mask"].flatten(0, 1).float() if f"{name}.batch.mask" in batch else nothing
        score = batch.get(f"{name}.batch.mask_score")
        self.score = torch.zeros(people) if score is None else score.flatten()

    def rays(self) -> torch.Tensor:
        """x and y of every pixel's direction at depth 1, reduced and cut as the features are."""
        _, _, affine, intrinsics = self.view
        height, width = self.crops.shape[1:3]
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        pixels = torch.stack([x, y]).float()
        scale, shift = (torch.stack([affine[:, i, j] for i, j in at], 1) for at in (((0, 0), (1, 1)), ((0, 2), (1, 2))))
        focal, principal = torch.diagonal(intrinsics[:, :2, :2], dim1=1, dim2=2), intrinsics[:, :2, 2]
        scale, shift, focal, principal = (v[:, :, None, None] for v in (scale, shift, focal, principal))
        rays = ((pixels - shift) / scale - principal) / focal
        margin = self.network.configuration.margin
        return reduced_rays(rays[..., margin : width - margin], self.network.configuration.patch)

    def contexts(self) -> tuple[torch.Tensor, ...]:
        features = Encoder(self.network.backbone, self.network.configuration.margin)(self.crops)
        return Context(self.network, self.kind)(features, self.rays(), self.mask, self.score)

    def decode(self, support, contexts, keypoints, previous) -> dict[str, torch.Tensor]:
        decoder = Decoder(self.network, self.kind)
        outputs = decoder(keypoints, previous, self.condition, *self.view, support, *contexts)
        return dict(zip(decoder.output_names, outputs, strict=True))

    def unprompted(self, support, contexts) -> dict[str, torch.Tensor]:
        keypoints = torch.tensor([[[0.0, 0.0, -2.0]]]).expand(len(self.crops), 1, 3)
        initial = torch.cat([self.network.part(part, self.kind).weight for part in ("init_pose", "init_camera")], dim=1)
        return self.decode(support, contexts, keypoints, initial.expand(len(self.crops), -1))


def compare(outputs: dict[str, torch.Tensor], pipeline: dict[str, np.ndarray], prefix: str) -> None:
    for name, recorded in DECODER_OUTPUTS.items():
        if name != "keypoints_2d" and prefix + recorded in pipeline:
            wanted = torch.from_numpy(pipeline[prefix + recorded])
            torch.testing.assert_close(outputs[name], wanted, rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")
    visible = pipeline[f"{prefix}pred_keypoints_2d_depth"] > 0.05
    assert visible.any()
    wanted = torch.from_numpy(pipeline[f"{prefix}pred_keypoints_2d"][visible])
    torch.testing.assert_close(outputs["keypoints_2d"][visible], wanted, rtol=1e-5, atol=5e-3)


@pytest.fixture(scope="module", params=PIPELINES)
def pipeline(request, parity_case: Path) -> dict[str, np.ndarray]:
    return recording(parity_case, f"pipeline_{request.param}")


@pytest.fixture(scope="module")
def cut_network(parity_case: Path, pipeline: dict[str, np.ndarray]) -> SAM3DBody:
    """The case's network with the image encoder's width of this pipeline."""
    tensors, settings = case_tensors(parity_case), case_settings(parity_case)
    settings["MODEL"]["BACKBONE"]["TYPE"] = str(pipeline["in.backbone_type"])
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    network = SAM3DBody(ModelConfiguration.of(shapes, settings), build_backbone(shapes))
    load_tensors(network, tensors)
    return network.eval()


def test_the_body_and_its_refinement(pipeline, cut_network, support) -> None:
    crops = Pass(cut_network, pipeline, "body")
    contexts = crops.contexts()
    compare(crops.unprompted(support, contexts), pipeline, "body.out.mhr.")
    if "prompt.keypoints" in pipeline:
        previous = np.concatenate([pipeline[f"body.out.mhr.{name}"] for name in PREVIOUS], axis=1)
        keypoints = torch.from_numpy(pipeline["prompt.keypoints"])
        outputs = crops.decode(support, contexts, keypoints, torch.from_numpy(previous))
        compare(outputs, pipeline, "prompt.out.")


@pytest.mark.parametrize("side", ["lhand", "rhand"])
def test_the_hands(pipeline, cut_network, support, side) -> None:
    if f"{side}.crop_uint8" not in pipeline:
        pytest.skip("this pipeline has no hand passes")
    crops = Pass(cut_network, pipeline, side)
    compare(crops.unprompted(support, crops.contexts()), pipeline, f"{side}.out.mhr_hand.")
