"""Builds the extension's zips: ``python -m sam3db_blender.packaging``, or ``make extension``.

What goes in: the manifest, the add-on's code, ``wheels/`` (our own, with `native_runtime` and `rig_templates`, and with
the graphs of SAM 3D Body, which hold none of its weights; ONNX Runtime, OpenCV, pi-heif and Pillow, for each Python
that the targeted Blenders run; never NumPy, which Blender brings) and ``models/`` (converted networks and default
bodies). Nothing is downloaded when it works: an artist needs no network and no pip.

This package is not part of the zip, and it never imports bpy. docs/releasing.md says what takes the room, and how two
builds are compared.
"""

from __future__ import annotations

from .archive import validate, write_zip
from .build import build
from .stage import LARGEST_TEMPLATE, NOT_IN_ADD_ON, check_no_weights, complete_manifest, copy_add_on, copy_models
from .targets import PLATFORMS, Target
from .wheels import NOT_IN_WHEEL, build_own_wheel, bundled_wheels

__all__ = [
    "LARGEST_TEMPLATE",
    "NOT_IN_ADD_ON",
    "NOT_IN_WHEEL",
    "PLATFORMS",
    "Target",
    "build",
    "build_own_wheel",
    "bundled_wheels",
    "check_no_weights",
    "complete_manifest",
    "copy_add_on",
    "copy_models",
    "validate",
    "write_zip",
]
