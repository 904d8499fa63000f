"""The network a picture is painted with: what is refused, in which precision it computes."""

from __future__ import annotations

import pytest
import tiny

from nstyle.errors import OptionError
from nstyle.optimize import inputs
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
