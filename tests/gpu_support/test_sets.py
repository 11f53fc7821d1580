"""The wheels that are on record: complete, of the locked versions, and none for machines that they do not fit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from native_runtime.errors import UsageError
from native_runtime.gpu_support.sets import KINDS, offered, recommended, wheel_set

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"


@pytest.mark.parametrize("python", ["3.11", "3.13", "3.14"])
@pytest.mark.parametrize("platform", ["linux-x64", "windows-x64"])
def test_cuda_comes_with_the_locked_wheels(platform: str, python: str) -> None:
    chosen = wheel_set("cuda", platform, python)
    locked = dict(re.findall(r"^([\w-]+)==(\S+)", (REQUIREMENTS / "gpu.txt").read_text(encoding="utf-8"), re.MULTILINE))
    hashes = set(re.findall(r"sha256:(\w{64})", (REQUIREMENTS / "gpu.txt").read_text(encoding="utf-8")))
    assert {wheel.package for wheel in chosen.wheels} > {"onnxruntime-gpu", "nvidia-cudnn-cu13", "nvidia-cublas"}
    for wheel in chosen.wheels:
        assert locked[wheel.package] == wheel.version
        assert wheel.sha256 in hashes
        assert ("win_amd64" if platform == "windows-x64" else "x86_64") in wheel.file


def test_every_set_of_every_platform_is_sound() -> None:
    for platform in ("linux-x64", "windows-x64", "macos-arm64"):
        for python in ("3.11", "3.13", "3.14"):
            for chosen in offered(platform, python):
                packages = [wheel.package for wheel in chosen.wheels]
                assert len(packages) == len(set(packages))
                assert chosen.kind.runtime in packages
                assert chosen.version
                for wheel in chosen.wheels:
                    assert wheel.path.endswith(f"/{wheel.file}")
                    assert re.fullmatch(r"[0-9a-f]{64}", wheel.sha256)
                    assert wheel.size > 1e6
                    tag = f"cp{python.replace('.', '')}"
                    assert f"-{tag}-{tag}-" in wheel.file or "-py3-none-" in wheel.file


def test_what_is_offered_where() -> None:
    def names(platform: str, python: str) -> list[str]:
        return [chosen.kind.name for chosen in offered(platform, python)]

    assert names("linux-x64", "3.11") == ["cuda", "webgpu", "openvino"]
    assert names("linux-x64", "3.14") == ["cuda", "webgpu"]
    assert names("windows-x64", "3.13") == ["cuda", "directml", "webgpu", "openvino"]
    assert names("macos-arm64", "3.13") == ["webgpu"]
    assert names("freebsd-x64", "3.13") == []


@pytest.mark.parametrize(
    ("vendors", "platform", "name"),
    [
        (["NVIDIA", "Intel"], "linux-x64", "cuda"),
        (["AMD"], "linux-x64", "webgpu"),
        (["Intel"], "linux-x64", "openvino"),
        (["AMD", "Intel"], "windows-x64", "directml"),
        (["Apple"], "macos-arm64", "webgpu"),
        ([], "windows-x64", "cuda"),
    ],
)
def test_what_fits_the_card_is_offered_first(vendors: list[str], platform: str, name: str) -> None:
    best = recommended(vendors, offered(platform, "3.13"))
    assert best is not None
    assert best.kind.name == name
    assert recommended(vendors, []) is None


@pytest.mark.parametrize(
    ("name", "platform", "python", "text"),
    [
        ("directml", "linux-x64", "3.11", "DirectML is for windows-x64, and this is linux-x64"),
        ("openvino", "linux-x64", "3.14", r"is for Python 3.11, 3.12, 3.13, and this is Python 3.14"),
        ("rocm", "linux-x64", "3.11", "There is no GPU support 'rocm'; there is: cuda, "),
    ],
)
def test_what_does_not_exist_is_told(name: str, platform: str, python: str, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        wheel_set(name, platform, python)


def test_licences_that_are_not_free_are_marked() -> None:
    assert [terms.key for terms in KINDS["cuda"].terms if terms.proprietary] == ["nvidia_cuda", "nvidia_cudnn"]
    assert [terms.key for terms in KINDS["directml"].terms if terms.proprietary] == ["directml"]
    assert all(not terms.proprietary for name in ("webgpu", "openvino") for terms in KINDS[name].terms)
