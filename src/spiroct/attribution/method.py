"""The contract of every attribution method, and the scan as the networks see it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from spiroct.attribution.attribution_map import AttributionMap, Cost, PatchMap
from spiroct.attribution.cells import patch_geometry
from spiroct.errors import UsageError
from spiroct.imaging.volume import CTVolume, Geometry, LabelMap
from spiroct.inference.predictor import Estimates, Predictor
from spiroct.pft.measures import Measure
from spiroct.preprocessing.network_input import PreparedInput
from spiroct.segmentation.lungs import segment_lungs
from spiroct.types import Float32Array, Float64Array, Shape3

AUTHORS_LAYER = "last-convolution"
AIR = -1.0  # the lower end of the input's window, what padding is


@dataclass(frozen=True, eq=False)
class Subject:
    """One scan as the networks see it, with what they make of it.

    Parameters
    ----------
    prepared : PreparedInput
        The input.
    scan : Geometry
        The scan's own.
    estimates : Estimates
        Every member's estimates, and the features from the same pass.
    readings : mapping of str to float
        What the networks take beside the image.
    """

    prepared: PreparedInput
    scan: Geometry
    estimates: Estimates
    readings: Mapping[str, float] = field(default_factory=dict)

    @property
    def patch(self) -> Shape3:
        """Voxels (z, y, x) of the input."""
        z, y, x = self.prepared.array.shape[1:]
        return (z, y, x)

    @property
    def geometry(self) -> Geometry:
        """Where the input patch lies in the patient."""
        return patch_geometry(self.scan, self.prepared.spacing_mm, self.prepared.start, self.patch)


def subject_of(
    predictor: Predictor,
    volume: CTVolume,
    *,
    lungs: LabelMap | None = None,
    vessels: LabelMap | None = None,
    readings: Mapping[str, float] | None = None,
) -> Subject:
    """Prepare a scan and let the predictor estimate it.

    Parameters
    ----------
    predictor : Predictor
        Whose estimates are to be explained.
    volume : CTVolume
        A chest CT in any orientation.
    lungs : LabelMap, optional
        On the scan's grid; segmented where it is not given.
    vessels : LabelMap, optional
        For a network that sees vessels alone.
    readings : mapping of str to float, optional
        What the networks take beside the image.
    """
    prepared = predictor.prepare(volume, lungs or segment_lungs(volume), vessels)
    return prepared_subject(predictor, prepared, volume.geometry, readings)


def prepared_subject(
    predictor: Predictor, prepared: PreparedInput, scan: Geometry, readings: Mapping[str, float] | None = None
) -> Subject:
    """Let the predictor estimate an input that was prepared already."""
    known = dict(readings or {})
    return Subject(prepared, scan, predictor.estimate(prepared, known), known)


class Method(ABC):
    """A way to tell where an estimate comes from.

    Parameters
    ----------
    predictor : Predictor
        Whose estimates.
    """

    name: str
    layer: str = "input"

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.checkpoint = predictor.checkpoint
        self.passes = 0
        """Passes through one network each since the last map."""

    @abstractmethod
    def maps(self, subject: Subject, measures: Sequence[Measure]) -> tuple[Float32Array, Float64Array, Float32Array]:
        """Attribute standardised outputs.

        Parameters
        ----------
        subject : Subject
            The scan.
        measures : sequence of Measure
            Of the checkpoint.

        Returns
        -------
        maps : array (members, measures, z, y, x)
            On the patch; the mean over the patch is the sum of all contributions.
        bias : array (members, measures)
            What no place accounts for.
        weight : array (z, y, x)
            Contributions of a map that is the same everywhere, mean 1.
        """

    def explain(self, subject: Subject, measures: Sequence[Measure] | None = None) -> dict[Measure, PatchMap]:
        """Attribute several measures of one scan at once, in their units.

        Raises
        ------
        UsageError
            If the checkpoint does not estimate a measure, or the network has no such layer.
        """
        wanted = tuple(self.checkpoint.measures if measures is None else measures)
        for measure in wanted:
            if measure not in self.checkpoint.measures:
                known = ", ".join(self.checkpoint.measures)
                raise UsageError(f"measure {measure}", f"this model estimates {known}", "use one of these")
        clock, self.passes = time.perf_counter(), 0
        standardised, bias, weight = self.maps(subject, wanted)
        columns = [self.checkpoint.measures.index(m) for m in wanted]
        sd = np.array([[m.scaler.sd[c] for c in columns] for m in self.checkpoint.members])
        mean = np.array([[m.scaler.mean[c] for c in columns] for m in self.checkpoint.members])
        values, offset = standardised * sd[..., None, None, None], bias * sd + mean
        cost = Cost(self.passes, (time.perf_counter() - clock) / len(wanted))
        absolute = self.checkpoint.quantity == "absolute"
        return {
            measure: PatchMap(
                measure,
                self.name,
                self.layer,
                values[:, i].astype(np.float32),
                offset[:, i],
                subject.estimates.members[measure],
                measure.unit if absolute else "% predicted",
                cost,
                weight,
            )
            for i, measure in enumerate(wanted)
        }

    def attribute(
        self,
        volume: CTVolume,
        measure: Measure,
        *,
        lungs: LabelMap | None = None,
        readings: Mapping[str, float] | None = None,
    ) -> AttributionMap:
        """Attribute one measure of one scan, in the scan's own geometry.

        Parameters
        ----------
        volume : CTVolume
            A chest CT in any orientation.
        measure : Measure
            Which estimate.
        lungs : LabelMap, optional
            On the scan's grid; segmented where it is not given.
        readings : mapping of str to float, optional
            What the networks take beside the image.
        """
        subject = subject_of(self.predictor, volume, lungs=lungs, readings=readings)
        return in_scan(self.explain(subject, (measure,))[measure], subject)


def in_scan(patch: PatchMap, subject: Subject) -> AttributionMap:
    """Carry a map on the patch to the scan's own grid."""
    return AttributionMap(subject.scan, patch, subject.geometry)
