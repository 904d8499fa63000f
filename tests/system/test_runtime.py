"""What must happen before MXNet is imported."""

from __future__ import annotations

import os

import pytest

from nstyle.system import runtime

V2, QUOTA, PERIOD = "cpu.max", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"

# An empty module named mxnet in place of the real one, and warnings on stdout as JSON.
ALIEN = """
import logging, sys, types
said = []
handler = logging.Handler()
handler.emit = lambda record: said.append(record.getMessage())
logging.getLogger("nstyle").addHandler(handler)
"""


def test_importing_runtime_does_nothing(in_a_fresh_process):
    code = (
        "before = dict(os.environ)\n"
        "from nstyle.system import runtime\n"
        "print(json.dumps([dict(os.environ) == before, 'numpy' in sys.modules]))\n"
    )
    assert in_a_fresh_process(code) == [True, False]


def test_prepare_fixes_threads_and_numpy_once_and_loads_no_mxnet(in_a_fresh_process):
    code = ALIEN + (
        "from nstyle.system import runtime\n"
        "import numpy as np\n"
        "gone = [name for name in runtime.NUMPY_ALIASES if name not in np.__dict__]\n"
        "counts = [runtime.prepare(3), runtime.prepare(), runtime.prepare(3)]\n"
        "quiet = list(said)\n"
        "counts.append(runtime.prepare(2))\n"
        "same = all(np.__dict__[n] is runtime.NUMPY_ALIASES[n] for n in gone)\n"
        "complete = all(n in np.__dict__ for n in runtime.NUMPY_ALIASES)\n"
        "print(json.dumps([counts, os.environ['OMP_NUM_THREADS'], same, complete, quiet,\n"
        "  'mxnet' in sys.modules, said]))\n"
    )
    *facts, messages = in_a_fresh_process(code, OMP_NUM_THREADS="1")
    assert facts == [[3, 3, 3, 3], "3", True, True, [], False]
    assert len(messages) == 1 and "threads=2" in messages[0]


def test_prepare_warns_once_where_mxnet_was_imported_before_and_takes_all_cores(
    in_a_fresh_process,
):
    code = ALIEN + (
        "sys.modules['mxnet'] = types.ModuleType('mxnet')\n"
        "from nstyle.system import runtime\n"
        "counts = [runtime.prepare(), runtime.prepare()]\n"
        "print(json.dumps([counts, runtime.usable_cores(), said]))\n"
    )
    counts, cores, messages = in_a_fresh_process(code)
    assert counts == [cores, cores] and cores >= 1
    assert len(messages) == 1 and "imported before nstyle" in messages[0]


def test_old_numpy_names_that_are_there_are_left_alone(monkeypatch):
    import numpy as np

    mine = object()
    monkeypatch.setattr(np, "bool", mine, raising=False)
    monkeypatch.delattr(np, "object", raising=False)
    runtime.restore_numpy_aliases()
    assert np.__dict__["bool"] is mine
    assert np.__dict__["object"] is object


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({}, None),
        ({V2: "150000 100000\n"}, 1.5),
        ({V2: "400000 100000"}, 4.0),
        ({V2: "max 100000\n"}, None),
        ({V2: "100000 0"}, None),
        ({V2: ""}, None),
        ({V2: "what is this"}, None),
        ({QUOTA: "250000\n", PERIOD: "100000\n"}, 2.5),
        ({QUOTA: "-1\n", PERIOD: "100000\n"}, None),
        ({QUOTA: "0", PERIOD: "100000\n"}, None),
        ({QUOTA: "max", PERIOD: "100000\n"}, None),
        ({QUOTA: "100000"}, None),
    ],
)
def test_the_quota_of_a_control_group_of_either_version(files, cpus, tmp_path):
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert runtime.container_quota(str(tmp_path)) == cpus


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


@pytest.mark.parametrize(
    ("system", "machine", "words"),
    [
        ("Windows", "AMD64", ["MXNet 1.9.1", "Windows", "WSL2"]),
        ("Darwin", "arm64", ["MXNet 1.9.1", "Apple silicon", "Linux x86-64 container"]),
        ("Linux", "aarch64", ["MXNet 1.9.1", "Linux", "aarch64", "Linux x86-64"]),
    ],
)
def test_where_mxnet_does_not_exist_one_line_says_what_works(system, machine, words):
    line = runtime.what_works(system, machine)
    assert all(word in line for word in words) and "\n" not in line
    assert runtime.what_works("Linux", "x86_64") == runtime.what_works("Darwin", "x86_64") == ""


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


@pytest.mark.parametrize(("policy", "expected"), [("", "passive"), ("active", "active")])
def test_idle_threads_give_their_core_away_unless_the_user_says_otherwise(
    in_a_fresh_process, policy, expected
):
    code = (
        "from nstyle.system import runtime\n"
        "os.environ['OMP_WAIT_POLICY'] or os.environ.pop('OMP_WAIT_POLICY')\n"
        "runtime.prepare()\n"
        "print(json.dumps(os.environ['OMP_WAIT_POLICY']))\n"
    )
    assert in_a_fresh_process(code, OMP_WAIT_POLICY=policy) == expected


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


@pytest.mark.parametrize(
    ("flags", "fast"),
    [((), False), (("avx512_bf16",), True), (("avx512_bf16", "avx512_fp16"), False)],
)
def test_bfloat16_without_amx_is_fast_where_float32_is_not(monkeypatch, flags, fast):
    monkeypatch.delenv(runtime.MOST_ISA)
    cpu_with(monkeypatch, *AVX512, *flags)
    assert runtime.bfloat16_is_fast() == fast


@pytest.mark.parametrize(
    ("most", "fast"),
    [
        ("AVX512_CORE", False),
        ("AVX512_CORE_BF16", True),
        ("AVX512_CORE_AMX", True),
        ("ALL", True),
        ("DEFAULT", True),
    ],
)
def test_bfloat16_is_not_fast_where_somebody_forbids_it(monkeypatch, most, fast):
    monkeypatch.setenv(runtime.MOST_ISA, most)
    cpu_with(monkeypatch, *AVX512, "avx512_bf16")
    assert runtime.bfloat16_is_fast() == fast


@pytest.mark.parametrize(
    ("most", "said"),
    [("", "AMX"), ("ALL", "AMX"), ("AVX512_CORE_AMX", "AMX"), ("AVX512_CORE_BF16", "slow")],
)
def test_amx_is_told_of_where_it_is_used(monkeypatch, most, said):
    monkeypatch.setenv(runtime.MOST_ISA, most)
    cpu_with(monkeypatch, *AVX512, "avx512_bf16", "avx512_fp16")
    monkeypatch.setattr(runtime, "amx_granted", lambda: True)
    assert runtime.describe()["bfloat16"] == said
    assert runtime.amx_used() == runtime.bfloat16_is_fast() == (said == "AMX")


@pytest.mark.parametrize(("answer", "granted"), [(0, True), (-1, False)])
def test_amx_wants_the_cpu_and_the_kernel(monkeypatch, answer, granted):
    monkeypatch.delenv(runtime.MOST_ISA)
    calls: list[tuple[int, ...]] = []

    class Libc:
        def syscall(self, *numbers: int) -> int:
            calls.append(numbers)
            return answer

    monkeypatch.setattr(runtime.ctypes, "CDLL", lambda *_, **__: Libc())
    cpu_with(monkeypatch, *AVX512)
    assert not runtime.amx_granted() and calls == []  # no such tiles: the kernel is not asked
    cpu_with(monkeypatch, *AVX512, "amx_tile", "amx_bf16")
    assert runtime.amx_granted() == runtime.bfloat16_is_fast() == granted
    assert calls == [(158, 0x1023, 18)]
