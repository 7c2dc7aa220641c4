"""Fit one network to scans and targets, with Lightning; works on arrays, whatever they came from."""

from __future__ import annotations

import logging
import os
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from spiroct.checkpoints.checkpoint import TargetScaler
from spiroct.errors import InputError, UsageError
from spiroct.log import logger
from spiroct.networks.build import network_of
from spiroct.networks.convolution import lay_out_channels_last
from spiroct.networks.network import Network
from spiroct.optional import require
from spiroct.preprocessing.network_input import GridScan
from spiroct.training.datasets import ScanDataset
from spiroct.training.frozen_features import FrozenFeatures
from spiroct.training.recipe import TrainingRecipe
from spiroct.types import AnyArray, Float64Array

if TYPE_CHECKING:
    from spiroct.training.progress import FoldPlace
    from spiroct.training.regression import Regression


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted network.

    Parameters
    ----------
    state : dict of str to array
        State dictionary, float32.
    scaler : TargetScaler
        Of the training targets.
    history : list of dict
        For each epoch: training and validation loss (standardised), validation_mae (in units), learning rate, seconds
        and the share of them spent waiting for data.
    best_epoch : int
        Whose weights these are.
    """

    state: dict[str, AnyArray]
    scaler: TargetScaler
    history: list[dict[str, float]]
    best_epoch: int


@dataclass(frozen=True)
class Hardware:
    """What a training runs on.

    Parameters
    ----------
    accelerator : {"auto", "cpu", "gpu"}
        As Lightning names them.
    devices, nodes : int
        Devices of each node and nodes; more than one trains in step (DDP).
    """

    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = 1
    nodes: int = 1

    @property
    def several(self) -> bool:
        """Whether several processes train in step."""
        return self.devices * self.nodes > 1

    @property
    def follows(self) -> bool:
        """Whether Slurm started this process to follow another, which alone writes the results.

        The processes of one node are forked while a network is fitted and gone afterwards; those of several nodes run
        the whole command, each.
        """
        return self.nodes > 1 and int(os.environ.get("SLURM_PROCID", "0")) > 0


def check_nodes(hardware: Hardware, *, overwrite: bool) -> None:
    """Refuse several nodes where their processes could not find or agree with each other.

    Raises
    ------
    UsageError
        If nobody started the other processes, or the folder's old files might be taken for this run's.
    """
    if hardware.nodes > 1 and "SLURM_PROCID" not in os.environ:
        raise UsageError(
            f"--nodes {hardware.nodes} outside Slurm",
            "the processes of several nodes are started by Slurm, one a device",
            "start the command with srun in a Slurm job",
        )
    if hardware.nodes > 1 and overwrite:
        raise UsageError(
            "--overwrite on several nodes",
            "a process might still see the old files when another has deleted them",
            "delete the folder first, or name another --out",
        )


def fit_network(
    scans: Sequence[GridScan],
    targets: Float64Array,
    recipe: TrainingRecipe,
    *,
    training: AnyArray,
    validation: AnyArray,
    seed: int = 0,
    covariates: Float64Array | None = None,
    initialise: Callable[[Network, TargetScaler], None] | None = None,
    folder: Path | None = None,
    hardware: Hardware | None = None,
    place: FoldPlace | None = None,
    cache: Path | None = None,
) -> Fit:
    """Fit a network on some scans and watch it on others.

    Of a network with a frozen encoder the head alone is trained, on features computed once, unless the recipe varies
    the inputs.

    Parameters
    ----------
    scans : sequence of GridScan
        On the recipe's grid.
    targets : array (n, measures)
        In the unit of the recipe's quantity; NaN where missing.
    recipe : TrainingRecipe
        Network, input and fit.
    training, validation : integer arrays
        Indices into ``scans``.
    seed : int
        Decides weights, order and augmentation.
    covariates : array (n, covariates), optional
        Standardised readings that the network takes beside the image.
    initialise : callable, optional
        Changes the new network's weights before training, told the scaler of the targets: transfer learning.
    folder : Path, optional
        Where the state after every epoch is kept (``.last.ckpt``); a training found there goes on where it was.
    hardware : Hardware, optional
        What it runs on; one device of whatever kind there is by default.
    place : FoldPlace, optional
        Which fold this is, for the progress.
    cache : Path, optional
        Where a frozen encoder's features are kept for other folds and trainings.

    Raises
    ------
    InputError
        If a measure is missing or constant in the training patients, or the loss becomes NaN.
    OutputError
        If the state cannot be written.
    MissingExtraError
        If Lightning is not installed.
    """
    with _quiet():
        require("lightning.pytorch", extra="train", feature="training a network")
    from spiroct.training.regression import Regression
    from spiroct.training.resuming import restore

    scaler = target_scaler(targets[training], recipe)
    torch.manual_seed(seed)
    network = network_of(recipe.architecture, outputs=len(recipe.measures))
    if initialise is not None:
        initialise(network, scaler)
    lay_out_channels_last(network)
    network.checkpointing = recipe.fit.checkpoint_activations
    beside = np.zeros((len(scans), 0)) if covariates is None else covariates
    scaled = scaler.scale(targets)
    parts = [
        ScanDataset([scans[i] for i in rows], scaled[rows], beside[rows], recipe, draws)
        for rows, draws in ((training, seed), (validation, None))
    ]
    hardware = hardware or Hardware()
    trained, learning, watching = _with_frozen_features(network, parts, recipe, cache, hardware)
    module = Regression(trained, recipe.fit, scaler, learning, watching, seed, place)
    if hardware.several and folder is None:
        raise ValueError("several devices hand their results over in a folder")
    _run(module, recipe, folder, hardware, validating=len(validation) > 0)
    state = trained.state_dict()
    # Forked processes did the work: their last state is on the disk. One that follows has it, and its leader the disk.
    if hardware.several and folder is not None and not hardware.follows:
        state = restore(module, folder)
    best = module.best["state"]
    state = network.state_dict() | (best if best is not None else state)
    arrays = {name: value.detach().cpu().contiguous().numpy() for name, value in state.items()}
    return Fit(arrays, scaler, module.history, int(module.best["epoch"] or module.history[-1]["epoch"]))


def _with_frozen_features(
    network: Network, parts: list[ScanDataset], recipe: TrainingRecipe, cache: Path | None, hardware: Hardware
) -> tuple[Network, ScanDataset | FrozenFeatures, ScanDataset | FrozenFeatures]:
    """Choose what is trained on what: the head on features where an encoder is frozen, else the network on inputs."""
    head = network.head_alone()
    if head is not None and recipe.variations:
        logger.warning(
            "the encoder is frozen, but its inputs change in every epoch (%s), so that it has to look at every scan in"
            " every epoch; a recipe without these lets it look once",
            ", ".join(recipe.variations),
        )
    if head is None or recipe.variations:
        return network, parts[0], parts[1]
    # Forked processes could not use a GPU that this one has used.
    on_gpu = hardware.accelerator != "cpu" and not hardware.several and torch.cuda.is_available()
    features = [FrozenFeatures(part, network, cache, "cuda" if on_gpu else "cpu") for part in parts]
    return head, features[0], features[1]


def target_scaler(targets: Float64Array, recipe: TrainingRecipe) -> TargetScaler:
    """Mean and SD of training targets (n, measures), or 0 and 1 where the recipe trains on raw ones.

    Raises
    ------
    InputError
        If a measure has fewer than two values or never varies.
    """
    counts = np.isfinite(targets).sum(axis=0)
    for measure, count in zip(recipe.measures, counts, strict=True):
        if count < 2:
            raise InputError(
                f"{measure} has {count} values among the training patients", "two at least are needed", "leave it out"
            )
    mean, sd = np.nanmean(targets, axis=0), np.nanstd(targets, axis=0)
    if np.any(sd <= 0):
        constant = [str(m) for m, s in zip(recipe.measures, sd, strict=True) if s <= 0]
        raise InputError(
            f"{', '.join(constant)} is the same in every patient", "there is nothing to learn", "leave it out"
        )
    if recipe.fit.targets == "raw":
        mean, sd = np.zeros_like(mean), np.ones_like(sd)
    return TargetScaler(tuple(float(m) for m in mean), tuple(float(s) for s in sd))


def _run(
    module: Regression, recipe: TrainingRecipe, folder: Path | None, hardware: Hardware, *, validating: bool
) -> None:
    with _quiet():
        import lightning.pytorch as pl
        from lightning.fabric.plugins.environments.lightning import LightningEnvironment
        from lightning.fabric.plugins.environments.slurm import SLURMEnvironment

        from spiroct.training.resuming import LastEpoch, last_epoch

        # Our own state after every epoch resumes exactly; Slurm's requeue runs the same command again and finds it.
        # On one node Slurm's variables are of a single process, this one: forked processes would all take its rank.
        where = SLURMEnvironment(auto_requeue=False) if hardware.nodes > 1 else LightningEnvironment()
        trainer = pl.Trainer(
            accelerator=hardware.accelerator,
            devices=hardware.devices,
            num_nodes=hardware.nodes,
            strategy=_strategy(hardware) if hardware.several else "auto",
            plugins=[where],
            precision=_precision(recipe, hardware),
            max_epochs=recipe.fit.epochs,
            accumulate_grad_batches=recipe.fit.accumulate,
            check_val_every_n_epoch=recipe.fit.validate_every,
            gradient_clip_val=recipe.fit.gradient_clip or None,
            use_distributed_sampler=False,
            callbacks=[LastEpoch(folder)] if folder is not None else [],
            default_root_dir=folder,
            limit_val_batches=1.0 if validating else 0,
            logger=False,
            enable_checkpointing=folder is not None,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
    from lightning.pytorch.utilities.exceptions import SIGTERMException

    try:
        with _quiet():
            trainer.fit(module, ckpt_path=last_epoch(folder))
    except SIGTERMException:
        # Lightning's own exception would end the command with 0, as if all were done.
        logger.error("spiroct: ended by a signal (SIGTERM); the same command goes on where it was.")
        raise SystemExit(128 + signal.SIGTERM) from None


def _strategy(hardware: Hardware) -> str:
    """Fork the processes of one node from this one; those of several nodes are started by Slurm, one a device."""
    return "ddp" if hardware.nodes > 1 else "ddp_fork"


def _precision(recipe: TrainingRecipe, hardware: Hardware) -> Any:
    """Half precision with loss scaling exists on GPUs alone."""
    on_gpu = hardware.accelerator != "cpu" and torch.cuda.is_available()
    return "32-true" if recipe.fit.precision == "16-mixed" and not on_gpu else recipe.fit.precision


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's advertisements and its own outdated calls from the user, and nothing else."""
    voice = logging.getLogger("lightning.pytorch")
    before = voice.level
    voice.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
            # Inputs are ready in memory maps: worker processes would cost more than they bring.
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            warnings.filterwarnings("ignore", message=".*number of training batches.*logging interval.*")
            # A frozen encoder keeps its batch statistics.
            warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
            yield
    finally:
        voice.setLevel(before)
