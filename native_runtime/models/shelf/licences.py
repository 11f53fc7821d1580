"""The terms of what stands on the shelf. Their texts are the files of ``licences/``, as they were published."""

from __future__ import annotations

from .items import Terms

_PROHIBITED = (
    "Nobody under sanctions of the United States, the United Nations, the European Union or the United Kingdom may use "
    "it, nor anybody on their behalf.",
    "No military use and no warfare; nothing under ITAR.",
    "No nuclear industries or applications.",
    "No espionage.",
    "No development or use of guns or illegal weapons.",
    "No reverse engineering, and no encouraging others to do it.",
)

_FREE = "Commercial use is not excluded, and there is no fee."
_IN_SHORT = (
    "Not for military or warfare purposes, nuclear industries, espionage, guns or illegal weapons; "
    "nor for anybody under sanctions.",
    "Do not reverse engineer the model, nor encourage others to.",
    "The files, and files converted from them, may be passed on only under this licence, with a copy of it.",
)
_ENDS = "No warranty; anyone who violates the licence must delete the files."
"""What Meta's two licences say alike."""

SAM = Terms(
    key="sam",
    title="SAM License",
    date="19 November 2025",
    url="https://github.com/facebookresearch/sam-3d-body/blob/main/LICENSE",
    origin="facebookresearch/sam-3d-body, LICENSE, revision b5c765a0d89d789985e186d396315e7590887b94",
    points=(
        _FREE,
        "The licence makes no claim on your results.",
        *_IN_SHORT,
        "Privacy laws apply to the photos that you use; published research must acknowledge SAM 3D Body.",
        "Whoever uses or passes it on indemnifies Meta against claims that arise from it.",
        _ENDS,
    ),
    forbidden=_PROHIBITED,
)

DINOV3 = Terms(
    key="dinov3",
    title="DINOv3 License",
    date="19 August 2025",
    url="https://github.com/facebookresearch/dinov3/blob/main/LICENSE.md",
    origin="facebookresearch/dinov3, LICENSE.md, revision 6876159a11b4df116f30f667f8c9888617df0751",
    points=(
        "It covers the part of SAM 3D Body that looks at the picture (the backbone).",
        _FREE,
        *_IN_SHORT,
        "Privacy laws apply to the photos that you use; published research must acknowledge DINOv3.",
        _ENDS,
    ),
    forbidden=_PROHIBITED,
)

APACHE = Terms(
    key="apache",
    title="Apache License 2.0",
    date="January 2004",
    url="https://www.apache.org/licenses/LICENSE-2.0",
    origin="the Apache Software Foundation's own text",
    points=(
        "Commercial use is allowed, and there is no fee.",
        "Whoever passes it on keeps the licence and the notices.",
        "No warranty.",
    ),
    forbidden=(),
)

INSTANTHMR_NONCOMMERCIAL = Terms(
    key="instanthmr_noncommercial",
    title="InstantHMR: non-commercial use only",
    date="November 2026",
    url="https://huggingface.co/momolesang/InstantHMR",
    origin="a note of this project about what the publisher states; no licence text of its own is known",
    points=(
        "Not for commercial use: parts of the pictures that it was trained with do not allow it.",
        "The size medium_commercial was trained without them.",
    ),
    forbidden=("No commercial use; to be safe, that includes the characters that it makes.",),
    commercial=False,
    verbatim=False,
)

ALL = {terms.key: terms for terms in (SAM, DINOV3, APACHE, INSTANTHMR_NONCOMMERCIAL)}
"""By their keys."""
