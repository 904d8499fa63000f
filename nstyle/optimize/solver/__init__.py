"""Gradient methods for any objective; they know neither pictures nor MXNet.

loop: counts epochs, measures the relative change, stops.
optimizers: SGD, NAG, Adam and others.
lbfgs: L-BFGS by scipy.
"""
