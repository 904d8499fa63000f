"""What a training is put together from."""

from __future__ import annotations

import numpy as np
import tiny

from nstyle.feedforward.one_style import grained
from nstyle.feedforward.train.dataset import Example
from nstyle.feedforward.train.setup import inputs_of
from nstyle.images.picture import Picture
from nstyle.networks import preprocessing
from nstyle.optimize import inputs
from nstyle.optimize.extractor import load_network
from nstyle.options.options import Options
from nstyle.system.backend import mx


def test_a_photo_of_the_preview_has_the_grain_with_which_it_will_be_painted(weights_file):
    photo = Picture(tiny.picture(1, (32, 24)))
    options = Options(weights=weights_file)
    extractor = load_network(inputs.gather(photo, photo, options), options, mx.cpu())
    (given,) = inputs_of(Example("a", photo), extractor, mx.cpu())
    expected = grained(preprocessing.to_array(photo, extractor.convention))
    np.testing.assert_array_equal(given.asnumpy(), expected)
