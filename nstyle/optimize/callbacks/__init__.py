"""Listeners, each called with every `Step`.

progress: bar, lines, snapshots, trace.
timelapse: a film of the painting coming about.
report: an HTML page about the run.
"""
