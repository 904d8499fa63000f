"""The network a picture is painted with: what is refused, in which precision it computes."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tiny
from asking import CHECKOUT

from nstyle.errors import OptionError
from nstyle.optimize import inputs
from nstyle.optimize.context import PaintContext
from nstyle.optimize.extractor import load_network, uses_bfloat16
from nstyle.options.options import Options
from nstyle.system import runtime
from nstyle.system.backend import mx

PHOTO, PAINTING = tiny.picture(1, (40, 32)), tiny.picture(2, (36, 44))


def test_a_layer_that_the_file_has_not_is_refused(tmp_path):
    path = tiny.write_vgg(tmp_path / "vgg16.params", model="vgg16")
    options = Options(weights=path, content_layers="relu3_4")
    gathered = inputs.gather(PHOTO, PAINTING, options)
    with pytest.raises(OptionError, match=r"'relu3_4' in vgg16"):
        load_network(gathered, options, mx.cpu())


def test_the_convention_that_was_asked_for_is_that_of_the_pictures_and_is_kept_apart(tmp_path):
    path, context = tiny.write_vgg(tmp_path / "vgg16.params", model="vgg16"), PaintContext()
    found = []
    for asked in ("torchvision", "caffe-bgr"):
        options = Options(weights=path, weights_convention=asked)
        gathered = inputs.gather(PHOTO, PAINTING, options)
        found.append(load_network(gathered, options, mx.cpu(), context).convention.name)
    assert found == ["torchvision", "caffe-bgr"]


# ---- precision ----


@pytest.mark.parametrize(
    ("precision", "works", "fast", "chosen"),
    [
        ("auto", True, True, True),
        ("auto", True, False, False),  # it would take longer
        ("auto", False, False, False),
        ("float32", True, True, False),
        ("bfloat16", True, False, True),
    ],
)
def test_auto_takes_bfloat16_where_it_is_fast(monkeypatch, precision, works, fast, chosen):
    monkeypatch.setattr(runtime, "bfloat16_works", lambda: works)
    monkeypatch.setattr(runtime, "bfloat16_is_fast", lambda: fast)
    options = Options(precision=precision)
    assert uses_bfloat16(options, mx.cpu(), plain=True) == chosen


@pytest.mark.parametrize(
    ("works", "plain", "device", "values"),
    [
        (False, True, mx.cpu(), {}),
        (True, False, mx.cpu(), {}),
        (True, True, mx.gpu(0), {}),
        (True, True, mx.cpu(), {"pooling_ceil": True}),
    ],
)
def test_bfloat16_that_cannot_be_is_refused_when_typed_and_left_when_not(
    monkeypatch, works, plain, device, values
):
    monkeypatch.setattr(runtime, "bfloat16_works", lambda: works)
    monkeypatch.setattr(runtime, "bfloat16_is_fast", lambda: True)
    assert not uses_bfloat16(Options(**values), device, plain=plain)
    with pytest.raises(OptionError, match="--precision: bfloat16"):
        uses_bfloat16(Options(precision="bfloat16", **values), device, plain=plain)


@pytest.mark.parametrize(
    ("amx", "width", "low"), [(True, 736, True), (True, 737, False), (False, 9000, True)]
)
def test_what_is_too_wide_for_amx_is_in_float32(monkeypatch, weights_file, amx, width, low):
    monkeypatch.setattr(runtime, "amx_used", lambda: amx)
    chosen = Options(weights=weights_file, gpu=-1, precision="float32")
    extractor = load_network(inputs.gather(PHOTO, PHOTO, chosen), chosen, mx.cpu())
    assert not extractor.in_bfloat16(width)
    assert dataclasses.replace(extractor, bfloat16=True).in_bfloat16(width) == low


PAINT = """
import json
import numpy as np
from nstyle import stylize
from nstyle.system import locations, runtime
pictures = [locations.sample(name) for name in ("coffee.jpg", "cubist.jpg")]
few = {"max_long_edge": 320, "max_num_epochs": 5, "scales": 1, "gpu": -1, "model": "vgg16-slim"}
losses = []
for precision in ("auto", "float32") if runtime.bfloat16_is_fast() else ():
    losses.append([step.loss for step in stylize(*pictures, precision=precision, **few).history])
if losses:  # wider than AMX can
    stylize(np.zeros((32, 760, 3), np.uint8), pictures[1], **{**few, "max_long_edge": 760})
print(json.dumps(losses))
"""


def test_by_default_the_losses_are_about_those_of_float32_where_bfloat16_is_fast():
    """In a process without the limit that conftest sets for all others."""
    usual = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    del usual[runtime.MOST_ISA]
    done = subprocess.run(
        [sys.executable, "-c", PAINT], env=usual, stdout=subprocess.PIPE, check=True, timeout=300
    )
    losses = json.loads(done.stdout)
    if not losses:
        pytest.skip("float32 is faster on this CPU")
    by_default, exact = losses
    assert by_default != exact and exact[-1] < 0.5 * exact[0]
    np.testing.assert_allclose(by_default, exact, rtol=0.03)
