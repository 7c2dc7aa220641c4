"""Exact shares: a yes-or-no trait that every cohort, of any size, holds in its published share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Share:
    """Share ``part / whole`` of a trait.

    Parameters
    ----------
    part, whole : int
        ``Share(186, 1000)`` is 18.6 %.
    """

    part: int
    whole: int


@dataclass(frozen=True)
class Place:
    """Outcome for one patient.

    Parameters
    ----------
    member : bool
        Whether the patient has the trait.
    rank : int
        How many patients before this one had the same outcome: the rank for a trait drawn within this group.
    """

    member: bool
    rank: int


def draw(share: Share, rank: int, entropy: tuple[int, ...]) -> Place:
    """Say whether the patient at ``rank`` has a trait, so that any first n hold its share to within one.

    The ranks are cut into consecutive stretches of length whole/part (rounded up or down); each stretch holds
    the trait once, at a place drawn from the cohort's seed. A patient's outcome therefore depends on
    (entropy, rank) alone, not on the cohort's size, and larger cohorts begin with the smaller ones.
    This is systematic sampling with a random start in each stratum (Cochran, Sampling Techniques, 1977, 8.2).

    Parameters
    ----------
    share : Share
        Share of the trait.
    rank : int
        Place of the patient among those who could have the trait.
    entropy : tuple of int
        Cohort seed and a number of its own for each trait.

    Returns
    -------
    Place
        The outcome and the patient's rank among those with the same outcome.
    """
    if not 0 <= share.part <= share.whole or share.whole < 1:
        raise ValueError(f"share {share.part}/{share.whole} must lie between 0 and 1")
    if 2 * share.part > share.whole:  # stretches of whole/part need a rare trait: draw its absence
        absent = draw(Share(share.whole - share.part, share.whole), rank, entropy)
        return Place(not absent.member, absent.rank)
    if share.part == 0:
        return Place(member=False, rank=rank)
    stretch = rank * share.part // share.whole
    start = -(-stretch * share.whole // share.part)
    end = -(-(stretch + 1) * share.whole // share.part)
    word = int(np.random.SeedSequence((*entropy, stretch)).generate_state(1, np.uint64)[0])
    chosen = start + word % (end - start)
    members_before = stretch + (chosen < rank)
    member = chosen == rank
    return Place(member, members_before if member else rank - members_before)
