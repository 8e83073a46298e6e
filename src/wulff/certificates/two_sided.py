"""Certificates from two bounds: one for the top class, and one for every other class."""

import numpy as np
import numpy.typing as npt

from wulff._numerics import rounding
from wulff.certificates.radii import Radii, check_errors, choose, dimension
from wulff.noises import Noise
from wulff.noises import parse as parse_noise
from wulff.norms import Threat, is_counted, parse_threat


def two_sided_radius(
    noise: Noise | str,
    error_top: npt.ArrayLike,
    p_runner_up: npt.ArrayLike,
    norm: Threat | str,
    dim: int | None = None,
    method: str | None = None,
) -> Radii:
    """The radius within which the top class stays more probable than every other one.

    For growth rates Φ it is ½ (r(error_top) + r(p_runner_up)) with the primitive r(e) = ∫_e^½ dp/Φ(p),
    extended oddly: along a path the top class loses and a rival gains at most Φ(p) per unit of length.
    For Gaussian noise this is Cohen et al. 2019, theorem 1; in general derived here. For uniform laws
    both classes change by at most 1 - overlap, so it is the one-sided radius at the mean of the two
    errors. Methods that bound the error at a radius are searched for the radius at which the two bounds
    meet. The top class may have a probability below ½.

    Args:
        noise: The noise of the smoothed classifier, or its spec string.
        error_top: Upper bounds on P[f(x+Z) ≠ label], in (0, 1].
        p_runner_up: Upper bounds on P[f(x+Z) = c] that hold for all other classes c at once and together
            with error_top (`wulff.stats.two_sided_bounds`), in (0, 1]; broadcast against error_top.
        norm: The norm of the adversary.
        dim: The number of input coordinates; may be left out if the noise has it.
        method: The name of one theorem; by default the one with the largest radius.

    Returns:
        Radii for `error_top`; 0, with the method "abstain", where error_top + p_runner_up ≥ 1.

    Raises:
        InputError: An argument is outside its range.
        NotCoveredError: No theorem covers one of the errors.
    """
    noise, norm = parse_noise(noise), parse_threat(norm)
    noise = noise.in_dim(dimension(noise, dim))
    assert noise.dim is not None
    top, runner_up = np.broadcast_arrays(check_errors(error_top), check_errors(p_runner_up))
    runner_up = np.minimum(top, runner_up)
    found = choose(
        noise,
        norm,
        method,
        rounding.up(top + runner_up, 1) < 1,
        lambda case, here, _: case.two_sided(top.flat[here], runner_up.flat[here]),
        lambda i: f"error_top {top.flat[i]:g} and p_runner_up {runner_up.flat[i]:g}",
        growing=False,
    )
    radius = np.floor(found.value) if is_counted(norm) else found.value
    # Without a growth it is the one-sided radius, which knows nothing of the runner-up.
    growing = np.array([False, *(entry.growth is not None for entry in found.entries)])
    return Radii(radius[()], found.method, found.tight & growing[found.number], top[()], noise, norm)
