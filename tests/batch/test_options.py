"""What a batch is told beside what shapes its pictures."""

from __future__ import annotations

import pytest

from nstyle.batch.options import Settings
from nstyle.errors import OptionError


@pytest.mark.parametrize(
    ("values", "workers", "local", "attempts"),
    [
        ({}, "auto", None, 3),
        ({"workers": "3"}, 3, None, 3),
        ({"retries": "0"}, "auto", None, 1),
        ({"dask": "local:4"}, "auto", 4, 3),
        ({"dask": "local:2", "retries": 4}, "auto", 2, 5),
        ({"dask": "tcp://10.0.0.1:8786"}, "auto", None, 3),
    ],
)
def test_numbers_and_addresses(values, workers, local, attempts):
    settings = Settings(**values)
    assert (settings.workers, settings.local, settings.attempts) == (workers, local, attempts)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"workers": "0"}, "--workers: '0' is not allowed; give auto or from 1 to 512"),
        ({"workers": "many"}, "--workers: 'many'"),
        ({"dask": "local:x"}, "--dask local:N: 'x' is not allowed; give from 1"),
        ({"dask": "somewhere"}, "--dask: 'somewhere' is neither tcp://HOST:PORT nor local:N"),
        ({"dask": "local:2", "workers": 2}, "--workers: means nothing with --dask"),
        ({"retries": -1}, "--retries: -1"),
        ({"dask": "tcp://a:8786", "retries": 2}, "--retries: means nothing with --dask tcp://a:8"),
    ],
)
def test_bad_values_are_refused(values, says):
    with pytest.raises(OptionError) as refused:
        Settings(**values)
    assert says in str(refused.value)
