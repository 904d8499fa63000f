"""Style transfer in one pass.

apply: `instant()` and `Instant`.
any_style: paints in the style of any painting (AdaIN).
one_style: paints in the style it was trained for.
decoder: the any-style decoder.
residual: the one-style network.
blocks: layers of both.
network_file: reads and writes network files.
tiled: large pictures in tiles.
train: trains both.
"""

ANY_STYLE, ONE_STYLE = "any style", "one style"  # kinds of networks
# Of any style: the network that looks at photo and painting, and its taps, deepest first. The
# decoder gets the first SHOWN of the photo, and all of the painting.
ENCODER = "vgg19-slim"
TAPS = ("relu4_1", "relu3_1", "relu2_1", "relu1_1")
SHOWN = 3
# Goes up whenever the same values would paint something else: in a file of another one they mean
# nothing. 2: bilinear enlarging, grain.
STRUCTURE = 2
