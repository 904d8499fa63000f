"""What a network costs, on tables computed by hand."""

from __future__ import annotations

import pytest

from nstyle.optimize.planning import costs

# Channels of two blocks; a float has 4 bytes, and in block 2 there are a quarter of the positions.
WIDTHS = {"conv1_1": 2, "conv1_2": 3, "conv2_1": 8}
TOTAL, LARGEST = 4 * (2 + 3 + 8 / 4), 4 * 3


@pytest.mark.parametrize(
    ("wanted", "tapped"),
    [
        (["relu1_1"], 4 * 2),
        (["relu1_1", "conv1_2", "relu2_1"], 4 * (2 + 3 + 2)),
        (["pool1"], 4 * 3),  # what it is taken from
        (["relu1_2", "relu1_2"], 4 * 6),
    ],
)
def test_a_network_is_bytes_per_pixel_of_the_picture(wanted, tapped):
    kernels = 4 * 9 * (3 * 2 + 2 * 3 + 3 * 8)
    assert costs.network(WIDTHS, wanted) == costs.Network(kernels, TOTAL, LARGEST, tapped)
    kept = costs.network(WIDTHS, ["relu1_1"], wanted)
    assert kept == costs.Network(kernels, TOTAL, LARGEST, 4 * 2, tapped)


def test_a_divided_network_costs_what_its_parts_do():
    widths = {"conv1_1": 4, "conv2_1": 8, "conv3_1": 16, "conv4_1": 32}
    parts = costs.divided(widths, ["relu1_1", "relu3_1", "relu4_1"], (40, 20))
    # The boundary is a tap, too, of what comes before pooling.
    assert (parts.before.total, parts.before.tapped) == (4 * (4 + 8 / 4), 4 * (4 + 8 / 4))
    assert (parts.behind.total, parts.behind.tapped) == (4 * (1 + 0.5), 4 * (1 + 0.5))
    assert parts.boundary == 4 * 8 / 16
    near = costs.TILE + costs.in_layers(parts.before)
    far = costs.BEHIND * 2 + costs.in_layers(parts.behind)
    assert parts.seen((10, 20), weighted=False) == pytest.approx(200 * near + 800 * far)
    near, far = near + parts.before.tapped, far + parts.behind.tapped
    assert parts.seen((10, 20), weighted=True) == pytest.approx(200 * near + 800 * far)
