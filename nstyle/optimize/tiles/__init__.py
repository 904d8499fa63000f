"""The exact loss and gradient of a picture that the network sees tile by tile.

geometry: cuts a picture into tiles.
sources: statistics and features of a whole picture.
features: the same of a picture in tiles.
objective: loss and gradient from tiles.
"""
