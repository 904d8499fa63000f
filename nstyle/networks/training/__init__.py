"""What trainings of small networks share.

data: finds training pictures, cuts crops, turns colours.
adam: the optimiser.
checkpoint: saves and restores a training.
curve: writes the learning curve.
"""
