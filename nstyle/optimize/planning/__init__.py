"""What a run will take, decided before it begins.

plan: sizes, epochs, tiles.
memory: memory that painting takes, and memory there is.
costs: memory that a network's layers take.
eta: time that is left.
"""
