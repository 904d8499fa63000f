"""Products of matrices by the layers of convolutional networks."""

import numpy as np
import pytest

from nstyle.losses.products import mixed, outer
from nstyle.system.backend import nd


def values(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("rows", "columns", "shared"), [(1, 1, 1), (3, 5, 7), (64, 33, 500)])
def test_an_outer_product_is_that_of_numpy(rows, columns, shared):
    a, b = values(rows, shared), values(columns, shared, seed=1)
    np.testing.assert_allclose(outer(nd.array(a), nd.array(b)).asnumpy(), a @ b.T, atol=1e-4)


@pytest.mark.parametrize("count", [1, 3])
def test_a_kernel_mixes_the_channels_of_each_picture(count):
    kernel, x = values(6, 4), values(count, 4, 30, seed=1)
    np.testing.assert_allclose(
        mixed(nd.array(kernel), nd.array(x)).asnumpy(), kernel @ x, atol=1e-5
    )
