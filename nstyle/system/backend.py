"""The only gate to MXNet. Importing this module loads MXNet (about a second)."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nstyle.errors import BackendError
from nstyle.system import runtime


def gluoncv_file(name: str) -> Any:
    """One module of GluonCV alone, by its path under the package. Raises ImportError.

    `import gluoncv` takes longer than all the rest and fails beside PyTorch 2 or newer.
    """
    package = importlib.util.find_spec("gluoncv")
    if package is None or not package.submodule_search_locations:
        raise ImportError("No module named 'gluoncv'")
    path = Path(package.submodule_search_locations[0], name)
    spec = importlib.util.spec_from_file_location(f"nstyle_gluoncv_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ImportError(f"gluoncv has no {name}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def without(names: Iterable[str]) -> Iterator[None]:
    """Meanwhile these modules cannot be imported, unless they are already."""
    blocked = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(blocked))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in blocked:
            sys.modules.pop(name, None)


# MXNet imports these if it can, for its quantisation and detection; a third of all start-up.
NOT_NEEDED = ("scipy.stats", "cv2")

try:
    runtime.prepare()
    with warnings.catch_warnings(), without(NOT_NEEDED):
        warnings.simplefilter("ignore")
        import mxnet as mx

        autograd, gluon, nd = mx.autograd, mx.gluon, mx.nd
        GluonVGG = gluoncv_file("model_zoo/vgg.py").VGG
except (ImportError, OSError, AttributeError) as error:
    advice = runtime.what_works() or (
        'install it with: pip install mxnet==1.9.1 gluoncv==0.10.5.post0 "numpy<2"'
    )
    reason = " ".join(str(error).split())
    raise BackendError(f"MXNet or GluonCV cannot be loaded ({reason}); {advice}") from error

# MXNet 1.9.1's own name for it; the word "bfloat16" is refused.
BFLOAT16 = np.dtype([("bfloat16", np.uint16)])


def gpu_count() -> int:
    """Number of GPUs this build of MXNet can use (0 for the CPU wheel)."""
    try:
        return int(mx.context.num_gpus())
    except mx.MXNetError:  # a CUDA build on a machine without a driver
        return 0


def free_memory(device: Any) -> int | None:
    """Bytes that are free on a GPU; None where its driver does not say."""
    try:
        return int(mx.context.gpu_memory_info(device.device_id)[0])
    except mx.MXNetError:
        return None


def device(gpu: int | str = "auto") -> Any:
    """MXNet's context for a GPU's index, -1 (CPU) or "auto" (GPU 0 or CPU). Raises BackendError."""
    count = gpu_count()
    if gpu == "auto":
        return mx.gpu(0) if count else mx.cpu()
    if gpu == -1:
        return mx.cpu()
    if isinstance(gpu, str) or not 0 <= gpu < count:
        there = ", ".join(str(index) for index in range(count)) or "none"
        raise BackendError(f"--gpu {gpu}: MXNet sees these GPUs: {there}; -1 means CPU")
    return mx.gpu(gpu)
