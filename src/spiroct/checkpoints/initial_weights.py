"""Where a network's training starts: ``--init scratch|kinetics|imagenet|ct|PATH``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from spiroct.checkpoints.catalogue import find
from spiroct.checkpoints.checkpoint import Checkpoint, Quantity, TargetScaler
from spiroct.checkpoints.ct_encoders import load_ct_encoder
from spiroct.checkpoints.imagenet import load_imagenet
from spiroct.checkpoints.kinetics import Stem, load_kinetics
from spiroct.errors import UsageError
from spiroct.networks.loading import LoadReport, load_state
from spiroct.networks.network import Network
from spiroct.pft.measures import Measure

NAMED_SOURCES = ("scratch", "kinetics", "imagenet", "ct")
"""Where training can start beside a checkpoint."""


def load_initial_weights(
    network: Network,
    source: str,
    *,
    weights: Path | None = None,
    stem: Stem = "sum",
    measures: Sequence[Measure] | None = None,
    scaler: TargetScaler | None = None,
    quantity: Quantity = "absolute",
) -> LoadReport:
    """Give a network the weights to start its training from.

    Parameters
    ----------
    network : Network
        From :func:`spiroct.networks.build.network_of`; changed in place.
    source : str
        ``"scratch"``; ``"kinetics"`` (x3d); ``"imagenet"`` (resnet50_bilstm); ``"ct"`` (i3d_resnet152); or the name or
        folder of a checkpoint.
    weights : Path, optional
        Their file; without it, kinetics and imagenet are fetched, and ct comes from the extra [astra].
    stem : {"sum", "drop"}
        See :func:`spiroct.checkpoints.kinetics.load_kinetics`.
    measures : sequence of Measure, optional
        What the network's outputs are. A checkpoint's last layer is taken only if its measures are the same, in the
        same order; without ``measures``, if it has as many.
    scaler : TargetScaler, optional
        Of the new training targets: a last layer that is taken is rescaled so that estimates in litres and
        mmol/min/kPa stay what they were.
    quantity : {"absolute", "percent_predicted"}
        What the network learns: a last layer of the other quantity is left out.

    Returns
    -------
    LoadReport
        ``loaded, missing, unexpected, reshaped``; ``lines()`` for the log, ``to_document()`` for the record.

    Raises
    ------
    UsageError
        If ``weights`` come with a source that takes none, or the source does not fit the network.
    CheckpointError
        If there is no such checkpoint, or a file is damaged or of another network.
    InputError
        If a file cannot be fetched or read.
    MissingExtraError
        If the package with the weights of ``"ct"`` is not installed.
    """
    if source == "kinetics":
        return load_kinetics(network, weights=weights, stem=stem)
    if source == "imagenet":
        return load_imagenet(network, weights=weights)
    if source == "ct":
        return load_ct_encoder(network, weights=weights)
    if weights is not None:
        raise UsageError(
            f"--weights {weights} with --init {source}", "it is the file of kinetics, imagenet or ct", "leave it out"
        )
    if source == "scratch":
        return LoadReport(source="scratch", loaded=(), missing=tuple(network.state_dict()), unexpected=())
    return _from_checkpoint(network, find(source), measures, scaler, quantity)


def _from_checkpoint(
    network: Network,
    checkpoint: Checkpoint,
    measures: Sequence[Measure] | None,
    scaler: TargetScaler | None,
    quantity: Quantity,
) -> LoadReport:
    """Take the weights of an ensemble's first member."""
    state = {name: torch.from_numpy(value.copy()).float() for name, value in checkpoint.members[0].weights.items()}
    layer = tuple(f"{network.last_layer}.{part}" for part in ("weight", "bias"))
    head = {name: state.pop(name) for name in layer if name in state}
    reshaped: dict[str, str] = {}
    if checkpoint.quantity == quantity and _same_outputs(network, checkpoint, measures) and len(head) == 2:
        taken, reshaped = _last_layer(network, checkpoint, head[layer[0]], head[layer[1]], scaler)
        state.update(taken)
    return load_state(
        network,
        state,
        source=f"checkpoint {checkpoint.name}",
        reshaped=reshaped,
        withheld=[name for name in head if name not in state],
        file=checkpoint.folder.name if checkpoint.folder else None,
        sha256=checkpoint.hash,
    )


def _same_outputs(network: Network, checkpoint: Checkpoint, measures: Sequence[Measure] | None) -> bool:
    if measures is not None:
        return checkpoint.measures == tuple(measures)
    return len(checkpoint.measures) == network.get_parameter(f"{network.last_layer}.weight").shape[0]


def _last_layer(
    network: Network, checkpoint: Checkpoint, weight: torch.Tensor, bias: torch.Tensor, scaler: TargetScaler | None
) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Last layer for the network's covariates and targets, and what was changed; nothing if its features differ."""
    name = network.last_layer
    features = network.get_parameter(f"{name}.weight").shape[1] - network.aux
    aux = int(checkpoint.architecture.get("aux", 0))
    if weight.shape[1] - aux != features:
        return {}, {}
    changes: dict[str, list[str]] = {f"{name}.weight": [], f"{name}.bias": []}
    if aux != network.aux:
        # Which covariate stood in which column is not known here, so those of other covariates start at zero.
        weight = torch.cat([weight[:, :features], torch.zeros(len(weight), network.aux)], dim=1)
        changes[f"{name}.weight"].append(f"{aux} columns of covariates dropped, {network.aux} set to zero")
    if scaler is not None and scaler != (old := checkpoint.members[0].scaler):
        mean, sd, new_mean, new_sd = (
            torch.tensor(values, dtype=torch.float64) for values in (old.mean, old.sd, scaler.mean, scaler.sd)
        )
        weight = weight.double() * (sd / new_sd)[:, None]
        bias = (bias.double() * sd + mean - new_mean) / new_sd
        for told in changes.values():
            told.append("rescaled to the mean and SD of the new targets")
    return {f"{name}.weight": weight, f"{name}.bias": bias}, {k: "; ".join(v) for k, v in changes.items() if v}
