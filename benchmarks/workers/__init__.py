"""What runs in processes of its own; started by the benchmarks, see `benchmarks.processes`."""
