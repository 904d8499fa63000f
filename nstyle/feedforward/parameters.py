"""The values of a painting network: random, or those of a file. Loads MXNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nstyle.backend import mx, nd
from nstyle.errors import WeightsError


def start(network: Any, seed: int, device: Any = None) -> None:
    """He's random values (arXiv:1502.01852), always the same for a seed."""
    mx.random.seed(seed)
    values = mx.init.MSRAPrelu(factor_type="in", slope=0)
    network.initialize(values, ctx=device or mx.cpu(), force_reinit=True)


def trained(network: Any) -> dict[str, Any]:
    """The parameters that are trained, by names without the network's own prefix."""
    return {
        name[len(network.prefix) :]: parameter
        for name, parameter in network.collect_params().items()
        if parameter.grad_req != "null"
    }


def fill(network: Any, arrays: Mapping[str, np.ndarray], what: str) -> None:
    """Put values into a network that has been started. what: their file, for people.

    Raises WeightsError where names, shapes or values are not a network's such as this.
    """
    parameters = trained(network)
    for name in sorted({*parameters, *arrays}):
        shapes = [
            each.shape for each in (parameters.get(name), arrays.get(name)) if each is not None
        ]
        if len(shapes) < 2 or shapes[0] != shapes[1] or not np.isfinite(arrays[name]).all():
            raise WeightsError(
                f"{what}: {name} is not as this version of nstyle needs it; train anew"
            )
    for name, parameter in parameters.items():
        parameter.set_data(nd.array(arrays[name]))
