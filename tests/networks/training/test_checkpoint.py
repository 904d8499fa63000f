"""States of trainings: what is not of this training is refused in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nstyle.errors import WeightsError
from nstyle.networks.training import checkpoint
from nstyle.system import checkpoint_file

WEIGHTS = {"a": np.ones((2, 3), np.float32), "b": np.zeros(3, np.float32)}
GROUPS = {"weight": WEIGHTS, "square": WEIGHTS}


@pytest.mark.parametrize("facts", [{"step": -1}, {"step": "7"}, {"step": None}, {"setup": []}])
def test_wrong_facts_are_refused(tmp_path, facts):
    path = str(tmp_path / "a.npz")
    checkpoint_file.write(path, "a test", {"step": 7, "setup": {}, **facts}, GROUPS)
    with pytest.raises(WeightsError, match=rf"^{path}: .*remove it to start anew\Z"):
        checkpoint.read(path, "a test")


@pytest.mark.parametrize(
    ("group", "arrays"),
    [
        ("weight", {}),
        ("weight", {"a": WEIGHTS["a"]}),
        ("weight", {**WEIGHTS, "c": WEIGHTS["b"]}),
        ("weight", {**WEIGHTS, "b": np.ones(1, np.float32)}),  # would be spread over all
        ("weight", {**WEIGHTS, "b": np.full(3, np.nan, np.float32)}),
        ("weight", {**WEIGHTS, "b": np.ones(3, np.int8)}),
        ("square", {**WEIGHTS, "b": -np.ones(3, np.float32)}),
    ],
)
def test_arrays_of_another_training_are_refused(tmp_path, group, arrays: dict[str, Any]):
    path = str(tmp_path / "a.npz")
    checkpoint.save(path, "a test", 7, GROUPS, {})
    checkpoint.check_groups(checkpoint.read(path, "a test"), GROUPS)
    checkpoint.save(path, "a test", 7, {**GROUPS, group: arrays}, {})
    with pytest.raises(WeightsError, match=rf"^{path}: its arrays \({group}\) .* start anew\Z"):
        checkpoint.check_groups(checkpoint.read(path, "a test"), GROUPS)
