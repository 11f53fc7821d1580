"""The yardstick computes the same as the networks that are exported, only more of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from bench.sam3d_body.eager import DenseMHR, EagerNetworks  # noqa: E402
from native_runtime.build.official import read_torchscript_body  # noqa: E402
from native_runtime.build.sam3d_body.keypoint_support import keypoint_support  # noqa: E402
from native_runtime.mhr import Body  # noqa: E402
from native_runtime.network.context import Context  # noqa: E402
from native_runtime.network.decoder import Decoder  # noqa: E402
from native_runtime.network.mhr import KeypointSupport, pose_joints  # noqa: E402
from native_runtime.network.network import Kind  # noqa: E402

CROP = 512


@pytest.fixture(scope="module")
def body(rig: Path) -> Body:
    return read_torchscript_body(rig)


@pytest.fixture(scope="module")
def networks(checkpoint: Path, rig: Path) -> EagerNetworks:
    return EagerNetworks(checkpoint, rig)


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def test_the_whole_mesh_is_the_bodys(body: Body, rig: Path) -> None:
    rng = np.random.default_rng(1)
    parameters, shape = rng.uniform(-0.5, 0.5, (2, 204)), rng.normal(size=(2, 45))
    mhr = DenseMHR(rig)
    joints = pose_joints(mhr.kinematics, torch.from_numpy(parameters).float())
    vertices = mhr(joints, torch.from_numpy(shape).float(), torch.zeros(2, 72))
    np.testing.assert_allclose(vertices.numpy(), body.vertices(parameters, shape), atol=2e-3)


@pytest.mark.parametrize("kind", ["body", "hand"])
def test_every_output_of_a_pass_is_the_decoders(kind: Kind, networks: EagerNetworks, body: Body) -> None:
    network = networks.network
    rng = torch.Generator().manual_seed(2)
    rows, columns = network.configuration.feature_size
    features = torch.randn(2, network.configuration.channels, rows, columns, generator=rng)
    rays = torch.rand(2, 2, rows, columns, generator=rng) - 0.5
    image = (features, rays, torch.zeros(2, 1, CROP, CROP), torch.zeros(2))
    side, focal = torch.tensor([400.0, 600.0]), 900.0
    centre = torch.tensor([[300.0, 400.0], [350.0, 300.0]])
    zoom = CROP / side
    affine = torch.zeros(2, 2, 3)
    affine[:, 0, 0] = affine[:, 1, 1] = zoom
    affine[:, :, 2] = CROP / 2 - zoom[:, None] * centre
    intrinsics = torch.tensor([[focal, 0, 320.0], [0, focal, 380.0], [0, 0, 1]]).expand(2, 3, 3)
    initial = [network.part(f"init_{what}", kind).weight for what in ("pose", "camera")]
    previous = torch.cat(initial, dim=1).expand(2, -1)
    keypoints = torch.tensor([[[0.3, 0.4, 8.0], [0.0, 0.0, -2.0]], [[0.5, 0.6, 41.0], [0.7, 0.2, -1.0]]])
    condition = torch.stack([centre[:, 0] / focal, centre[:, 1] / focal, side / focal], dim=1)
    prompts = (keypoints, previous, condition, centre, side, affine, intrinsics)

    support = KeypointSupport.of(keypoint_support(body, network.head_pose.keypoint_mapping.numpy()))
    decoder = Decoder(network, kind)
    ours = decoder(*prompts, support, *Context(network, kind)(*image))
    theirs = networks.decode(kind, image, prompts)
    for name, mine in zip(decoder.output_names, ours, strict=True):
        assert mine.isfinite().all()
        scale = max(1.0, float(mine.abs().max()))
        assert float((mine - theirs[name]).abs().max()) < 2e-5 * scale, name
    assert float((theirs["layer_keypoints_2d"][-1] - theirs["layer_keypoints_2d"][0]).abs().max()) > 0.1


def test_crops_are_encoded_one_by_one(networks: EagerNetworks) -> None:
    crops = torch.randint(0, 256, (2, CROP, CROP, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    together = networks.encoder(crops)
    torch.testing.assert_close(networks.encode(crops), together, rtol=1e-4, atol=1e-5)
    assert float((together[0] - together[1]).abs().max()) > 0.01
