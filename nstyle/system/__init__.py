"""The machine: MXNet, files, processes, interrupts. Knows nothing of pictures.

backend: the only import of MXNet.
checkpoint_file: the one file format of all checkpoints.
checkpoint_path: what checkpoints are called.
checksums: whether two runs read the same files.
extras: how to install optional packages.
files: atomic writes.
interrupts: Ctrl-C that waits until nothing is lost.
locations: where built-in weights, the cache and the samples are.
processes: worker processes that speak JSON lines.
runtime: what must happen before MXNet is imported.
"""
