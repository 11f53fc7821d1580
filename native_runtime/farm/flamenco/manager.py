"""Flamenco Manager's REST API: the part of it that a batch needs."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from native_runtime.errors import FarmError
from native_runtime.farm.flamenco.address import address_of

_TIMEOUT_S = 10.0
_MOST_BYTES = 16 << 20
_BUSY = 503
_TRIES = 4
_BUSY_S = 1.0
# Managers are on the studio's own network, which a proxy for the internet does not know.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class AnswerError(FarmError):
    """The Manager answered, and refused.

    Args:
        status: of HTTP.
        said: the Manager's own words.
    """

    def __init__(self, text: str, status: int, said: str = "") -> None:
        super().__init__(text)
        self.status, self.said = status, said


@dataclass(frozen=True)
class Version:
    """Of a Manager.

    Attributes:
        text: for people.
        numbers: the first two, such as (3, 7); (0, 0) where they cannot be read.
        manager: the Manager's name.
    """

    text: str
    numbers: tuple[int, int]
    manager: str


class Manager:
    """A Manager on the network.

    Args:
        address: as people write it (`address_of`).
        wait: sleeps so many seconds while the Manager is busy.
    """

    def __init__(self, address: str, wait: Callable[[float], None] = time.sleep) -> None:
        self.address = address_of(address)
        self._wait = wait

    def version(self) -> Version:
        """Which Flamenco it is.

        Raises:
            FarmError: nobody answers there, or it is no Manager.
        """
        answer = self._get("version")
        if not isinstance(answer, dict) or "shortversion" not in answer:
            raise FarmError(f"What answers at {self.address} is not Flamenco Manager. Check the address and the port.")
        numbers = [int(part) for part in str(answer["shortversion"]).replace("-", ".").split(".")[:2] if part.isdigit()]
        known = (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)
        return Version(str(answer.get("version", "")), known, str(answer.get("name", "")))

    def job_type(self, name: str) -> dict[str, Any] | None:
        """A job type; None where the Manager has none of that name.

        Raises:
            FarmError: nobody answers, or not as it should.
        """
        try:
            return self._object("GET", f"jobs/type/{quote(name, safe='')}")
        except AnswerError as error:
            if error.status == 404:
                return None
            raise

    def variables(self, platform: str) -> dict[str, dict[str, Any]]:
        """The variables of workers on a system, by name: ``value``, and ``is_twoway`` where values become variables as
        well. Errors as of `job_type`.
        """
        return self._object("GET", f"configuration/variables/workers/{quote(platform, safe='')}")

    def tags(self) -> dict[str, str]:
        """The worker tags: their ids, by name. Errors as of `job_type`."""
        found = self._object("GET", "worker-mgt/tags").get("tags") or []
        return {str(tag["name"]): str(tag.get("id", "")) for tag in found}

    def check(self, job: Mapping[str, Any]) -> None:
        """Let a job be compiled without being stored.

        Raises:
            AnswerError: the Manager refuses it; 412 where the job type's etag is another one.
            FarmError: nobody answers.
        """
        self._ask("POST", "jobs/check", job)

    def submit(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Hand a job in; what the Manager made of it. Errors as of `check`."""
        return self._object("POST", "jobs", job)

    def job(self, number: str) -> dict[str, Any]:
        """A job by its id.

        Raises:
            AnswerError: there is none.
            FarmError: nobody answers.
        """
        return self._object("GET", f"jobs/{quote(number, safe='')}")

    def tasks(self, number: str) -> list[dict[str, Any]]:
        """The tasks of a job. Errors as of `job`."""
        return list(self._object("GET", f"jobs/{quote(number, safe='')}/tasks").get("tasks") or [])

    def page(self, number: str) -> str:
        """The address of a job in the Manager's web interface."""
        return f"{self.address}/app/jobs/{quote(number, safe='')}"

    def _get(self, path: str) -> Any:
        return self._ask("GET", path)

    def _object(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> dict[str, Any]:
        answer = self._ask(method, path, content)
        if not isinstance(answer, dict):
            raise FarmError(f"Flamenco Manager at {self.address} gave an answer that is none.")
        return answer

    def _ask(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> Any:
        data = None if content is None else json.dumps(content).encode()
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}/api/v3/{path}", data, headers, method=method)
        for tries_left in reversed(range(_TRIES)):
            try:
                with _OPENER.open(request, timeout=_TIMEOUT_S) as response:
                    return self._read(response.read(_MOST_BYTES + 1))
            except urllib.error.HTTPError as error:
                with error:
                    refused = self._refused(error.code, error.read(_MOST_BYTES))
                if error.code != _BUSY or not tries_left:
                    raise refused from error
                self._wait(_BUSY_S)
            except (OSError, ValueError) as error:
                why = getattr(error, "reason", error)
                raise FarmError(
                    f"Flamenco Manager cannot be reached at {self.address} ({why}). Check the address, that the "
                    "Manager runs, and that no firewall stands between."
                ) from error
        raise AssertionError

    def _read(self, answer: bytes) -> Any:
        if not answer:
            return None
        try:
            return json.loads(answer) if len(answer) <= _MOST_BYTES else None
        except ValueError:
            raise FarmError(
                f"What answers at {self.address} is not Flamenco Manager. Check the address and the port."
            ) from None

    def _refused(self, status: int, answer: bytes) -> AnswerError:
        try:
            said = str(json.loads(answer)["message"])
        except (ValueError, KeyError, TypeError):
            said = f"HTTP {status}"
        return AnswerError(f"Flamenco Manager at {self.address} refused: {said}", status, said)
