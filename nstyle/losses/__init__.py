"""Losses of feature maps and pictures: value and gradient, with the papers' equations.

base: the form of every loss.
image: content, total variation, temporal and colour losses.
products: products of matrices by oneDNN.
statistics: means and second moments of features.
style: distances between the statistics of two pictures, such as that of Gram matrices.
normalization: how each recipe scales its losses.
"""
