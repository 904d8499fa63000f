"""What a batch is told beside what shapes its pictures."""

from __future__ import annotations

import pytest

from nstyle.batch.options import Settings
from nstyle.errors import OptionError


def test_by_default_as_many_processes_as_help_and_no_cluster():
    settings = Settings()
    assert (settings.workers, settings.dask, settings.local) == ("auto", None, None)


@pytest.mark.parametrize(
    ("values", "local", "workers"),
    [
        ({"workers": "3"}, None, 3),
        ({"dask": "local:4"}, 4, "auto"),
        ({"dask": "tcp://10.0.0.1:8786"}, None, "auto"),
    ],
)
def test_numbers_and_addresses(values, local, workers):
    settings = Settings(**values)
    assert (settings.local, settings.workers) == (local, workers)


@pytest.mark.parametrize(
    ("values", "attempts"),
    [({}, 3), ({"retries": "0"}, 1), ({"retries": 4, "dask": "local:2"}, 5)],
)
def test_a_job_is_tried_once_and_again(values, attempts):
    assert Settings(**values).attempts == attempts


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
