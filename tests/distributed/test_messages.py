"""Bytes are those of the arrays and a little; a triangle is the whole matrix again."""

from __future__ import annotations

import numpy as np
import pytest

from nstyle.distributed.messages import (
    EACH_EPOCH,
    MOMENTS,
    PICTURES,
    STRIPS,
    Counted,
    added,
    packed,
    size_of,
    unpacked,
)
from nstyle.system.backend import mx, nd


def test_a_message_takes_its_arrays_and_little_more():
    array = np.zeros((3, 100, 7), np.float32)
    assert array.nbytes < size_of(("do", 1, array)) < array.nbytes + 300
    assert size_of(None) < 20


def test_only_some_kinds_are_of_every_epoch():
    counted = Counted()
    for kind in (MOMENTS, STRIPS, PICTURES):
        counted.add(kind, [np.zeros(1000, np.uint8)])
    assert 2000 < sum(counted[kind] for kind in EACH_EPOCH) < 2600 and counted[PICTURES] > 1000


@pytest.mark.parametrize("channels", [1, 2, 5, 64])
def test_a_symmetric_matrix_travels_as_a_triangle(channels):
    matrix = np.random.default_rng(1).normal(size=(channels, channels)).astype(np.float32)
    matrix += matrix.T
    mean = np.arange(channels, dtype=np.float32).reshape(-1, 1)
    sent = packed(nd.array(matrix), nd.array(mean))
    assert len(sent[0]) == channels * (channels + 1) // 2
    second, middle = unpacked(added(sent, sent), mx.cpu())
    assert np.array_equal(second.asnumpy(), 2 * matrix)
    assert np.array_equal(middle.asnumpy(), 2 * mean)
    assert unpacked(packed(nd.array(matrix), None), mx.cpu())[1] is None
