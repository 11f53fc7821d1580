"""The yardstick: the same weights in eager PyTorch float32, arranged as the reference arranges its computation.

Formulas are those of `native_runtime.network`; what differs is what is computed how often. As in the reference, every
pass of a decoder conditions the image features on the rays and computes each layer's cross-attention keys and values of
them; after each layer MHR is evaluated with all vertices (shapes, pose correctives by a dense matrix, skinning by
triplets), the 308 keypoints are a dense product over vertices and joints, all vertices are projected; the last layer
runs for all tokens. Only the joints' kinematics are the export's, which is faster than the reference's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from native_runtime.mhr.correctives import FIRST_JOINT
from native_runtime.mhr.official.torch_archive import TorchArchive
from native_runtime.mhr.rotations import quaternion_to_matrix
from native_runtime.network.backbones import Encoder, build_encoder
from native_runtime.network.configuration import ModelConfiguration
from native_runtime.network.context import Context
from native_runtime.network.decoder import POSE, Decoder, LayerState
from native_runtime.network.heads import CameraPrediction, MHRHead, PerspectiveHead, PosePrediction, View
from native_runtime.network.layers import PromptableDecoder
from native_runtime.network.mhr import KeypointSupport, PosedJoints, pose_joints
from native_runtime.network.network import Kind, SAM3DBody, load_tensors

_CENTIMETRE = 0.01
_IDENTITY_COLUMNS = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


class DenseMHR(nn.Module):
    """MHR with its whole mesh, read from `mhr_model.pt`."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        with TorchArchive(path) as archive:

            def tensor(*place: str) -> Tensor:
                node: Any = archive.content
                for name in place:
                    node = node[name]
                return torch.from_numpy(archive.tensor(*place, shape=(None,) * len(node.shape)).copy())

            character, skinning = "character_torch", ("character_torch", "linear_blend_skinning")
            layers = ("pose_correctives_model", "pose_dirs_predictor")
            transform = tensor(character, "parameter_transform", "parameter_transform")[:, :204]
            prerotations = tensor(character, "skeleton", "joint_prerotations").double().numpy()
            self.base = nn.Buffer(tensor(character, "blend_shape", "base_shape"))
            self.identity = nn.Buffer(tensor(character, "blend_shape", "shape_vectors"))
            self.expression = nn.Buffer(tensor("face_expressions_model", "shape_vectors"))
            self.vertex = nn.Buffer(tensor(*skinning, "vert_indices_flattened").long())
            self.joint = nn.Buffer(tensor(*skinning, "skin_indices_flattened").long())
            self.weight = nn.Buffer(tensor(*skinning, "skin_weights_flattened"))
            self.offsets = nn.Buffer(tensor(*layers, "2", "weight"))
            size = (self.offsets.shape[1], 6 * (len(prerotations) - FIRST_JOINT))
            places, values = tensor(*layers, "0", "sparse_indices"), tensor(*layers, "0", "sparse_weight")
            self.activation = nn.Buffer(torch.sparse_coo_tensor(places, values, size, check_invariants=True).coalesce())
            # The pairs of vertices and joints that the export computes keypoints with: none that matters.
            self.kinematics = KeypointSupport(
                parameter_transform=transform.T.contiguous(),
                joint_offsets=tensor(character, "skeleton", "joint_translation_offsets"),
                joint_prerotations=torch.from_numpy(quaternion_to_matrix(prerotations)).float(),
                pair_joints=torch.zeros(1, dtype=torch.int64),
                pair_sums=torch.zeros(70, 1),
                pair_weights=torch.zeros(1, 1),
                pair_places=torch.zeros(3),
                pair_identity=torch.zeros(len(self.identity), 3),
                corrective_features=torch.zeros(1, dtype=torch.int64),
                corrective_activation=torch.zeros(1, 1),
                corrective_places=torch.zeros(1, 3),
            )
        rest = pose_joints(self.kinematics, torch.zeros(1, transform.shape[1])).transforms
        self.inverse_bind = nn.Buffer(rest.inverse())

    def to_device(self, device: str) -> DenseMHR:
        """Move everything, the kinematics' arrays included."""
        self.kinematics = KeypointSupport(*(part.to(device) for part in self.kinematics))
        return self.to(device)

    def forward(self, joints: PosedJoints, shape: Tensor, face: Tensor) -> Tensor:
        """Vertices (B, V, 3), cm, MHR axes, of posed joints and coefficients (B, 45), (B, 72)."""
        rest = self.base + torch.einsum("bs,svc->bvc", shape, self.identity)
        rest = rest + torch.einsum("bs,svc->bvc", face, self.expression)
        columns = joints.turns[:, FIRST_JOINT:, :, :2].mT.flatten(2)
        features = (columns - columns.new_tensor(_IDENTITY_COLUMNS)).flatten(1)
        hidden = torch.sparse.mm(self.activation, features.T).relu()
        rest = rest + (self.offsets @ hidden).T.unflatten(1, (-1, 3))
        skinning = (joints.transforms @ self.inverse_bind)[:, self.joint]
        moved = (skinning[..., :3, :3] @ rest[:, self.vertex][..., None])[..., 0] + skinning[..., :3, 3]
        return torch.zeros_like(rest).index_add(1, self.vertex, moved * self.weight[:, None])


class ReferenceDecoder(Decoder):
    """A decoder in the reference's arrangement; its context comes without keys and values."""

    def __init__(self, network: SAM3DBody, kind: Kind, mhr: DenseMHR) -> None:
        super().__init__(network, kind)
        self.mhr = mhr
        self.image = Context(network, kind)

    def layers(
        self,
        tokens: Tensor,
        positions: Tensor,
        view: View,
        support: KeypointSupport,
        context: Tensor,
        keys_and_values: tuple[Tensor, ...],
    ) -> Iterator[LayerState]:
        """As the decoder's, but nothing is known beforehand and nothing left out."""
        decoder: PromptableDecoder = self._part("decoder")
        image, image_positions = context.flatten(2).mT, self.image.positions(32, 32)
        for index, layer in enumerate(decoder.layers):
            result = layer(tokens, positions, *layer.keys_and_values(image, image_positions))
            pose, camera = self.predict(decoder.norm_final(result)[:, POSE], view, support)
            yield LayerState(tokens, positions, result, pose, camera)
            if index < len(decoder.layers) - 1:
                tokens, positions = self.updated(result, positions, pose, camera, context)

    def predict(self, token: Tensor, view: View, support: KeypointSupport) -> tuple[PosePrediction, CameraPrediction]:
        """The heads' view of normed pose tokens (B, width), through the whole mesh."""
        head: MHRHead = self._part("head_pose")
        camera_head: PerspectiveHead = self._part("head_camera")
        pose = head(token, self._initial("pose"), support)
        flipped = token.new_tensor((1.0, -1.0, -1.0))
        vertices = self.mhr(pose.joints, pose.shape, pose.face) * _CENTIMETRE
        places = torch.cat([vertices, pose.joints.positions * flipped], dim=1)
        points = (head.keypoint_mapping @ places.permute(1, 0, 2).flatten(1)).unflatten(1, (-1, 3)).permute(1, 0, 2)
        pose = pose._replace(keypoints=head.kept_keypoints(points[:, :70] * flipped))
        camera = camera_head(token, self._initial("camera"), pose.keypoints, view)
        camera_head.project(camera.camera, camera.translation, vertices * flipped, view)
        return pose, camera


class EagerNetworks:
    """The whole model on a device, ready to be called with the same arrays as the graphs."""

    def __init__(self, checkpoint: Path, mhr: Path, device: str = "cpu") -> None:
        self.mhr = DenseMHR(mhr).to_device(device)
        stored = torch.load(checkpoint, weights_only=True)
        shapes = {name: tuple(tensor.shape) for name, tensor in stored.items()}
        with torch.device("meta"):
            self.encoder: Encoder = build_encoder(shapes)
            network = SAM3DBody(ModelConfiguration.of(shapes), self.encoder.backbone)
        # Taken out one by one, so that the stored and the wider numbers are never all there at once.
        load_tensors(network, {name: _runtime(stored.pop(name)) for name in list(stored)})
        self.device = device
        self.network = network.to(device).eval()
        kinds: tuple[Kind, ...] = ("body", "hand")
        self.decoders = {kind: ReferenceDecoder(self.network, kind, self.mhr) for kind in kinds}

    def encode(self, crops: Tensor) -> Tensor:
        """Features (N, C, h, w) of crops (N, 512, 512, 3) uint8, one crop after the other, as the reference does."""
        return torch.cat([self.encoder(crop[None]) for crop in crops])

    def decode(self, kind: Kind, image: tuple[Tensor, ...], prompts: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """One pass of a decoder.

        Args:
            kind: whose.
            image: features, rays, mask, mask_score.
            prompts: keypoints, previous, condition, bbox_center, bbox_scale, affine, intrinsics.
        """
        decoder = self.decoders[kind]
        tokens = decoder.image.conditioned(*image)
        context = tokens.mT.unflatten(2, self.network.configuration.feature_size)
        return dict(zip(decoder.output_names, decoder(*prompts, self.mhr.kinematics, context)))


def eager_encoder(checkpoint: Path, device: str = "cpu") -> Encoder:
    """The encoder alone."""
    stored = torch.load(checkpoint, weights_only=True, mmap=True)
    backbone = {name: tensor for name, tensor in stored.items() if name.startswith("backbone.")}
    with torch.device("meta"):
        encoder = build_encoder({name: tuple(tensor.shape) for name, tensor in backbone.items()})
    encoder.load_state_dict({name: tensor.float() for name, tensor in backbone.items()}, assign=True)
    return encoder.to(device).eval()


def _runtime(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor
