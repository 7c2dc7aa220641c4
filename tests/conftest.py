"""What all tests share: the folder of real scans and reference values, a closed network, a screenless matplotlib."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import pytest
import pytest_socket

mpl.use("Agg")
_CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real scans and golden values (``../shared`` or SPIROCT_SHARED), or skip."""
    folder = Path(os.environ.get("SPIROCT_SHARED", _CHECKOUT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the folder of real scans and golden values, and {folder} is not there")
    return folder


@pytest.fixture
def no_sockets() -> Iterator[None]:
    """Refuse every socket while the test runs."""
    pytest_socket.disable_socket()
    yield
    pytest_socket.enable_socket()


@pytest.fixture(scope="session", autouse=True)
def _private_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep training caches out of the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPIROCT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Let PyTorch use one thread, here and in the processes that tests start.

    For volumes as small as the tests' more of them only wait for each other; and another number of threads adds in
    another order, so that results differ in the last digit.
    """
    import torch

    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # MKL's own goes before the general one
            patch.setenv(name, "1")
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)
