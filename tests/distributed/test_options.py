"""What a mural refuses, in one line each."""

from __future__ import annotations

import pytest

from nstyle.distributed.options import Settings, check
from nstyle.errors import OptionError
from nstyle.options.options import Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dask": "somewhere"}, "--dask: 'somewhere' is neither"),
        ({"dask": "local:0"}, "--dask local:N: '0' is not allowed"),
        ({"dask": "local:" + "9" * 5000}, "from 1 to 512"),
        ({"parts": 0}, "--parts: 0 is out of range"),
    ],
)
def test_bad_settings(options, message):
    with pytest.raises(OptionError, match=message):
        Settings(**options)


def test_good_settings():
    assert (Settings().local, Settings(dask="tcp://10.0.0.1:8786").local) == (2, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "lbfgs"}, "--optimizer: lbfgs"),
        ({"tile": "off"}, "--tile: off"),
    ],
)
def test_options_that_cannot_be_had_in_parts(options, message):
    with pytest.raises(OptionError, match=message):
        check(Options(**options))
    check(Options(optimizer="adam", tile=256))
