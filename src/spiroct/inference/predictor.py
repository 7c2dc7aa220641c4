"""Predictor: a checkpoint at work on a scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.checkpoints.intervals import intervals_of
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.inference.engines.engine import make_engine
from spiroct.pft.measures import Measure
from spiroct.preprocessing.network_input import PreparedInput, prepare
from spiroct.quality.verdict import Outcome, Verdict
from spiroct.types import Float32Array, Float64Array

LUNGS_OUTSIDE = 0.02


@dataclass(frozen=True, eq=False)
class Estimates:
    """What an ensemble says of one scan, in the checkpoint's quantity (litres and mmol/min/kPa, or %predicted).

    Parameters
    ----------
    members : dict of Measure to array (members,)
        Every network's estimate.
    intervals : dict of str to tuple of two floats
        90 % interval by measure or ratio, for those whose residuals the checkpoint carries.
    features : array (members, width, z, y, x), float32
        Maps at the input of every network's global average pool, from the same pass.
    """

    members: dict[Measure, Float64Array]
    intervals: dict[str, tuple[float, float]]
    features: Float32Array

    @property
    def values(self) -> dict[Measure, float]:
        """The ensemble's estimates: means of the members'."""
        return {measure: float(np.mean(values)) for measure, values in self.members.items()}


class Predictor:
    """Estimates lung function with one checkpoint.

    Parameters
    ----------
    checkpoint : Checkpoint
        The network and all that belongs to it.
    engine : str
        What runs it (:func:`spiroct.inference.engines.engine.make_engine`).
    threads : int, optional
        Threads of the processor; all by default.

    Raises
    ------
    UsageError
        If the engine or the network is not known.
    """

    def __init__(self, checkpoint: Checkpoint, *, engine: str = "auto", threads: int | None = None) -> None:
        self.checkpoint = checkpoint
        self.engine = make_engine(engine, checkpoint, threads=threads)

    def prepare(self, volume: CTVolume, lungs: LabelMap, vessels: LabelMap | None = None) -> PreparedInput:
        """Make the network's input of a scan, as the checkpoint's recipe says."""
        canonical, labels = to_canonical(volume), to_canonical(lungs)
        tree = None if vessels is None else to_canonical(vessels).labels
        return prepare(canonical.hu, canonical.geometry.spacing, labels.labels, self.checkpoint.recipe, tree)

    def estimate(self, prepared: PreparedInput, readings: Mapping[str, float] | None = None) -> Estimates:
        """Estimate every measure of the checkpoint.

        Parameters
        ----------
        prepared : PreparedInput
            From :meth:`prepare`.
        readings : mapping of str to float, optional
            What networks and intervals take beside the image (:func:`spiroct.checkpoints.readings.readings_of`).

        Raises
        ------
        InputError
            If the networks need a reading that is missing.
        """
        found = self.engine.run(prepared.array[None], self._covariates(readings or {}))
        outputs = zip(self.checkpoint.members, found.outputs[:, 0], strict=True)
        values = np.stack([member.scaler.invert(row) for member, row in outputs])
        members = {measure: values[:, i] for i, measure in enumerate(self.checkpoint.measures)}
        intervals = intervals_of(self.checkpoint.intervals, members, readings or {})
        return Estimates(members, intervals, found.features[:, 0])

    def _covariates(self, readings: Mapping[str, float]) -> tuple[Float32Array, ...] | None:
        wanted = [member.covariates for member in self.checkpoint.members]
        if wanted[0] is None:
            return None
        known = dict.fromkeys(wanted[0].names, float("nan")) | dict(readings)
        return tuple(c.standardised(known)[None].astype(np.float32) for c in wanted if c is not None)

    def verdicts(self, prepared: PreparedInput) -> tuple[Verdict, ...]:
        """Judge whether the network saw the whole lungs."""
        share, size = prepared.lungs_outside, prepared.array.shape[1:]
        limit = f"at most {100 * LUNGS_OUTSIDE:g} % of the lungs outside the network's patch"
        if share <= LUNGS_OUTSIDE:
            return (
                Verdict("lungs_in_patch", Outcome.PASS, f"{100 * share:.1f} %", limit, "The network saw the lungs"),
            )
        millimetres = " x ".join(f"{n * prepared.spacing_mm:.0f}" for n in size)
        return (
            Verdict(
                "lungs_in_patch",
                Outcome.WARN,
                f"{100 * share:.1f} %",
                limit,
                f"The lungs are larger than the network's patch of {millimetres} mm, so it saw them cut",
                "Read the estimates with more doubt",
            ),
        )
