"""The minimum cut against every labelling of a small graph, and against another solver."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from spiroct.segmentation.graph_cut import energy, minimum_cut, neighbour_pairs


def problem(shape: tuple[int, int, int], seed: int, neighbours: int) -> tuple:
    rng = np.random.default_rng(seed)
    candidates = rng.random(shape) < 0.8
    n = int(np.count_nonzero(candidates))
    first, second, distance = neighbour_pairs(candidates, (1.0, 1.0, 2.0), neighbours)
    costs = (rng.integers(0, 1000, (2, n)) / 1000).astype(np.float32)
    return costs[0], costs[1], first, second, rng.integers(0, 300, len(first)) / 1000 / distance.round()


@pytest.mark.parametrize("seed", range(4))
def test_no_labelling_costs_less(seed: int) -> None:
    terms = problem((2, 2, 3), seed, 26)
    found = energy(minimum_cut(*terms), *terms)
    least = min(energy(np.array(c), *terms) for c in product((False, True), repeat=len(terms[0])))
    assert found == pytest.approx(least, abs=0.003)  # costs are rounded to 0.0001


@pytest.mark.parametrize("neighbours", [6, 18, 26])
def test_the_energy_of_another_solver(neighbours: int) -> None:
    maxflow = pytest.importorskip("maxflow", reason="needs PyMaxflow, the oracle")
    terms = problem((8, 9, 10), 5, neighbours)
    cost_in, cost_out, first, second, weight = terms
    graph = maxflow.GraphFloat()
    nodes = graph.add_nodes(len(cost_in))
    for n, (inner, outer) in enumerate(zip(cost_in, cost_out, strict=True)):
        graph.add_tedge(nodes[n], float(outer), float(inner))
    for a, b, w in zip(first, second, weight, strict=True):
        graph.add_edge(nodes[a], nodes[b], w, w)
    assert energy(minimum_cut(*terms), *terms) == pytest.approx(graph.maxflow(), rel=2e-3)


@pytest.mark.parametrize(("neighbours", "pairs"), [(6, 54), (18, 126), (26, 158)])
def test_pairs_of_a_cube(neighbours: int, pairs: int) -> None:
    """3 x 3 x 3: 3 * 18 across faces, 6 * 12 more across edges, 4 * 8 more across corners."""
    first, second, distance = neighbour_pairs(np.ones((3, 3, 3), bool), (1.0, 1.0, 1.0), neighbours)
    assert len(first) == pairs
    assert len({frozenset(p) for p in zip(first.tolist(), second.tolist(), strict=True)}) == pairs
    assert distance.max() == pytest.approx(np.sqrt({6: 1, 18: 2, 26: 3}[neighbours]))


def test_smoothness_takes_a_lone_voxel() -> None:
    first, second = np.array([0, 1]), np.array([1, 2])
    cost_in, cost_out = np.array([0.9, 0.4, 0.9], np.float32), np.array([0.1, 0.6, 0.1], np.float32)
    assert minimum_cut(cost_in, cost_out, first, second, np.zeros(2)).tolist() == [False, True, False]
    assert not minimum_cut(cost_in, cost_out, first, second, np.full(2, 0.2)).any()


def test_unknown_neighbourhoods_are_refused() -> None:
    with pytest.raises(ValueError, match="26"):
        neighbour_pairs(np.ones((2, 2, 2), bool), (1.0, 1.0, 1.0), 8)
