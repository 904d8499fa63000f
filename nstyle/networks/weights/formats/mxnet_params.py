"""MXNet's .params files: the only kind that needs MXNet."""

from __future__ import annotations

from nstyle.networks.weights.formats.archive import Archive, Stored, refusal


def read(path: str) -> Archive:
    """All arrays of a .params file. Raises WeightsError where they have no names."""
    from nstyle.system.backend import nd  # here, so that finding and refusing stays light

    loaded = nd.load(path)
    if not isinstance(loaded, dict):
        raise refusal(path, "its arrays have no names, so no VGG can be built")
    return Archive(path, {name: Stored(a.shape, a.asnumpy) for name, a in loaded.items()})
