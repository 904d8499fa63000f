"""What must happen before MXNet is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nstyle.system import runtime

CHECKOUT = Path(__file__).parents[2]

# An empty module named mxnet in place of the real one, and warnings on stdout as JSON.
ALIEN = """
import logging, sys, types
said = []
handler = logging.Handler()
handler.emit = lambda record: said.append(record.getMessage())
logging.getLogger("nstyle").addHandler(handler)
"""


def in_a_fresh_process(code: str, **environment: str) -> Any:
    """What the code prints, as JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import json, os, sys\n" + code],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_importing_runtime_does_nothing():
    code = (
        "before = dict(os.environ)\n"
        "from nstyle.system import runtime\n"
        "print(json.dumps([dict(os.environ) == before, 'numpy' in sys.modules]))\n"
    )
    assert in_a_fresh_process(code) == [True, False]


def test_prepare_fixes_threads_and_numpy_once_and_loads_no_mxnet():
    code = ALIEN + (
        "from nstyle.system import runtime\n"
        "import numpy as np\n"
        "gone = [name for name in runtime.NUMPY_ALIASES if name not in np.__dict__]\n"
        "counts = [runtime.prepare(3), runtime.prepare(), runtime.prepare(3)]\n"
        "quiet = list(said)\n"
        "counts.append(runtime.prepare(2))\n"
        "same = all(np.__dict__[n] is runtime.NUMPY_ALIASES[n] for n in gone)\n"
        "print(json.dumps({'counts': counts, 'omp': os.environ['OMP_NUM_THREADS'],\n"
        "  'same': same, 'complete': all(n in np.__dict__ for n in runtime.NUMPY_ALIASES),\n"
        "  'quiet': quiet, 'said': said, 'mxnet': 'mxnet' in sys.modules}))\n"
    )
    found = in_a_fresh_process(code, OMP_NUM_THREADS="1")
    assert found["counts"] == [3, 3, 3, 3]
    assert found["omp"] == "3"
    assert found["same"]
    assert found["complete"]
    assert found["quiet"] == []
    assert len(found["said"]) == 1
    assert "threads=2" in found["said"][0]
    assert found["mxnet"] is False


def test_prepare_warns_once_where_mxnet_was_imported_before_and_takes_all_cores():
    code = ALIEN + (
        "sys.modules['mxnet'] = types.ModuleType('mxnet')\n"
        "from nstyle.system import runtime\n"
        "counts = [runtime.prepare(), runtime.prepare()]\n"
        "print(json.dumps([counts, runtime.usable_cores(), said]))\n"
    )
    counts, cores, said = in_a_fresh_process(code)
    assert counts == [cores, cores]
    assert len(said) == 1
    assert "imported before nstyle" in said[0]


def test_old_numpy_names_that_are_there_are_left_alone(monkeypatch):
    import numpy as np

    mine = object()
    monkeypatch.setattr(np, "bool", mine, raising=False)
    monkeypatch.delattr(np, "object", raising=False)
    runtime.restore_numpy_aliases()
    assert np.__dict__["bool"] is mine
    assert np.__dict__["object"] is object


def write(path: Path, text: str) -> None:
    """A file of a control group."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("150000 100000\n", 1.5), ("400000 100000", 4.0), ("max 100000\n", None)],
)
def test_the_quota_of_a_control_group_version_2(text, cpus, tmp_path):
    write(tmp_path / "cpu.max", text)
    assert runtime.container_quota(str(tmp_path)) == cpus


@pytest.mark.parametrize(("quota", "cpus"), [("250000\n", 2.5), ("-1\n", None), ("0", None)])
def test_the_quota_of_a_control_group_version_1(quota, cpus, tmp_path):
    write(tmp_path / "cpu" / "cpu.cfs_quota_us", quota)
    write(tmp_path / "cpu" / "cpu.cfs_period_us", "100000\n")
    assert runtime.container_quota(str(tmp_path)) == cpus


@pytest.mark.parametrize("text", ["", "max", "what is this", "100000 0"])
def test_a_quota_nobody_understands_is_no_limit(text, tmp_path):
    write(tmp_path / "cpu.max", text)
    assert runtime.container_quota(str(tmp_path)) is None
    write(tmp_path / "cpu" / "cpu.cfs_quota_us", text)
    write(tmp_path / "cpu" / "cpu.cfs_period_us", text)
    (tmp_path / "cpu.max").unlink()
    assert runtime.container_quota(str(tmp_path)) is None


def test_there_is_no_quota_without_control_groups(tmp_path):
    assert runtime.container_quota(str(tmp_path)) is None


@pytest.mark.parametrize(("quota", "cores"), [(None, 8), (0.5, 1), (2.0, 2), (2.5, 3), (64.0, 8)])
def test_cores_are_those_of_the_affinity_bounded_by_the_quota(quota, cores, monkeypatch):
    affinity = set(range(8))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: affinity, raising=False)
    monkeypatch.setattr(runtime, "container_quota", lambda: quota)
    assert runtime.usable_cores() == cores


def test_without_affinity_all_cores_of_the_machine_count(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(runtime, "container_quota", lambda: None)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert runtime.usable_cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert runtime.usable_cores() == 1


def test_there_is_at_least_one_core_here():
    assert runtime.usable_cores() >= 1


@pytest.mark.parametrize(
    ("system", "machine", "words"),
    [
        ("Windows", "AMD64", ["Windows", "WSL2"]),
        ("Darwin", "arm64", ["Apple silicon", "Linux x86-64 container"]),
        ("Linux", "aarch64", ["Linux", "aarch64", "Linux x86-64"]),
    ],
)
def test_where_mxnet_does_not_exist_one_line_says_what_works(system, machine, words):
    line = runtime.what_works(system, machine)
    assert all(word in line for word in words)
    assert "MXNet 1.9.1" in line
    assert "\n" not in line


@pytest.mark.parametrize("system", ["Linux", "Darwin"])
def test_where_mxnet_exists_nothing_is_said(system):
    assert runtime.what_works(system, "x86_64") == ""


def test_a_description_for_bug_reports_names_all_that_matters(monkeypatch):
    from importlib import metadata

    def version(package: str) -> str:
        if package == "gluoncv":
            raise metadata.PackageNotFoundError(package)
        return "1.2.3"

    monkeypatch.setattr(metadata, "version", version)
    facts = runtime.describe()
    assert {"python", "system", "cores", "nstyle", "mxnet", "numpy", "pillow"} <= set(facts)
    assert (facts["mxnet"], facts["gluoncv"]) == ("1.2.3", "not installed")
    assert int(facts["cores"]) >= 1


def test_idle_threads_give_their_core_away_unless_the_user_says_otherwise():
    code = (
        "from nstyle.system import runtime\n"
        "os.environ.pop('OMP_WAIT_POLICY', None) if MINE is None else None\n"
        "runtime.prepare()\n"
        "print(json.dumps(os.environ.get('OMP_WAIT_POLICY', '').lower()))\n"
    )
    assert in_a_fresh_process("MINE = None\n" + code) == "passive"
    assert in_a_fresh_process("MINE = 1\n" + code, OMP_WAIT_POLICY="active") == "active"


# ---- bfloat16 ----


def cpu_with(monkeypatch: pytest.MonkeyPatch, *flags: str) -> None:
    monkeypatch.setattr(runtime, "cpu_flags", lambda: frozenset(flags))
    runtime.amx_granted.cache_clear()


@pytest.fixture(autouse=True)
def forgotten():
    yield
    runtime.amx_granted.cache_clear()


AVX512 = ("avx512f", "avx512bw", "avx512vl", "avx512dq")


def test_flags_are_those_of_the_first_core(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor: 0\nflags\t\t: fpu avx512f\n\nflags: other\n")
    assert runtime.cpu_flags(str(tmp_path / "cpuinfo")) == {"fpu", "avx512f"}
    assert runtime.cpu_flags(str(tmp_path / "absent")) == frozenset()


def test_bfloat16_wants_avx512(monkeypatch):
    cpu_with(monkeypatch, *AVX512)
    assert runtime.bfloat16_works()
    cpu_with(monkeypatch, *AVX512[1:])
    assert not runtime.bfloat16_works()


@pytest.mark.parametrize(("answer", "granted"), [(0, True), (-1, False)])
def test_amx_wants_the_cpu_and_the_kernel(monkeypatch, answer, granted):
    asked: list[tuple[int, ...]] = []

    class Libc:
        def syscall(self, *words: int) -> int:
            asked.append(words)
            return answer

    monkeypatch.setattr(runtime.ctypes, "CDLL", lambda *_, **__: Libc())
    cpu_with(monkeypatch, *AVX512)
    assert not runtime.amx_granted() and asked == []  # no such tiles: the kernel is not asked
    cpu_with(monkeypatch, *AVX512, "amx_tile", "amx_bf16")
    assert runtime.amx_granted() == granted
    assert asked == [(158, 0x1023, 18)]
