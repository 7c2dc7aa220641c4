"""Parts made in several processes."""

from __future__ import annotations

import signal

from spiroct.workflows.processes import made


def test_workers_are_spared_of_interrupts_which_their_parent_handles() -> None:
    before = signal.getsignal(signal.SIGINT)
    parts = [signal.SIGINT, signal.SIGINT]
    assert list(made(signal.getsignal, parts, workers=2)) == [signal.SIG_IGN, signal.SIG_IGN]
    assert list(made(signal.getsignal, parts, workers=1)) == [before, before]
    assert signal.getsignal(signal.SIGINT) is before
