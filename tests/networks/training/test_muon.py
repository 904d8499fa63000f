"""Muon: orthogonal steps of kernels, Adam's of all else."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle.networks.training.adam import Adam
from nstyle.networks.training.muon import FASTER, SIZE, Muon, orthogonal
from nstyle.system.backend import nd


@pytest.mark.parametrize("shape", [(16, 48), (48, 16), (12, 12)])
def test_singular_values_become_about_one_and_their_vectors_stay(shape):
    matrix = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    found = orthogonal(nd.array(matrix)).asnumpy()
    values = np.linalg.svd(found, compute_uv=False)
    assert values.min() > 0.3 and values.max() < 1.3
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    exact = left @ right
    assert (found * exact).sum() > 0.9 * np.linalg.norm(found) * np.linalg.norm(exact)


def test_steps_of_kernels_and_matrices_have_a_size_of_their_own_and_the_rest_is_adams():
    chance = np.random.default_rng(2)
    shapes = {
        "kernel_weight": (16, 8, 3, 3), "dense_weight": (16, 8),
        "few_weight": (3, 8, 3, 3), "bias": (16,), "axes": (16, 8),
    }  # fmt: skip
    start = {name: chance.normal(size=shape) for name, shape in shapes.items()}
    gradients = {name: nd.array(chance.normal(size=shape)) for name, shape in shapes.items()}
    after = []
    for kind in (Muon, Adam):
        weights = {name: nd.array(values) for name, values in start.items()}
        kind(weights, average=0.9).update(gradients, rate=0.01, count=1)
        after.append({name: w.asnumpy() for name, w in weights.items()})
    for name in shapes:
        same = np.allclose(after[0][name], after[1][name])
        assert same == (name not in ("kernel_weight", "dense_weight"))
    # A rectangular matrix' values: those of the square one, less what its longer edge has too many.
    for name, faster in (("kernel_weight", FASTER), ("dense_weight", 1)):
        step = after[0][name] - start[name].astype(np.float32)
        expected = faster * 0.01 * SIZE
        assert 0.5 * expected < np.sqrt(np.square(step).mean()) < 1.2 * expected


def test_it_goes_on_from_its_state():
    def run(optimizer, weights, begin, end):
        for count in range(begin, end):
            gradient = {"kernel_weight": 2 * weights["kernel_weight"] + count}
            optimizer.update(gradient, rate=0.01, count=count)
        return weights["kernel_weight"].asnumpy()

    def fresh():
        weights = {"kernel_weight": nd.array(np.random.default_rng(3).normal(size=(8, 4, 3, 3)))}
        return Muon(weights, average=0.9), weights

    one, weights = fresh()
    whole = run(one, weights, 1, 9)
    one, weights = fresh()
    run(one, weights, 1, 5)
    other, again = fresh()
    other.restore(one.groups())
    np.testing.assert_array_equal(run(other, again, 5, 9), whole)
