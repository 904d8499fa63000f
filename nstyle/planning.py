"""What a run will take, known before it begins: sizes, epochs, memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from nstyle import memory, pyramid
from nstyle.errors import OptionError
from nstyle.forecast import Forecast
from nstyle.inputs import Inputs
from nstyle.options import Options
from nstyle.pyramid import Size


def epoch_limits(options: Options, inputs: Inputs) -> list[tuple[Size, int]]:
    """(size, epoch at which to stop at the latest) of each scale, smallest first."""
    scales = 1 if options.scales == "auto" and inputs.start is not None else options.scales
    sizes = pyramid.scale_sizes(inputs.photo.size, scales, options.scale_step)
    most = options.max_num_epochs
    sizes = sizes[-most:]  # every size has an epoch at least
    return [(size, most * number // len(sizes)) for number, size in enumerate(sizes, 1)]


def forecast_for(inputs: Inputs, options: Options, setting: Any) -> Forecast:
    """Tells after each epoch how long the rest will take. setting: a problem.Setting."""
    scheduled = options.optimizer != "lbfgs"
    return Forecast(
        epoch_limits(options, inputs),
        stop_eps=options.stop_eps,
        factor=options.lr_sched_factor if scheduled else 1.0,
        delay=options.lr_sched_delay,
        in_bfloat16=setting.in_bfloat16,
    )


def memory_for(inputs: Inputs, options: Options, setting: Any) -> Callable[[Size], int]:
    """Size of the result -> bytes of memory that painting it takes on a CPU, about.

    setting: a problem.Setting.
    """
    costs = memory.network(setting.widths, setting.network.wanted)
    final = inputs.final_size if inputs.final_size != inputs.photo.size else None
    sizes = len(epoch_limits(options, inputs))
    doubles = 0
    if options.optimizer == "lbfgs":
        steps = options.evaluations or options.max_num_epochs
        doubles = memory.lbfgs_arrays(steps, bounded=options.clamp)

    style = max((style.size for style in inputs.styles), key=math.prod)

    def need(size: Size) -> int:
        return memory.needed(
            costs,
            (size[0] + 2 * options.border, size[1] + 2 * options.border),
            pyramid.shrunk_style(style, size[0] / inputs.photo.width),
            bfloat16=setting.in_bfloat16(size),
            doubles=doubles,
            sizes=sizes,
            regions=len(inputs.regions) or int(inputs.keep is not None),
            final=final,
        )

    return need


def check_memory(inputs: Inputs, options: Options, setting: Any) -> int:
    """Bytes this run will take. Raises OptionError, with what would fit, for more than are free."""
    need = memory_for(inputs, options, setting)
    size, free = inputs.photo.size, memory.available()
    wanted = need(size)
    if free is None or memory.fits(wanted, free):
        return max(wanted, memory.peak_memory())
    edge = memory.largest_long_edge(size, free, need)
    flag, fitting = "--max-long-edge", str(edge)
    if options.size:
        flag, fitting = "--size", "{}x{}".format(*memory.scaled(size, edge))
    advice = f"{flag} {fitting} would fit" if edge else "no size fits; free some memory"
    raise OptionError(
        f"{flag}: {size[0]}x{size[1]} needs about {memory.shown(wanted)} of memory, "
        f"{memory.shown(free)} are free; {advice}"
    )
