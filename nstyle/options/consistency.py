"""Options brought into agreement: words to numbers, values that follow from others, refusals."""

from __future__ import annotations

from typing import Any

from nstyle.errors import OptionError
from nstyle.options.parse import brief, convert, flag

# Where none is given. L-BFGS finds its own rate; this one is the size of its first step.
RATES = {"sgd": 0.1, "nag": 0.001, "adam": 2.0, "lbfgs": 1.0}
FACTORS = {"sgd": 0.9, "nag": 0.9, "adam": 1.0, "lbfgs": 0.9}
# Options that are a word or a whole number: (words, lowest, highest, what all others are not).
# A tile's number is its edge in pixels, without its margins.
NUMBERS_OR_WORDS = {
    "gpu": (["auto"], -1, 1000, "GPU index; allowed is 0, 1, ..., -1 (CPU), auto"),
    "scales": (["auto"], 1, 12, "number of sizes; allowed is 1 to 12, or auto"),
    "tile": (["auto", "off"], 64, 65000, "size of a tile; allowed is auto, off, or from 64 to "
             "65000 pixels"),
}  # fmt: skip


def complete(options: Any) -> None:
    """Complete Options whose fields are checked one by one. Raises OptionError."""
    values = {name: number_or_word(name, getattr(options, name)) for name in NUMBERS_OR_WORDS}
    for name, usual in (("lr", RATES), ("lr_sched_factor", FACTORS)):
        if getattr(options, name) is None:
            values[name] = usual[options.optimizer]
    for name, value in values.items():
        object.__setattr__(options, name, value)


def number_or_word(name: str, value: Any) -> Any:
    """The value of an option of NUMBERS_OR_WORDS. Raises OptionError."""
    words, low, high, what = NUMBERS_OR_WORDS[name]
    if value in words:
        return value
    message = f"{flag(name)}: {brief(value)} is no {what}"
    try:
        number = convert(int, value, flag(name))
    except OptionError:
        raise OptionError(message) from None
    if not low <= number <= high:
        raise OptionError(message)
    return number


def check_together(options: Any) -> None:
    """Refuse what contradicts itself. Raises OptionError."""
    if options.style_size and (options.style_scale != 1 or options.fit == "stretch"):
        other = "--style-scale" if options.style_scale != 1 else "fit=stretch"
        raise OptionError(f"--style-size: cannot be together with {other}; give one of them")
    if not (options.content_weight or options.style_weight or options.tv_weight):
        raise OptionError("--content-weight, --style-weight, --tv-weight: one must be above 0")
