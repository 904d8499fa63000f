"""Style transfer by optimisation (Gatys et al., arXiv:1508.06576).

inputs: gathers photo, paintings and masks; refuses bad ones early.
planning: decides sizes, tiles, memory and time.
extractor: loads the network and cuts it at the deepest layer.
loss_terms: builds the losses with their targets.
objective: computes loss and gradient of a picture.
tiles: the same in tiles.
problem: builds the objective of one size.
solver: minimises an objective.
multiscale: paints at growing sizes.
postprocess: makes the finished picture.
checkpoint: stops and resumes a run.
context: caches networks and style statistics.
evaluation: scores a picture.
records: `Step` and `Result`.
callbacks: progress, snapshots, time-lapse, report.
"""
