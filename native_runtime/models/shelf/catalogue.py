"""What stands on the shelf, and where it comes from.

Sizes and hashes were read from public manifests and code of several independent projects (November 2026); nothing is
hosted by this project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from native_runtime.errors import UsageError

from .items import Figure, RemoteFile, ShelfItem, Source
from .licences import APACHE, DINOV3, INSTANTHMR_NONCOMMERCIAL, SAM

CHECKPOINT, CONFIG, MHR_MODEL = "model.ckpt", "model_config.yaml", "mhr_model.pt"
MHR_ARCHIVE = "assets.zip"
MHR_SHA256 = "352e271a6c42729c68554ceaea0c955e866970160c31e35506d782dc0f7377bc"
"""Of ``mhr_model.pt``, as the gated repository, its copies and MHR's own release have it."""

VARIANTS = {"dinov3": "DINOv3-H+", "vith": "ViT-H"}
"""What people call SAM 3D Body's networks, by what the converter calls them."""

_UNMODIFIED = (
    "An unmodified copy of Meta's files, which Meta neither made nor endorses; what arrives must have the SHA-256 of "
    "the originals. Everybody may fetch it, without an account. Whether it stays there is up to its owner."
)


def shelf() -> Mapping[str, ShelfItem]:
    """All items by name, the largest networks first."""
    return _SHELF


def shelf_item(name: str) -> ShelfItem:
    """The item that is called `name`.

    Raises:
        UsageError: there is none.
    """
    if name not in _SHELF:
        raise UsageError(f"There is nothing called {name!r} on the shelf; there are: {', '.join(_SHELF)}.")
    return _SHELF[name]


_MHR_MODEL = RemoteFile(f"assets/{MHR_MODEL}", 696_110_248, MHR_SHA256, "rig")
_MHR_RELEASE = RemoteFile(
    MHR_ARCHIVE,
    198_943_157,
    "e4f4f205cd87c0fa106577ba1de4fc763e4eb197c924461d2ef7e6944e9d6b94",
    "assets",
    repository="facebookresearch/MHR",
    revision="v1.0.1",
    site="release",
)

_DINOV3_CHECKPOINT = RemoteFile(
    CHECKPOINT, 2_109_129_346, "b5a2f9d305dd02626b967aa2e86021fba07065df66ce7a7e00ffb9664f150abf", "checkpoint"
)
_VITH_CHECKPOINT = RemoteFile(
    CHECKPOINT, 1_691_205_237, "3b1cb897f4bbd977bf81cbb0b30780a9582681ac642ee112865790ceb4d66056", "checkpoint"
)
_META_NOTE = (
    "From Meta itself. It takes an account at Hugging Face, a request that Meta grants or refuses, and an access token."
)
_OWN_FILE = Source(
    "file",
    "A file that you have",
    "file",
    "",
    "",
    (),
    "model.ckpt with mhr_model.pt (or MHR's assets.zip) beside it, or one of the known .safetensors layouts.",
)
_PA_MPJPE = "3DPW, PA-MPJPE"
_PUBLISHED = "published by its authors"

_SAM3D_BODY = ShelfItem(
    name="sam3d_body",
    title=f"SAM 3D Body ({VARIANTS['dinov3']})",
    gives="The most accurate: pose, build and hands from one photo, by Meta's largest network. Takes keypoint prompts.",
    engine="sam3d_body",
    figures=(Figure(_PA_MPJPE, 33.8, "mm", _PUBLISHED), Figure("weights", 953, "million", "counted in the file")),
    seconds=16.1,
    disk_bytes=1_300_000_000,
    terms=(SAM, DINOV3),
    sources=(
        Source(
            "meta",
            "Meta: facebook/sam-3d-body-dinov3",
            "gated",
            "facebook/sam-3d-body-dinov3",
            "main",
            (_DINOV3_CHECKPOINT, _MHR_MODEL),
            _META_NOTE,
        ),
        Source(
            "maccap",
            "Public copy: cristianAdi13/maccap-model",
            "public",
            "cristianAdi13/maccap-model",
            "main",
            (_DINOV3_CHECKPOINT, _MHR_MODEL),
            _UNMODIFIED,
        ),
        Source(
            "jetjodh",
            "Public copy: jetjodh/sam-3d-body-dinov3",
            "public",
            "jetjodh/sam-3d-body-dinov3",
            "main",
            (_DINOV3_CHECKPOINT, _MHR_MODEL),
            _UNMODIFIED,
        ),
        Source(
            "comfy",
            "ComfyUI's single file: Comfy-Org/sam-3d-body",
            "public",
            "Comfy-Org/sam-3d-body",
            "60476aced0b8de0a0e82a318c79a85061cc97434",
            (
                RemoteFile(
                    "detection/sam_3d_body_dinov3_bf16.safetensors",
                    2_830_737_652,
                    "59fa45200c504c5b56625004d7d3385daf48c616613e88099e43bf83b3e249cf",
                    "checkpoint",
                ),
            ),
            "The same weights, rearranged by ComfyUI into one file with the rig inside, together with weights for "
            "faces that are not Meta's and are not read. Not made by Meta, nor endorsed by it. The SHA-256 is that of "
            "the file that other projects pin.",
        ),
        _OWN_FILE,
    ),
    commercial=True,
    folder="sam3d_body/dinov3",
    choices=("int8", "fp16", "fp32"),
)

_SAM3D_BODY_VITH = ShelfItem(
    name="sam3d_body_vith",
    title=f"SAM 3D Body ({VARIANTS['vith']})",
    gives="The smaller of Meta's two networks: the same kinds of answers, in about half of the time.",
    engine="sam3d_body",
    figures=(Figure("weights", 744, "million", "counted in the file"),),
    seconds=8.3,
    disk_bytes=1_100_000_000,
    terms=(SAM,),
    sources=(
        Source(
            "meta",
            "Meta: facebook/sam-3d-body-vith",
            "gated",
            "facebook/sam-3d-body-vith",
            "main",
            (_VITH_CHECKPOINT, _MHR_MODEL),
            _META_NOTE,
        ),
        Source(
            "libreyolo",
            "Copy with a click-through: LibreYOLO/LibreSAM3DBodyh-mesh",
            "gated",
            "LibreYOLO/LibreSAM3DBodyh-mesh",
            "a745fa6fcd5d71e16c4da921a28a6bb6f1ff9e3e",
            (_VITH_CHECKPOINT, replace(_MHR_RELEASE, role="rig_archive")),
            "An unmodified copy of Meta's file, which Meta neither made nor endorses; it must have the SHA-256 of the "
            "original. It takes an account at Hugging Face, one click on its page that accepts the terms, and an "
            "access token; nobody has to grant it. The rig comes from MHR's own release.",
        ),
        _OWN_FILE,
    ),
    commercial=True,
    folder="sam3d_body/vith",
    choices=("int8", "fp16", "fp32"),
)

_INSTANTHMR_REPOSITORY = "momolesang/InstantHMR"
_UNKNOWN_HASH = (
    "By its authors (NaturalPad). They publish no SHA-256 that we know of: what can be checked is that the file is a "
    "network with the right inputs and outputs. The SHA-256 of the first download is recorded, and a later one must "
    "have it again."
)


def _instanthmr(size: str, backbone: str, weights: float, error: float, commercial: bool) -> ShelfItem:
    """One of the released sizes; `weights` in millions, `error` in mm."""
    # "medium" must not take the file of "medium_commercial".
    end = r"[-_]commercial" if commercial else r"(?![-_]commercial)"
    stem = size.removesuffix("_commercial")
    file = RemoteFile(
        f"instanthmr_{size}.onnx", None, None, "network", pattern=rf"(?:.*[/_-])?{stem}{end}(?:[-_.]\w+)*\.onnx"
    )
    purpose = "may be used commercially" if commercial else "not for commercial use"
    return ShelfItem(
        name=f"instanthmr_{size}",
        title=f"InstantHMR {stem}{', for commercial use' if commercial else ''}",
        gives=f"Quick: a small network ({backbone}) that estimates the body itself, then our fit; {purpose}.",
        engine="instanthmr",
        figures=(Figure(_PA_MPJPE, error, "mm", _PUBLISHED), Figure("weights", weights, "million", _PUBLISHED)),
        seconds=None,
        disk_bytes=round(4e6 * weights),
        terms=(SAM,) if commercial else (SAM, INSTANTHMR_NONCOMMERCIAL),
        sources=(
            Source("naturalpad", f"NaturalPad: {_INSTANTHMR_REPOSITORY}", "public", _INSTANTHMR_REPOSITORY, "main",
                   (file,), _UNKNOWN_HASH),
            Source("file", "A file that you have", "file", "", "", (), "The ONNX file as it was released."),
        ),
        commercial=commercial,
        folder=f"instanthmr/{size}",
    )  # fmt: skip


_INSTANTHMR_FIRST = ShelfItem(
    name="instanthmr_first",
    title="InstantHMR, first release",
    gives="Quick: the first release of the small network (RepViT-M1.5), then our fit; may be used commercially.",
    engine="instanthmr",
    figures=(Figure("weights", 17, "million", _PUBLISHED),),
    seconds=None,
    disk_bytes=81_000_000,
    terms=(SAM,),
    sources=(
        Source(
            "naturalpad",
            f"NaturalPad: {_INSTANTHMR_REPOSITORY}",
            "public",
            _INSTANTHMR_REPOSITORY,
            "3504446fc31e7f76fdb1cd7e463189e7cf0fdd0f",
            (
                RemoteFile(
                    "instanthmr.onnx",
                    80_961_622,
                    "f717558094f57d7c9cd084d7981874dbcc3f08e7308501eb98c12844e2cce3b7",
                    "network",
                ),
            ),
            "By its authors (NaturalPad). The SHA-256 is that of the file that other projects pin.",
        ),
        Source("file", "A file that you have", "file", "", "", (), "instanthmr.onnx as it was released."),
    ),
    commercial=True,
    folder="instanthmr/first",
)

_MHR = ShelfItem(
    name="mhr",
    title="MHR's official bodies",
    gives="Meta's own body in several levels of detail, which SAM 3D Body and InstantHMR were trained with.",
    engine=None,
    figures=(Figure("vertices at level 1", 18_439, "", "counted in the file"),),
    seconds=None,
    disk_bytes=1_000_000_000,
    terms=(APACHE,),
    sources=(
        Source(
            "release",
            "Meta: release v1.0.1 of facebookresearch/MHR",
            "public",
            "facebookresearch/MHR",
            "v1.0.1",
            (_MHR_RELEASE,),
            "From Meta itself, for everybody. The SHA-256 is that of the file that other projects pin.",
            site="release",
        ),
        Source("file", "A file that you have", "file", "", "", (), "MHR's assets.zip, or mhr_model.pt."),
    ),
    commercial=True,
    folder="mhr",
)

_SHELF: Mapping[str, ShelfItem] = MappingProxyType(
    {
        item.name: item
        for item in (
            _SAM3D_BODY,
            _SAM3D_BODY_VITH,
            _instanthmr("medium", "HGNetV2-B4", 32.2, 40.0, False),
            _instanthmr("small", "HGNetV2-B2", 24.4, 41.7, False),
            _instanthmr("tiny", "HGNetV2-B1", 20.3, 44.0, False),
            _instanthmr("nano", "HGNetV2-B0", 20.0, 46.6, False),
            _instanthmr("medium_commercial", "HGNetV2-B4", 32.2, 50.7, True),
            _INSTANTHMR_FIRST,
            _MHR,
        )
    }
)
