"""Can a map be wrong? What it has in common with maps of other folds and of networks that know nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from spiroct.attribution.attribution_map import PatchMap
from spiroct.attribution.method import Method, Subject, prepared_subject
from spiroct.checkpoints.checkpoint import Checkpoint
from spiroct.inference.predictor import Predictor
from spiroct.quality.verdict import Outcome, Verdict
from spiroct.types import AnyArray, BoolArray

COMPLETE = 1e-3
LEAST_AGREEMENT = 0.5
MOST_ALIKE = 0.5
MOST_OUTSIDE = 10.0


def scrambled(checkpoint: Checkpoint, *, seed: int) -> Checkpoint:
    """Shuffle the weights of every convolution and linear layer within their tensor (Adebayo 2018, layer by layer).

    The network keeps its architecture, its normalisations and the size of its weights, and forgets what it learned.

    Parameters
    ----------
    checkpoint : Checkpoint
    seed : int
        Of the shuffle.
    """
    rng = np.random.default_rng(seed)
    members = []
    for member in checkpoint.members:
        weights = {
            name: rng.permutation(value.ravel()).reshape(value.shape) if value.ndim > 1 else value
            for name, value in sorted(member.weights.items())  # read from a file, they come in any order
        }
        members.append(replace(member, weights=weights))
    return replace(checkpoint, members=tuple(members), intervals=(), ladder=(), folder=None)


def likeness(one: AnyArray, other: AnyArray, where: BoolArray | None = None) -> float:
    """Spearman correlation of two maps over the voxels of a mask; 0 where one of them is constant."""
    inside = np.ones(one.shape, bool) if where is None else where
    first, second = one[inside], other[inside]
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    from scipy import stats  # half a second to load, that a prediction without maps need not wait

    return float(stats.spearmanr(first, second).statistic)


def fold_agreement(attribution: PatchMap, where: BoolArray | None = None) -> float | None:
    """Mean likeness of every two members' maps; None for a single network."""
    members = attribution.shown_members
    if len(members) < 2:
        return None
    inside = np.ones(members[0].shape, bool) if where is None else where
    from scipy.stats import rankdata

    ranks = [rankdata(member[inside]) for member in members]  # a correlation of ranks is Spearman's
    alike = [np.corrcoef(a, b)[0, 1] if np.ptp(a) and np.ptp(b) else 0.0 for a, b in combinations(ranks, 2)]
    return float(np.mean(alike))


def scrambled_likeness(
    kind: Callable[[Predictor], Method],
    predictor: Predictor,
    subject: Subject,
    attributions: Sequence[PatchMap],
    *,
    seed: int = 0,
    where: BoolArray | None = None,
) -> list[float]:
    """Likeness of each map to the one that the same method makes of scrambled networks.

    Parameters
    ----------
    kind : callable
        Makes the method for a predictor.
    predictor : Predictor
        The one explained.
    subject : Subject
    attributions : sequence of PatchMap
        One for each measure wanted.
    seed : int
        Of :func:`scrambled`.
    where : array (z, y, x), optional
        Voxels to compare; all by default.
    """
    blind = Predictor(scrambled(predictor.checkpoint, seed=seed), engine="torch")
    seen = prepared_subject(blind, subject.prepared, subject.scan, subject.readings)
    maps = kind(blind).explain(seen, [a.measure for a in attributions])
    return [likeness(a.values, maps[a.measure].values, where) for a in attributions]


def judge(
    attribution: PatchMap, *, agreement: float | None, alike: float, outside: float | None
) -> tuple[Verdict, ...]:
    """Turn the checks of one map into verdicts.

    Parameters
    ----------
    attribution : PatchMap
    agreement : float or None
        From :func:`fold_agreement`.
    alike : float
        From :func:`scrambled_likeness`.
    outside : float or None
        Percent of the attribution that lies outside the body.
    """
    error = attribution.completeness_error
    return (
        _verdict(
            "completeness",
            error,
            f"map mean + bias within {COMPLETE:g} of the estimate, relative",
            passed=error <= COMPLETE,
            good="The map and its bias add up to the estimate",
            bad="The map does not tell all of the estimate",
            remedy="Use the map for places, not for amounts; or use the method ram",
        ),
        _verdict(
            "scrambled_network",
            alike,
            f"Spearman correlation with the map of a scrambled network within {MOST_ALIKE:g}",
            passed=abs(alike) <= MOST_ALIKE,
            good="The map depends on what the network learned",
            bad="A network that knows nothing gives much the same map: it shows the image, not the network",
            remedy="Do not read this map",
        ),
        _verdict(
            "in_the_body",
            outside,
            f"at most {MOST_OUTSIDE:g} % of the attribution outside the body",
            passed=outside is not None and outside <= MOST_OUTSIDE,
            good="The map lies in the body",
            bad="Much of the map lies in the air around the body: its cells are coarse, or the network uses the "
            "body's outline",
            remedy="Read amounts by region with this in mind",
        ),
        _verdict(
            "folds_agree",
            agreement,
            f"mean Spearman correlation of the folds' maps at least {LEAST_AGREEMENT:g}",
            passed=agreement is not None and agreement >= LEAST_AGREEMENT,
            good="Networks trained on other patients look at the same places",
            bad="A single network cannot be compared with others"
            if agreement is None
            else "Networks trained on other patients look at other places: the map tells of one training",
            remedy="Use an ensemble" if agreement is None else "Read no place out of this map",
        ),
    )


def _verdict(check: str, value: float | None, limit: str, *, passed: bool, good: str, bad: str, remedy: str) -> Verdict:
    if passed:
        return Verdict(check, Outcome.PASS, value, limit, good)
    return Verdict(check, Outcome.WARN, value, limit, bad, remedy)
