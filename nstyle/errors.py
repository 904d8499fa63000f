"""Everything nstyle refuses, in one family: a message is one line that says what to do.

Only this family is caught at the door of the command line; a bug keeps its traceback.
"""


class NStyleError(Exception):
    """Base of all errors that nstyle raises on purpose."""


class OptionError(NStyleError, ValueError):
    """An option has a value that cannot be used, or contradicts another."""


class ImageError(NStyleError, OSError):
    """A picture cannot be read or written."""


class WeightsError(NStyleError, OSError):
    """A weights file is absent, damaged, or not what the network needs."""


class CheckpointError(NStyleError, OSError):
    """A checkpoint is absent, damaged, or of something else."""


class BackendError(NStyleError, RuntimeError):
    """MXNet, or a device that was asked for, is not there."""


class DivergedError(NStyleError, ArithmeticError):
    """The loss became infinite or not a number."""
