"""Cards as systems tell of them, by what their programs and files say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from native_runtime.gpu_support.cards import Card, find_cards, linux_cards, mac_cards, windows_cards

SMI = "NVIDIA GeForce RTX 4090, 580.95.05, 24564\nNVIDIA RTX A2000, 580.95.05, [N/A]\n"


def silent(command: Sequence[str]) -> str:
    return ""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def kernel_card(root: Path, number: int, driver: str, **files: str) -> Path:
    device = root / f"sys/class/drm/card{number}/device"
    for name, text in files.items():
        write(device / name, text + "\n")
    (device / "driver").symlink_to(f"../../../../bus/pci/drivers/{driver}")
    return device


def test_nvidias_program_is_asked_first(tmp_path: Path) -> None:
    kernel_card(tmp_path, 0, "nvidia", vendor="0x10de", device="0x2684")
    assert linux_cards(tmp_path, lambda command: SMI if command[0] == "nvidia-smi" else "") == [
        Card("NVIDIA GeForce RTX 4090", "NVIDIA", "580.95.05", 24564 * 2**20),
        Card("NVIDIA RTX A2000", "NVIDIA", "580.95.05", None),
    ]


def test_without_that_program_the_driver_tells(tmp_path: Path) -> None:
    write(
        tmp_path / "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build\n",
    )
    write(tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA L4\nIRQ: 57\n")
    assert linux_cards(tmp_path, silent) == [Card("NVIDIA L4", "NVIDIA", "580.95.05")]


def test_the_kernels_list_has_all_makers(tmp_path: Path) -> None:
    kernel_card(tmp_path, 0, "amdgpu", vendor="0x1002", device="0x744c", mem_info_vram_total=str(24 * 2**30),
                product_name="Radeon RX 7900 XTX")  # fmt: skip
    kernel_card(tmp_path, 1, "i915", vendor="0x8086", device="0x4680")
    kernel_card(tmp_path, 2, "nouveau", vendor="0x10de", device="0x1cb3")
    write(tmp_path / "sys/class/drm/card0-DP-1/device/vendor", "0x1002")
    assert linux_cards(tmp_path, silent) == [
        Card("AMD Radeon RX 7900 XTX", "AMD", "amdgpu", 24 * 2**30),
        Card("Intel graphics (0x4680)", "Intel", "i915"),
        Card("NVIDIA graphics (0x1cb3)", "NVIDIA", "nouveau"),
    ]


def test_a_machine_that_tells_nothing_has_no_cards(tmp_path: Path) -> None:
    assert linux_cards(tmp_path, silent) == []
    assert windows_cards(list, silent) == []
    assert mac_cards(silent) == mac_cards(lambda command: '{"SPDisplaysDataType": 3}') == []


def test_windows_registry() -> None:
    adapters = [
        {"DriverDesc": "AMD Radeon RX 6800", "ProviderName": "Advanced Micro Devices, Inc.",
         "DriverVersion": "31.0.21921.1000", "HardwareInformation.qwMemorySize": 16 * 2**30},
        {"DriverDesc": "Intel(R) Iris(R) Xe Graphics", "ProviderName": "Intel Corporation",
         "DriverVersion": "32.0.101.6078", "HardwareInformation.MemorySize": (2**30).to_bytes(4, "little")},
        {"DriverDesc": "Microsoft Basic Display Adapter"},
        {},
    ]  # fmt: skip
    assert windows_cards(lambda: adapters, silent) == [
        Card("AMD Radeon RX 6800", "AMD", "31.0.21921.1000", 16 * 2**30),
        Card("Intel(R) Iris(R) Xe Graphics", "Intel", "32.0.101.6078", 2**30),
    ]


def test_windows_driver_versions_of_nvidia_are_those_that_nvidia_names() -> None:
    listed = {"DriverDesc": "NVIDIA GeForce RTX 4090", "ProviderName": "NVIDIA", "DriverVersion": "32.0.15.8095"}
    assert windows_cards(lambda: [listed], lambda command: SMI)[0].driver == "580.95.05"


def test_macos() -> None:
    report = {"SPDisplaysDataType": [
        {"_name": "kHW", "sppci_model": "Apple M3 Pro", "spdisplays_mtlgpufamilysupport": "spdisplays_metal3"},
        {"sppci_model": "AMD Radeon Pro 5500M", "spdisplays_vram": "8 GB"},
    ]}  # fmt: skip
    assert mac_cards(lambda command: json.dumps(report)) == [
        Card("Apple M3 Pro", "Apple", "Metal (metal3)"),
        Card("AMD Radeon Pro 5500M", "AMD", "", 8 * 2**30),
    ]


def test_this_machine_can_be_asked() -> None:
    assert all(card.name for card in find_cards())


@pytest.mark.parametrize(
    ("card", "text"),
    [
        (Card("NVIDIA L4", "NVIDIA", "580.95.05", 24 * 2**30), "NVIDIA L4, 24 GB, driver 580.95.05"),
        (Card("Intel graphics (0x4680)", "Intel"), "Intel graphics (0x4680)"),
    ],
)
def test_a_card_in_one_line(card: Card, text: str) -> None:
    assert card.described == text
