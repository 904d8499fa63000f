"""VGG: the network, its weights, and how the built-in one is made.

layers: VGG as a table of names.
vgg: the Gluon network.
features: the network compiled for one size.
preprocessing: means, channel order and range of the network's input.
calibration: factors between the built-in network's losses and VGG's.
weights: finds, downloads and reads weights files.
pretrained: the networks inside the package.
training: what all trainings share.
distill: makes a small VGG from a complete one.
"""
