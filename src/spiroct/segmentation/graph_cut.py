"""Binary labelling of candidate voxels by a minimum cut: data terms, contrast-sensitive smoothness, scipy's solver."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy import sparse

from spiroct.types import BoolArray, Float32Array, Float64Array, IndexArray, Vector3

NEIGHBOURS = (6, 18, 26)
_LEVELS = 10_000  # scipy's solver takes integers: costs of 0 to 1 in steps of 0.0001


def neighbour_pairs(
    candidates: BoolArray, spacing: Vector3, neighbours: int
) -> tuple[IndexArray, IndexArray, Float64Array]:
    """List each pair of neighbouring candidates once.

    Parameters
    ----------
    candidates : array (z, y, x)
    spacing : tuple of float
        Millimetres.
    neighbours : {6, 18, 26}

    Returns
    -------
    first, second : array (n,)
        Numbers of the candidates, counted in array order.
    distance : array (n,)
        Between their centres, in units of the smallest spacing.

    Raises
    ------
    ValueError
        If the number of neighbours is not known.
    """
    if neighbours not in NEIGHBOURS:
        raise ValueError(f"{neighbours} neighbours is not one of {NEIGHBOURS}")
    number = np.full(tuple(n + 2 for n in candidates.shape), -1, np.int64)
    number[1:-1, 1:-1, 1:-1][candidates] = np.arange(np.count_nonzero(candidates))
    flat = number.reshape(-1)
    place = np.flatnonzero(flat >= 0)
    strides = (number.shape[1] * number.shape[2], number.shape[2], 1)
    most = {6: 1, 18: 2, 26: 3}[neighbours]
    first, second, distance = [], [], []
    for step in product((-1, 0, 1), repeat=3):
        if step <= (0, 0, 0) or sum(map(abs, step)) > most:
            continue
        beside = flat[place + sum(a * b for a, b in zip(step, strides, strict=True))]
        found = np.flatnonzero(beside >= 0)
        first.append(found)
        second.append(beside[found])
        length = float(np.linalg.norm(np.multiply(step, spacing))) / min(spacing)
        distance.append(np.full(len(found), length))
    return np.concatenate(first), np.concatenate(second), np.concatenate(distance)


def minimum_cut(
    cost_in: Float32Array, cost_out: Float32Array, first: IndexArray, second: IndexArray, weight: Float64Array
) -> BoolArray:
    """Choose in or out for each node so that the sum of costs is least (Boykov 2001, doi 10.1109/34.969114).

    With two labels the cut is exact, so that the alpha-beta swaps of Zhai 2016 come to the same labelling.

    Parameters
    ----------
    cost_in, cost_out : array (n,)
        Cost of labelling a node in or out; 0 to 1, in steps of 0.0001; larger ones force.
    first, second : array (m,)
        Neighbouring nodes.
    weight : array (m,)
        Cost of labelling the two differently.

    Returns
    -------
    array (n,)
        True for in.
    """
    from scipy.sparse import csgraph  # a fifth of a second that predict without vessels need not wait

    n = len(cost_in)
    source, sink = n, n + 1
    gain = np.rint((cost_out.astype(np.float64) - cost_in) * _LEVELS).astype(np.int64)
    link = np.rint(weight * _LEVELS).astype(np.int64)
    liked, disliked = np.flatnonzero(gain > 0), np.flatnonzero(gain < 0)
    rows = np.concatenate([first, second, np.full(len(liked), source), disliked])
    columns = np.concatenate([second, first, liked, np.full(len(disliked), sink)])
    capacity = np.concatenate([link, link, gain[liked], -gain[disliked]]).astype(np.int32)
    graph = sparse.csr_array((capacity, (rows, columns)), shape=(n + 2, n + 2))
    flow = csgraph.maximum_flow(graph, source, sink).flow
    residual = graph - flow
    residual.eliminate_zeros()
    reached = csgraph.breadth_first_order(residual, source, directed=True, return_predecessors=False)
    chosen = np.zeros(n + 2, bool)
    chosen[reached] = True
    return chosen[:n]


def energy(
    chosen: BoolArray,
    cost_in: Float32Array,
    cost_out: Float32Array,
    first: IndexArray,
    second: IndexArray,
    weight: Float64Array,
) -> float:
    """Sum of the costs of a labelling: what :func:`minimum_cut` makes least."""
    data = np.where(chosen, cost_in, cost_out).sum(dtype=np.float64)
    return float(data + weight[chosen[first] != chosen[second]].sum())
