"""Preparations before MXNet is imported: MXNet 1.9.1 is of 2022, the Python around it is not.

Nothing happens at import of this module; `prepare()` does it once.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import math
import os
import platform
import sys
import threading
from pathlib import Path

log = logging.getLogger("nstyle")

# Names numpy dropped in 1.24 that MXNet 1.9.1 and GluonCV 0.10 still look up when imported.
NUMPY_ALIASES = {"bool": bool, "int": int, "float": float, "object": object, "complex": complex}

# Linux x86-64: the system call by which a process asks for AMX's tile registers.
ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA = 158, 0x1023, 18
MOST_ISA = "DNNL_MAX_CPU_ISA"  # the variable that limits which instructions oneDNN uses

MEMORY_LIMITS = {
    # Compiled kernels kept, by oneDNN and by each kind of MXNet's operators. Without limits every
    # new size of a picture takes memory for good (benchmarks.memory); one painting needs fewer.
    "DNNL_PRIMITIVE_CACHE_CAPACITY": 256,
    "MXNET_MKLDNN_CACHE_NUM": 64,
    # Buffers of operators, each as large as the largest layer. MXNet has four; one worker runs one
    # operator at a time.
    "MXNET_CPU_TEMP_COPY": 1,
}

_prepared: dict[str, int] = {}
_preparing = threading.Lock()


def prepare(threads: int | None = None) -> int:
    """Make MXNet importable and fast; return the number of threads it will use.

    threads: how many, or None for all cores this process may use. The first call decides, because
    OpenMP reads the number when MXNet is loaded.
    """
    with _preparing:  # a web server's threads may come at once
        if not _prepared:
            _prepared["threads"] = _prepare(threads)
        elif threads and threads != _prepared["threads"]:
            message = "MXNet already runs on %d threads; threads=%d has no effect any more"
            log.warning(message, _prepared["threads"], threads)
        return _prepared["threads"]


def _prepare(threads: int | None) -> int:
    count = threads or usable_cores()
    if "mxnet" in sys.modules:
        message = "mxnet was imported before nstyle, so nstyle could not set its number of threads"
        log.warning("%s; import nstyle first", message)
    os.environ["OMP_NUM_THREADS"] = str(count)
    if amx_used():
        os.environ[MOST_ISA] = "AVX512_CORE_AMX"  # oneDNN 2.4 has it off, for "ALL", too
    # Threads that spin while they wait slow small pictures down 15 to 50 times as soon as anything
    # else runs on the machine; asleep they cost nothing measurable.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("MXNET_SUBGRAPH_VERBOSE", "0")  # a log line per bound graph
    for name, most in MEMORY_LIMITS.items():
        os.environ.setdefault(name, str(most))
    restore_numpy_aliases()
    if sys.version_info >= (3, 12):  # it has no distutils; setuptools brings its own
        import setuptools  # type: ignore[import-untyped]  # noqa: F401
    return count


def cpu_flags(path: str = "/proc/cpuinfo") -> frozenset[str]:
    """CPU flags as Linux names them; empty if unreadable."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def bfloat16_works() -> bool:
    """Whether oneDNN can compute in bfloat16 on this CPU."""
    return {"avx512f", "avx512bw", "avx512vl", "avx512dq"} <= cpu_flags()


@functools.lru_cache(maxsize=1)
def amx_granted() -> bool:
    """Whether the CPU has AMX for bfloat16 and the kernel grants it; ask before MXNet is loaded."""
    if not {"amx_tile", "amx_bf16"} <= cpu_flags():
        return False
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return int(libc.syscall(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)) == 0
    except (OSError, AttributeError):
        return False


def allowed(name: str) -> bool:
    """Whether oneDNN may use "BF16" or "AMX", as far as DNNL_MAX_CPU_ISA says, which may be set."""
    most = os.environ.get(MOST_ISA) or "ALL"
    return most in ("ALL", "DEFAULT") or "AMX" in most or name in most


def amx_used() -> bool:
    """Whether AMX is there and allowed."""
    return allowed("AMX") and amx_granted()


def widest_in_bfloat16() -> float:
    """Pixels: oneDNN 2.4's backward convolutions in AMX never end where a picture is wider."""
    return 736 if amx_used() else math.inf


def bfloat16_is_fast() -> bool:
    """Whether bfloat16 convolutions take less time than float32, told by the CPU alone.

    With AMX; and with AVX512_BF16 (AMD's since Zen 4, Intel's Cooper Lake), but not on Intel's CPUs
    since Sapphire Rapids (they have AVX512_FP16, too) without AMX, where it was measured as slower.
    """
    native = "avx512_bf16" in cpu_flags() and "avx512_fp16" not in cpu_flags()
    return amx_used() or (native and allowed("BF16"))


def restore_numpy_aliases() -> None:
    """Put `np.bool` and friends back (numpy 1.24 and later lack them)."""
    import numpy as np

    for name, builtin in NUMPY_ALIASES.items():
        if name not in np.__dict__:
            setattr(np, name, builtin)


def usable_cores() -> int:
    """Cores this process may use: its affinity, bounded by a container's CPU quota."""
    affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if affinity else os.cpu_count() or 1
    quota = container_quota()
    return max(1, min(cores, math.ceil(quota)) if quota else cores)


def container_quota(root: str = "/sys/fs/cgroup") -> float | None:
    """CPUs granted by the control group (version 2, then 1), or None where there is no limit."""
    for names in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):
        try:
            text = " ".join(Path(root, name).read_text() for name in names)
            quota, period = map(int, text.split()[:2])  # microseconds granted, of so many
        except (OSError, ValueError):  # not there, unlimited ("max"), or not understood
            continue
        return quota / period if quota > 0 and period > 0 else None
    return None


def what_works(system: str | None = None, machine: str | None = None) -> str:
    """One line for people whose platform has no MXNet 1.9.1, or '' where it should work."""
    system, machine = system or platform.system(), machine or platform.machine()
    if system == "Windows":
        return "MXNet 1.9.1 does not exist for Windows: run nstyle inside WSL2 (Ubuntu)"
    if system == "Darwin" and machine == "arm64":
        return "MXNet 1.9.1 does not exist for Apple silicon: use a Linux x86-64 container"
    if machine not in ("x86_64", "AMD64"):
        return f"MXNet 1.9.1 does not exist for {system} on {machine}: use Linux x86-64"
    return ""


def describe() -> dict[str, str]:
    """Versions and machine, for bug reports. Does not load MXNet."""
    from importlib.metadata import PackageNotFoundError, version

    facts = {"python": platform.python_version(), "system": platform.platform()}
    for package in ("nstyle", "mxnet", "gluoncv", "numpy", "pillow", "scikit-image"):
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = "not installed"
    facts["cores"] = str(usable_cores())
    speed = "AMX" if amx_used() else "fast" if bfloat16_is_fast() else "slow"
    facts["bfloat16"] = speed if bfloat16_works() else "no"
    return facts
