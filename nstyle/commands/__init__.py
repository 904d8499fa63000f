"""The commands of `nstyle`, a module each; `cli` imports only the one that is named.

Such a module has `add(parser)`, which gives the command its flags, and `work(words) -> int`, which
does it and returns the exit code; what it refuses is an NStyleError.
"""
