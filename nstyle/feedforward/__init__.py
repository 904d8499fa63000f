"""Style transfer in one pass.

apply: `instant()` and `Instant`.
any_style: paints in the style of any painting.
one_style: paints in the style it was trained for.
style_prediction: predicts a style from a painting.
ready_styles: styles that it has numbers of its own for.
image_network: the network that paints in a predicted style.
grain: noise that both are given.
blocks: layers of both.
network_file: reads and writes network files.
tiled: large pictures in tiles.
train: trains both.
"""

ANY_STYLE, ONE_STYLE = "any style", "one style"  # kinds of networks
# Of any style: the network that looks at paintings, and its taps.
ENCODER = "vgg16-slim"
TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
# Goes up whenever the same values would paint something else: in a file of another one they mean
# nothing. One style 2: bilinear enlarging, grain. 3: both are the image network.
STRUCTURE = {ANY_STYLE: 3, ONE_STYLE: 3}
