"""The only gate to MXNet. Importing this module loads MXNet (about a second)."""

from __future__ import annotations

import warnings
from typing import Any

from nstyle import runtime
from nstyle.errors import BackendError

try:
    runtime.prepare()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mxnet as mx
        from gluoncv.model_zoo.vgg import VGG as GluonVGG
        from mxnet import autograd, gluon, nd
except (ImportError, OSError, AttributeError) as error:
    advice = runtime.what_works() or (
        'install it with: pip install mxnet==1.9.1 gluoncv==0.10.5.post0 "numpy<2"'
    )
    reason = " ".join(str(error).split())
    raise BackendError(f"MXNet or GluonCV cannot be loaded ({reason}); {advice}") from error

__all__ = ["GluonVGG", "autograd", "device", "gluon", "gpu_count", "mx", "nd"]


def gpu_count() -> int:
    """How many GPUs this build of MXNet can use (0 for the CPU wheel)."""
    try:
        return int(mx.context.num_gpus())
    except mx.MXNetError:  # a CUDA build on a machine without a driver
        return 0


def device(gpu: int | str = "auto") -> Any:
    """The MXNet context for a GPU index, -1 (CPU) or "auto" (GPU 0 if there is one).

    Raises BackendError for an index that is not there.
    """
    count = gpu_count()
    if gpu == "auto":
        return mx.gpu(0) if count else mx.cpu()
    if gpu == -1:
        return mx.cpu()
    if isinstance(gpu, str) or not 0 <= gpu < count:
        there = ", ".join(str(index) for index in range(count)) or "none"
        raise BackendError(f"--gpu {gpu}: MXNet sees these GPUs: {there}; -1 means CPU")
    return mx.gpu(gpu)
