"""Training of networks that paint in one pass (Johnson et al., arXiv:1603.08155).

run: `train`.
options: the options of `nstyle train`.
dataset: gathers training pictures.
setup: puts network, objective and preview of held-out photos together.
loop: takes training steps.
fit: learns a painting in seconds.
objectives: makes batches and their losses.
perceptual_loss: content and style losses of a painted photo.
"""
