"""What trainings of small networks share.

data: finds training pictures, cuts crops.
augment: turns the colours of paintings.
adam: the optimiser.
checkpoint: saves and restores a training.
curve: writes the learning curve.
"""
