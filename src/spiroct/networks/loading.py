"""Start a network from weights of another, and say tensor by tensor what came over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from spiroct.errors import CheckpointError
from spiroct.networks.network import Network

_SHOWN = 6


@dataclass(frozen=True)
class LoadReport:
    """What came of loading: every tensor of network and file is in one of these.

    Parameters
    ----------
    source : str
        Where the weights came from.
    loaded : tuple of str
        Tensors taken as they are.
    missing : tuple of str
        Tensors of the network that stay as they were initialised.
    unexpected : tuple of str
        Tensors of the file that are not used: no such name here, or another shape.
    reshaped : dict of str to str
        Tensors taken after a change, and the change.
    file, sha256 : str or None
        Name and hash of the file, for the run record.
    """

    source: str
    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reshaped: dict[str, str] = field(default_factory=dict)
    file: str | None = None
    sha256: str | None = None

    def lines(self) -> list[str]:
        """Sentences for the log: what was loaded, changed, not loaded and not used."""
        told = [f"weights from {self.source}: {len(self.loaded)} tensors loaded as they are"]
        told += [f"  changed: {name}: {how}" for name, how in self.reshaped.items()]
        if self.missing:
            told.append(f"  not loaded, as initialised: {_listed(self.missing)}")
        if self.unexpected:
            told.append(f"  in the file, not used: {_listed(self.unexpected)}")
        return told

    def lacking(self, *beside: str) -> list[str]:
        """Tensors that were not loaded, but for those whose names start with one of ``beside``."""
        return [name for name in self.missing if not name.startswith(beside)]

    def to_document(self) -> dict[str, Any]:
        """Plain data for the run record and the checkpoint's provenance."""
        return {
            "source": self.source,
            "file": self.file,
            "sha256": self.sha256,
            "loaded": len(self.loaded),
            "missing": list(self.missing),
            "unexpected": list(self.unexpected),
            "reshaped": self.reshaped,
        }


def load_state(
    network: Network,
    state: Mapping[str, torch.Tensor],
    *,
    source: str,
    reshaped: Mapping[str, str] | None = None,
    withheld: Iterable[str] = (),
    file: str | None = None,
    sha256: str | None = None,
) -> LoadReport:
    """Copy into a network every tensor whose name and shape it shares with a state dictionary.

    Parameters
    ----------
    network : Network
        Changed in place; its type of number stays.
    state : mapping of str to tensor
        State dictionary.
    source : str
        For the report.
    reshaped : mapping of str to str, optional
        Names in ``state`` that the caller changed, and how.
    withheld : iterable of str
        Names that the caller took out of ``state``.
    file, sha256 : str or None
        For the report.

    Returns
    -------
    LoadReport
        What came over.

    Raises
    ------
    CheckpointError
        If nothing fits: these are the weights of another network.
    """
    own = network.state_dict()
    fits = [name for name, value in own.items() if name in state and _shape(state[name]) == _shape(value)]
    if not fits:
        raise CheckpointError(
            f"the weights from {source} have no tensor in common with this network",
            "names and shapes must agree",
            "name the network that they belong to in the recipe, or start from other weights",
        )
    with torch.no_grad():
        for name in fits:
            own[name].copy_(state[name].reshape(own[name].shape))
    changed = {name: how for name, how in (reshaped or {}).items() if name in fits}
    taken = set(fits)
    return LoadReport(
        source=source,
        loaded=tuple(name for name in fits if name not in changed),
        missing=tuple(name for name in own if name not in taken),
        unexpected=tuple(sorted({*(name for name in state if name not in taken), *withheld})),
        reshaped=changed,
        file=file,
        sha256=sha256,
    )


def fewer_channels(weight: torch.Tensor, inputs: int) -> torch.Tensor:
    """Turn a convolution's RGB weights (width, 3, ...) into weights for other channels.

    A volume that is the same in all channels is answered as a grey picture was; the weights are summed over RGB and
    shared among the ``inputs`` channels, unless these are three.
    """
    if inputs == weight.shape[1]:
        return weight
    return (weight.sum(dim=1, keepdim=True) / inputs).repeat(1, inputs, *[1] * (weight.ndim - 2))


def _shape(value: torch.Tensor) -> tuple[int, ...]:
    """Shape; single numbers are (1,), as numpy makes contiguous counters."""
    return tuple(value.shape) or (1,)


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
