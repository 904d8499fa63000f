"""What trainings of small networks share.

data: finds training pictures, cuts crops, turns colours.
muon: the optimiser of painting networks.
adam: the optimiser of small VGGs.
checkpoint: saves and restores a training.
curve: writes the learning curve.
"""
