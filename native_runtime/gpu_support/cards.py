"""Which graphics cards a machine has, from what its system says: no library of any maker is loaded.

Standard library only. Whatever cannot be asked is left out; a machine without an answer has no cards.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

Run = Callable[[Sequence[str]], str]
"""Runs a program; what it prints, "" where it cannot be run or fails."""
Registry = Callable[[], list[dict[str, Any]]]
"""The values of each display adapter in Windows' registry."""

_VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel", "0x1414": "Microsoft"}
_ASK_NVIDIA = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader,nounits")
_PATIENCE_S = 10.0
_ADAPTERS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"


@dataclass(frozen=True)
class Card:
    """A graphics card, or graphics in the processor.

    Attributes:
        name: its maker's name for it.
        vendor: "NVIDIA", "AMD", "Intel", "Apple", ...; "" where that is not known.
        driver: its version, or its name where it has none of its own; "" where that is not known.
        memory_bytes: its own memory; None where that is not known, or where it uses the computer's.
    """

    name: str
    vendor: str
    driver: str = ""
    memory_bytes: int | None = None

    @property
    def described(self) -> str:
        """One line for people."""
        parts = [self.name]
        if self.memory_bytes:
            parts.append(f"{self.memory_bytes / 2**30:.0f} GB")
        if self.driver:
            parts.append(f"driver {self.driver}")
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def find_cards(system: str = sys.platform) -> list[Card]:
    """The cards of this machine. May take a second, for programs are asked."""
    if system == "win32":
        return windows_cards(_registry, _run)
    if system == "darwin":
        return mac_cards(_run)
    return linux_cards(Path("/"), _run)


def linux_cards(root: Path, run: Run) -> list[Card]:
    """Of Linux: NVIDIA's own program, NVIDIA's entries in /proc, then the kernel's list of cards.

    Args:
        root: where ``proc`` and ``sys`` lie.
        run: runs a program.
    """
    nvidia = _nvidia(run) or list(_nvidia_of_proc(root))
    others = [card for card in _of_sys(root) if card.vendor != "NVIDIA" or not nvidia]
    return nvidia + others


def windows_cards(registry: Registry, run: Run) -> list[Card]:
    """Of Windows: the registry's display adapters; NVIDIA's own program knows its driver's version as NVIDIA counts."""
    found = []
    for values in registry():
        name = str(values.get("DriverDesc", "")).strip()
        if not name or "basic display" in name.lower():
            continue
        memory = values.get("HardwareInformation.qwMemorySize", values.get("HardwareInformation.MemorySize"))
        if isinstance(memory, bytes):
            memory = int.from_bytes(memory, "little")
        bytes_there = memory if isinstance(memory, int) and memory > 0 else None
        maker = str(values.get("ProviderName", ""))
        found.append(Card(name, _vendor_in(f"{maker} {name}"), str(values.get("DriverVersion", "")), bytes_there))
    known = {card.name: card for card in _nvidia(run)}
    return list(dict.fromkeys(known.get(card.name, card) for card in found)) or list(known.values())


def mac_cards(run: Run) -> list[Card]:
    """Of macOS: system_profiler."""
    try:
        listed = json.loads(run(("system_profiler", "SPDisplaysDataType", "-json")))["SPDisplaysDataType"]
        entries = [dict(entry) for entry in listed]
    except (ValueError, KeyError, TypeError):
        return []
    found = []
    for entry in entries:
        name = str(entry.get("sppci_model") or entry.get("_name") or "").strip()
        amount = re.match(r"(\d+) (MB|GB)", str(entry.get("spdisplays_vram", "")))
        memory = int(amount[1]) * (2**20 if amount[2] == "MB" else 2**30) if amount else None
        if name:
            metal = str(entry.get("spdisplays_mtlgpufamilysupport", "")).removeprefix("spdisplays_")
            found.append(Card(name, _vendor_in(name), f"Metal ({metal})" if metal else "", memory))
    return found


def _nvidia(run: Run) -> list[Card]:
    found = []
    for line in run(_ASK_NVIDIA).splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == 3 and fields[0]:
            memory = int(fields[2]) * 2**20 if fields[2].isdigit() else None
            found.append(Card(fields[0], "NVIDIA", fields[1], memory))
    return found


def _nvidia_of_proc(root: Path) -> Iterable[Card]:
    version = re.search(r"Kernel Module\s+(?:for \S+\s+)?([\d.]+)", _text(root / "proc/driver/nvidia/version"))
    for information in sorted((root / "proc/driver/nvidia/gpus").glob("*/information")):
        model = re.search(r"^Model:\s*(.+)$", _text(information), re.MULTILINE)
        if model:
            yield Card(model[1].strip(), "NVIDIA", version[1] if version else "")


def _of_sys(root: Path) -> Iterable[Card]:
    for device in sorted((root / "sys/class/drm").glob("card[0-9]*/device")):
        if not re.fullmatch(r"card\d+", device.parent.name):  # card0-DP-1 is an output of card0
            continue
        number = _text(device / "vendor").strip().lower()
        if not number:
            continue
        vendor = _VENDORS.get(number, "")
        name = _text(device / "product_name").strip()
        name = name or f"{vendor or f'maker {number}'} graphics ({_text(device / 'device').strip()})"
        memory = _text(device / "mem_info_vram_total").strip()
        card = Card(name, vendor, _driver_of(device), int(memory) if memory.isdigit() else None)
        yield card if vendor != "AMD" or name.startswith("AMD") else replace(card, name=f"AMD {name}")


def _driver_of(device: Path) -> str:
    try:
        return (device / "driver").readlink().name
    except OSError:
        return ""


def _vendor_in(text: str) -> str:
    names = {"nvidia": "NVIDIA", "amd": "AMD", "advanced micro": "AMD", "radeon": "AMD", "intel": "Intel",
             "apple": "Apple", "qualcomm": "Qualcomm"}  # fmt: skip
    return next((vendor for word, vendor in names.items() if word in text.lower()), "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _run(command: Sequence[str]) -> str:
    program = shutil.which(command[0])
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, *command[1:]],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


if sys.platform == "win32":
    import winreg

    def _registry() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        # an adapter of another user's session cannot be opened
        with suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _ADAPTERS) as adapters:
            for number in range(winreg.QueryInfoKey(adapters)[0]):
                name = winreg.EnumKey(adapters, number)
                with suppress(OSError), winreg.OpenKey(adapters, name) as adapter:
                    values = (winreg.EnumValue(adapter, place) for place in range(winreg.QueryInfoKey(adapter)[1]))
                    found.append({key: value for key, value, _ in values})
        return found

else:

    def _registry() -> list[dict[str, Any]]:
        return []
