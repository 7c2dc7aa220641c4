"""Predictor: a checkpoint at work on a scan."""

from __future__ import annotations

from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.imaging.orientation import to_canonical
from spiroct.imaging.volume import CTVolume, LabelMap
from spiroct.inference.engines.engine import make_engine
from spiroct.pft.measures import Measure
from spiroct.preprocessing.network_input import PreparedInput, prepare
from spiroct.quality.verdict import Outcome, Verdict

LUNGS_OUTSIDE = 0.02


class Predictor:
    """Estimates lung function with one checkpoint.

    Parameters
    ----------
    checkpoint : Checkpoint
        The network and all that belongs to it.
    engine : str
        What runs it.

    Raises
    ------
    UsageError
        If the engine or the network is not known.
    """

    def __init__(self, checkpoint: Checkpoint, *, engine: str = "auto") -> None:
        self.checkpoint = checkpoint
        self.engine = make_engine(engine, checkpoint)

    def prepare(self, volume: CTVolume, lungs: LabelMap) -> PreparedInput:
        """Make the network's input of a scan, as the checkpoint's recipe says."""
        canonical, labels = to_canonical(volume), to_canonical(lungs)
        return prepare(canonical.hu, canonical.geometry.spacing, labels.labels, self.checkpoint.recipe)

    def estimate(self, prepared: PreparedInput) -> dict[Measure, float]:
        """Estimate every measure of the checkpoint, in its unit (L; DLCO in mmol/min/kPa)."""
        outputs = self.engine.run(prepared.array[None])
        values = self.checkpoint.scaler.invert(outputs[0])
        return {measure: float(value) for measure, value in zip(self.checkpoint.measures, values, strict=True)}

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
