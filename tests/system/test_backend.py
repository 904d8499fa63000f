"""The gate to MXNet: devices, and what is said where it cannot be loaded."""

from __future__ import annotations

import pytest

from nstyle.errors import BackendError
from nstyle.system import backend
from nstyle.system.backend import mx


@pytest.fixture
def gpus(monkeypatch):
    """A function that says how many GPUs there are."""
    return lambda count: monkeypatch.setattr(backend, "gpu_count", lambda: count)


@pytest.mark.parametrize(
    ("count", "gpu", "device"),
    [
        (0, "auto", mx.cpu()),
        (2, "auto", mx.gpu(0)),
        (0, -1, mx.cpu()),
        (2, -1, mx.cpu()),
        (2, 0, mx.gpu(0)),
        (2, 1, mx.gpu(1)),
    ],
)
def test_auto_is_the_first_gpu_where_there_is_one_and_an_index_that_gpu(gpus, count, gpu, device):
    gpus(count)
    assert backend.device(gpu) == device
    assert backend.device() == backend.device("auto")


@pytest.mark.parametrize(
    ("count", "index", "present"),
    [(0, 0, "none"), (0, 3, "none"), (2, 2, "0, 1"), (1, -2, "0"), (2, "cpu", "0, 1")],
)
def test_a_wrong_index_lists_those_there_are(count, index, present, gpus):
    gpus(count)
    with pytest.raises(BackendError) as caught:
        backend.device(index)
    assert str(caught.value) == f"--gpu {index}: MXNet sees these GPUs: {present}; -1 means CPU"


def test_a_driver_that_fails_counts_as_no_gpu(monkeypatch):
    def fail() -> int:
        raise mx.MXNetError("CUDA driver version is insufficient")

    monkeypatch.setattr(mx.context, "num_gpus", fail)
    assert backend.gpu_count() == 0


def test_free_memory_is_the_gpus_and_unknown_where_its_driver_fails(monkeypatch):
    asked: list[int] = []

    def info(number: int) -> tuple[int, int]:
        asked.append(number)
        if number:
            raise mx.MXNetError("no driver")
        return 3_000_000_000, 4_000_000_000

    monkeypatch.setattr(mx.context, "gpu_memory_info", info)
    assert backend.free_memory(mx.gpu(0)) == 3_000_000_000
    assert backend.free_memory(mx.gpu(1)) is None and asked == [0, 1]


@pytest.mark.parametrize(
    "broken",
    [
        "raise ImportError('libmxnet.so: cannot open')",
        "raise OSError('libmxnet.so:\\n  wrong architecture')",
        "import numpy; numpy.no_such_name",
    ],
)
def test_an_mxnet_that_cannot_be_loaded_becomes_one_line_with_the_install_command(
    broken, tmp_path, in_a_fresh_process
):
    (tmp_path / "mxnet.py").write_text(broken)
    code = (
        "import platform\n"
        "platform.system, platform.machine = lambda: 'Linux', lambda: 'x86_64'\n"
        "from nstyle.errors import BackendError\n"
        "try:\n"
        "    from nstyle.system import backend\n"
        "except BackendError as error:\n"
        "    print(json.dumps([str(error), error.__cause__ is not None]))\n"
    )
    message, has_cause = in_a_fresh_process(code, tmp_path)
    assert "cannot be loaded" in message and "\n" not in message and has_cause
    assert 'pip install mxnet==1.9.1 gluoncv==0.10.5.post0 "numpy<2"' in message


def test_what_mxnet_imports_but_nobody_here_needs_waits_until_it_is_used(in_a_fresh_process):
    code = (
        "import nstyle.system.backend as b\n"
        "early = [n for n in b.NOT_NEEDED if n in sys.modules]\n"
        "import scipy.stats, cv2\n"
        "print(json.dumps([early, cv2.__name__, round(scipy.stats.norm.cdf(0), 3)]))"
    )
    assert in_a_fresh_process(code) == [[], "cv2", 0.5]
