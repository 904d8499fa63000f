"""The gate to MXNet: devices, and what is said where it cannot be loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nstyle.errors import BackendError
from nstyle.system import backend
from nstyle.system.backend import mx

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def gpus(monkeypatch):
    """A function that says how many GPUs there are."""
    return lambda count: monkeypatch.setattr(backend, "gpu_count", lambda: count)


def test_auto_is_the_cpu_where_there_is_no_gpu(gpus):
    gpus(0)
    assert backend.device("auto") == mx.cpu()
    assert backend.device() == mx.cpu()


def test_auto_is_the_first_gpu_where_there_is_one(gpus):
    gpus(2)
    assert backend.device("auto") == mx.gpu(0)
    assert backend.device() == mx.gpu(0)


@pytest.mark.parametrize("count", [0, 2])
def test_minus_one_is_the_cpu(count, gpus):
    gpus(count)
    assert backend.device(-1) == mx.cpu()


def test_an_index_is_that_gpu(gpus):
    gpus(2)
    assert [backend.device(0), backend.device(1)] == [mx.gpu(0), mx.gpu(1)]


@pytest.mark.parametrize(
    ("count", "index", "there"),
    [(0, 0, "none"), (0, 3, "none"), (2, 2, "0, 1"), (2, 7, "0, 1"), (1, -2, "0")],
)
def test_a_wrong_index_lists_those_there_are(count, index, there, gpus):
    gpus(count)
    with pytest.raises(BackendError) as caught:
        backend.device(index)
    message = str(caught.value)
    assert message.startswith(f"--gpu {index}:")
    assert f": {there};" in message
    assert "-1 means CPU" in message
    assert "\n" not in message


def test_another_word_than_auto_is_no_device(gpus):
    gpus(2)
    with pytest.raises(BackendError, match="--gpu cpu"):
        backend.device("cpu")


def test_a_driver_that_fails_counts_as_no_gpu(monkeypatch):
    def fail() -> int:
        raise mx.MXNetError("CUDA driver version is insufficient")

    monkeypatch.setattr(mx.context, "num_gpus", fail)
    assert backend.gpu_count() == 0


@pytest.mark.parametrize(
    "broken",
    [
        "raise ImportError('libmxnet.so: cannot open')",
        "raise OSError('libmxnet.so:\\n  wrong architecture')",
        "import numpy; numpy.no_such_name",
    ],
)
def test_an_mxnet_that_cannot_be_loaded_becomes_one_line_with_the_install_command(broken, tmp_path):
    (tmp_path / "mxnet.py").write_text(broken)
    code = (
        "import json, platform\n"
        "platform.system, platform.machine = lambda: 'Linux', lambda: 'x86_64'\n"
        "from nstyle.errors import BackendError\n"
        "try:\n"
        "    from nstyle.system import backend\n"
        "except BackendError as error:\n"
        "    print(json.dumps([str(error), error.__cause__ is not None]))\n"
    )
    path = os.pathsep.join([str(tmp_path), str(CHECKOUT)])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    message, has_cause = json.loads(done.stdout)
    assert "cannot be loaded" in message
    assert "pip install mxnet==1.9.1 gluoncv" in message
    assert '"numpy<2"' in message
    assert "\n" not in message
    assert has_cause


def test_what_mxnet_imports_but_nobody_here_needs_waits_until_it_is_asked_for():
    asked = (
        "import sys, nstyle.system.backend as b; "
        "print([n for n in b.NOT_NEEDED if n in sys.modules]); "
        "import scipy.stats, cv2; print(cv2.__name__, round(scipy.stats.norm.cdf(0), 3))"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["[]", "cv2 0.5"]
