"""What a training is put together from."""

from __future__ import annotations

import numpy as np
import tiny

from nstyle import inputs, pixels, problem
from nstyle.backend import mx
from nstyle.feedforward.course import inputs_of
from nstyle.feedforward.grain import grained
from nstyle.feedforward.material import Example
from nstyle.options import Options
from nstyle.picture import Picture


def test_a_photo_of_the_preview_has_the_grain_with_which_it_will_be_painted(weights_file):
    photo = Picture(tiny.picture(1, (32, 24)))
    options = Options(weights=weights_file)
    setting = problem.load_network(inputs.gather(photo, photo, options), options, mx.cpu())
    (given,) = inputs_of(Example("a", photo), setting, mx.cpu())
    expected = grained(pixels.to_array(photo, setting.convention))
    np.testing.assert_array_equal(given.asnumpy(), expected)
