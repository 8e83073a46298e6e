"""Mixed-norm noise against linf, by the growth functions of single shifts; see `mixed_curves`."""

import numpy as np
import numpy.typing as npt

from wulff._typing import FloatArray
from wulff.certificates.certificate import Bounded
from wulff.certificates.differential.mixed import ULPS, mixed_radii
from wulff.certificates.privacy_loss.curves import SMALLEST_ERROR, groups
from wulff.certificates.privacy_loss.mixed_curves import SMALLEST_DIM, MixedLossCurves
from wulff.certificates.registry import register
from wulff.noises import MixedLinf
from wulff.norms import Norm


def _grown(noise: MixedLinf, error: FloatArray, radius: FloatArray, dim: int) -> FloatArray:
    if dim < SMALLEST_DIM:
        return np.full_like(error, np.nan)
    curves = MixedLossCurves(dim, noise.j)
    return curves.grown(error, curves.on_the_list(radius))


def _look(noise: MixedLinf, error: FloatArray, radius: FloatArray, dim: int) -> npt.NDArray[np.bool_]:
    if dim < SMALLEST_DIM:
        return np.zeros(error.shape, dtype=bool)
    return MixedLossCurves(dim, noise.j).may_exceed(error, radius)


@register(
    MixedLinf,
    Norm.LINF,
    method="privacy-loss",
    tight=False,
    ulps=ULPS,
    growth=Bounded(_grown),
    smallest_p=3,
    look=_look,
)
def mixed_linf_curves(noise: MixedLinf, error: FloatArray, dim: int) -> FloatArray:
    """The r with inf_t {t · error + D_t(r, ..., r)} = ½ [Zhang et al. 2020, theorem 3], for d ≥ 6.

    The largest shift on a list that keeps the error below ½, and from there the differential radius: growth
    functions compose, G(p, v + w) ≤ G(G(p, v), w), and little is left to gain.
    """
    if dim < SMALLEST_DIM:
        return np.full_like(error, np.nan)
    curves = MixedLossCurves(dim, noise.j)
    p = np.maximum(error, SMALLEST_ERROR)
    node = curves.largest_nodes(p)
    total, bound = np.zeros_like(error), np.full_like(error, np.inf)
    for k, here in groups(node, node >= 0):
        # No more than the next shift on the list, so that radii fall as the error grows.
        total[here], bound[here] = curves.node(k).shift, curves.shift(k + 1)
        p[here] = curves.node(k).grown(p[here])
    rest = p < 0.5
    if rest.any():
        total[rest] += mixed_radii(noise, p[rest], dim, Norm.LINF)
    return np.minimum(total, bound)
