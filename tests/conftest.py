"""What all tests share: where the outside things are, and how a test asks for them.

A fixture for something that a machine may lack skips with the reason, so that a plain ``pytest`` is green on a bare
clone and complete on a machine that has everything.

| variable | default | what |
| --- | --- | --- |
| ``SAM3DB_SHARED`` | ``../shared`` beside the checkout | photos and reference data that are not part of the project |
| ``SAM3DB_MODELS`` | the user's cache folder | networks and bodies made by ``sam3db models build`` |
| ``SAM3DB_BLENDER`` | none | a Blender executable, for the tests of the installed extension |
| ``SAM3DB_PARITY_CASE`` | ``parity/case_a`` in the shared folder | recorded stages of SAM 3D Body's reference code |
| ``SAM3DB_PARITY_BACKBONES`` | ``parity/backbones`` in the shared folder | recorded small backbones of it |
"""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import sys
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

# Tests share the cores already, and BLAS threads that wait for a core are busy doing so: with two of them the tests of
# fits take three times as much time. Read once, when NumPy is loaded; child processes get it as well.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_name, "1")

# While the tests are collected nothing becomes garbage that matters; looking for it takes a fifth of the time.
gc.disable()

import numpy as np
import pytest

import native_runtime  # noqa: F401  (before any test imports ONNX Runtime, which would report to its makers)
from native_runtime.mhr import Body
from native_runtime.onnx.sessions import Network, default_threads, open_network, spare_cores
from tests.support.bodies import toy_body
from tests.support.order import first_ones_first
from tests.support.skips import SkipGate, read_allowed

ROOT = Path(__file__).resolve().parents[1]
_ended = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--strict-skips", action="store_true", help="fail on skipped tests that tests/skips.toml lacks")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--strict-skips"):
        config.pluginmanager.register(SkipGate(read_allowed()), "skip-gate")
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False  # else pytest-xdist takes the files with the fewest tests last


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    first_ones_first(items)


def pytest_collection_finish() -> None:
    """From here on garbage is collected again, but not looked for among all tests and modules each time."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _own_cores() -> Iterator[None]:
    """Where several processes test at the same time, networks leave their cores to the others."""
    cores, processes = default_threads(), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    with spare_cores(cores - max(cores // processes, 1)):
        yield


@pytest.fixture(scope="session", autouse=True)
def _landmark_networks_opened_once() -> Iterator[None]:
    """Opening the networks of landmarks takes longer than to look at a small photo, and they keep nothing between two
    runs: all tests of a process have the same.
    """
    from native_runtime.detection import networks

    opened: dict[tuple[object, ...], Network] = {}

    def open_once(path: Path, providers: Sequence[str] | None = None, threads: int | None = None) -> Network:
        try:
            state = path.stat()
        except OSError:
            return open_network(path, providers, threads)  # which says what is wrong
        which = path, state.st_mtime_ns, state.st_size, providers and tuple(providers), threads, default_threads()
        if which not in opened:
            opened[which] = open_network(path, providers, threads)
        return opened[which]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "open_network", open_once)
        yield


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    session.config.stash[_ended] = int(session.exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the process where bpy was loaded: some releases crash while the interpreter winds down (4.2.0), and 4.5.15
    waits for ever for the thread that closes files where anything, such as a test, still holds the module. That the
    extension itself does not is the matter of ``tests/extension/test_ends.py``.
    """
    if "bpy" in sys.modules and _ended in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[_ended])


#: What spends its time in other people's Python code, which coverage's tracer slows down: PyTorch tracing graphs, and
#: Blender's exporters and importers.
_UNTRACED = (
    "tests/network/",
    "tests/engines/sam3d_body/test_end_to_end.py",
    "tests/build/sam3d_body/test_recorded_case.py",
    "tests/blender/test_exports",
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Some tests run without a tracer."""
    if not item.nodeid.startswith(_UNTRACED):
        return (yield)
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of outside test data; the test is skipped where there is none."""
    folder = Path(os.environ.get("SAM3DB_SHARED") or ROOT.parent / "shared")
    if not folder.is_dir():
        pytest.skip(f"no shared test data at {folder} (set SAM3DB_SHARED)")
    return folder


@pytest.fixture(scope="session")
def photos(shared: Path) -> Path:
    """The folder of real photos: dancing.jpg, bus.jpg, basketball1.png."""
    folder = shared / "photos"
    if not folder.is_dir():
        pytest.skip(f"no photos at {folder}")
    return folder


def _parity_folder(variable: str, name: str, request: pytest.FixtureRequest) -> Path:
    given = os.environ.get(variable)
    folder = Path(given) if given else request.getfixturevalue("shared") / "parity" / name
    if not folder.is_dir():
        pytest.skip(f"no recordings of the reference code at {folder} (set {variable})")
    return folder


@pytest.fixture(scope="session")
def parity_case(request: pytest.FixtureRequest) -> Path:
    """The folder of a recorded case of SAM 3D Body's reference code (its README says what the files hold)."""
    return _parity_folder("SAM3DB_PARITY_CASE", "case_a", request)


@pytest.fixture(scope="session")
def parity_backbones(request: pytest.FixtureRequest) -> Path:
    """The folder of recorded small backbones (``dinov3_tiny_*.npz``, ``vit_tiny_*.npz``)."""
    return _parity_folder("SAM3DB_PARITY_BACKBONES", "backbones", request)


@pytest.fixture(scope="session")
def models() -> Path:
    """The models folder with networks and bodies; the test is skipped where they were not built."""
    from native_runtime.models import store

    folder = store.models_dir()
    if not (folder / "bodies" / "manifest.json").is_file() or not (folder / "landmarks" / "manifest.json").is_file():
        pytest.skip(f"no models at {folder}: run `sam3db models build` (make models)")
    return folder


@pytest.fixture(scope="session")
def default_body_path() -> Path:
    """The finest default body's file; the test is skipped where it was not built."""
    from native_runtime.models import store

    path = store.models_dir() / "bodies" / "default.npz"
    if not path.is_file():
        pytest.skip(f"no default body at {path}: run `sam3db models build` (make models)")
    return path


@pytest.fixture
def blender_factory() -> None:
    """Reset bpy to an empty file before the test; the test is skipped where there is no bpy."""
    if importlib.util.find_spec("bpy") is None:
        pytest.skip("bpy is not installed")
    from tests.support.empty_blender import empty_blender

    empty_blender()


@pytest.fixture(scope="session")
def real_blender() -> str:
    """The command of a real Blender; the test is skipped where none is named."""
    command = os.environ.get("SAM3DB_BLENDER")
    if not command:
        pytest.skip("no real Blender: set SAM3DB_BLENDER to its executable")
    if shutil.which(command) is None:
        pytest.skip(f"SAM3DB_BLENDER names {command}, which is not an executable")
    return command


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same on every run."""
    return np.random.default_rng(20260101)


@pytest.fixture(scope="session")
def small_body(tmp_path_factory: pytest.TempPathFactory) -> Body:
    """A made-up body with MHR's joints and parameters and a mesh that reaches every joint."""
    path = tmp_path_factory.mktemp("body") / "small.npz"
    toy_body(name="small", keypoints_on_joints=True).save(path)
    return Body.load(path)


@pytest.fixture(scope="session", params=["small", "default"])
def any_body(request: pytest.FixtureRequest) -> Body:
    """The made-up body, then the default body (skipped where it was not built)."""
    if request.param == "small":
        return request.getfixturevalue("small_body")
    return Body.load(request.getfixturevalue("default_body_path"))
