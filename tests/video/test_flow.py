"""Optical flow, and its absence."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from nstyle.errors import OptionError
from nstyle.video import optical_flow


def grey(seed, size=(96, 72)):
    """Texture at many scales, as photos have it."""
    noise = np.random.default_rng(seed).normal(0, 1, size[::-1])
    layers = [ndimage.gaussian_filter(noise, scale) for scale in (1.5, 4, 9)]
    values = sum(layer / layer.std() for layer in layers)
    return np.clip(128 + 30 * values, 0, 255).astype(np.uint8)


def test_a_shift_is_found():
    pytest.importorskip("cv2", reason='OpenCV is not installed: pip install "nstyle[video]"')
    wide = grey(1, (110, 80))
    here, there = wide[4:76, 6:102].copy(), wide[:72, :96].copy()
    found = optical_flow.Flow()(here, there)
    assert found.shape == (72, 96, 2) and found.dtype == np.float32
    inner = found[16:-16, 16:-16].reshape(-1, 2)
    assert np.median(inner, axis=0) == pytest.approx((6, 4), abs=0.25)


@pytest.mark.parametrize("size", [(16, 16), (17, 64), (40, 16)])
def test_small_pictures_have_a_flow(size):
    pytest.importorskip("cv2", reason='OpenCV is not installed: pip install "nstyle[video]"')
    found = optical_flow.Flow()(grey(1, size), grey(1, size))
    assert found.shape == (size[1], size[0], 2) and np.isfinite(found).all()


def test_without_opencv_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(OptionError, match=re.escape('pip install "nstyle[video]"')) as caught:
        optical_flow.Flow()
    assert "\n" not in str(caught.value)


def test_only_this_module_imports_opencv():
    house = Path(optical_flow.__file__).parents[1]
    found = {
        path.name
        for path in house.rglob("*.py")
        if re.search(r"^\s*(import|from) cv2\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert found == {"optical_flow.py"}
