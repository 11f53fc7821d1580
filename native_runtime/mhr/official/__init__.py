"""Reading the official MHR release: model definition, rigged meshes, pose correctives, and the bodies they make.

* ``momentum_model``, ``limits``: the ``.model`` file (parameter transform, sets, limits, pose constraints)
* ``fbx_nodes``, ``fbx_rig``: ``lodN.fbx``
* ``correctives_file``, ``npz_stream``: the two files of the pose correctives
* ``torch_pickle``, ``torch_archive``, ``torchscript``: ``mhr_model.pt``, without PyTorch
* ``rig_tensors``: the same content from tensors of any file
* ``source``: where these files are: a folder, or the release's zip archive
* ``points``, ``surface``: keypoints and landmarks on any level of detail
* ``assemble``: all of it as a ``Body``
"""

from .assemble import assemble, body_name, check_definition, check_same_skeleton, check_skeleton
from .correctives_file import read_activation, read_correctives
from .fbx_rig import Rig, read_rig
from .momentum_model import ModelDefinition, parse_model
from .source import Source
from .torchscript import read_torchscript

__all__ = [
    "ModelDefinition",
    "Rig",
    "Source",
    "assemble",
    "body_name",
    "check_definition",
    "check_same_skeleton",
    "check_skeleton",
    "parse_model",
    "read_activation",
    "read_correctives",
    "read_rig",
    "read_torchscript",
]
