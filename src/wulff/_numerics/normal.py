"""The standard normal law."""

import numpy as np
from scipy import special

from wulff._typing import FloatArray


def normal_quantile(error: FloatArray) -> FloatArray:
    """The z with P[N(0,1) > z] = error, for error in (0, ½), to within 12 ulps.

    Near ½, 1 - 2·error is exact and erfinv keeps all digits; ndtri would lose them.
    """
    near_half: FloatArray = special.erfinv(1 - 2 * error)
    far: FloatArray = special.ndtri(error)
    return np.where(error > 0.25, np.sqrt(2.0) * near_half, -far)
