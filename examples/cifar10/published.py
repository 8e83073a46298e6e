"""Published certified accuracies on CIFAR-10 in percent, by norm: what results.py puts beside its own rows.

Where the logs of every image are public, the accuracy is counted on the same 500 images: every 20th of the
test set.
"""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Row:
    """One published row.

    Attributes:
        name: The noise, and its sigma or that the best one was taken at each radius.
        source: The paper, and what differs from the rows here.
        norm: The adversary's norm.
        certified: Percent by radius; radius 0 is the accuracy.
    """

    name: str
    source: str
    norm: str
    certified: Mapping[float, float]


L1 = (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4)
L2 = (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.25)
LINF = tuple(k / 255 for k in (0, 2, 4, 6, 8, 10, 12))

YANG = "Yang et al. 2020, table 1: WRN-40-2, 120 epochs, whole test set"
LEVINE = "logs of Levine & Feizi 2021: WRN-40-2, 120 epochs, these 500 images"
COHEN = "logs of Cohen et al. 2019: ResNet-110, 90 epochs, these 500 images"
ZHANG = "Zhang et al. 2020, tables 1 to 3: the networks of others, whole test set"
BOX = "logs of Levine & Feizi 2021, recertified in the box: WRN-40-2, stability training, whole test set"


def _row(name: str, source: str, norm: str, radii: tuple[float, ...], *percent: float) -> Row:
    return Row(name, source, norm, dict(zip(radii, percent, strict=True)))


ROWS = (
    _row("uniform, best sigma", YANG, "l1", L1[1:], 70, 59, 51, 43, 33, 27, 22, 18),
    _row("laplace, best sigma", YANG, "l1", L1[1:], 61, 39, 24, 16, 11, 7, 4, 3),
    _row("uniform 0.5", LEVINE, "l1", L1, 79.2, 67.8, 0, 0, 0, 0, 0, 0, 0),
    _row("uniform 1", LEVINE, "l1", L1, 72.0, 65.8, 57.0, 41.8, 0, 0, 0, 0, 0),
    _row("uniform 2", LEVINE, "l1", L1, 58.8, 54.8, 50.2, 44.8, 39.8, 33.0, 23.4, 0, 0),
    _row("uniform-stability 0.5", LEVINE, "l1", L1, 78.0, 68.2, 0, 0, 0, 0, 0, 0, 0),
    _row("uniform-stability 1", LEVINE, "l1", L1, 66.2, 60.4, 57.4, 47.4, 0, 0, 0, 0, 0),
    _row("uniform-stability 2", LEVINE, "l1", L1, 55.0, 52.4, 49.2, 45.8, 42.8, 39.2, 32.6, 0, 0),
    _row("splitting 0.5", LEVINE, "l1", L1, 83.8, 70.0, 0, 0, 0, 0, 0, 0, 0),
    _row("splitting 1", LEVINE, "l1", L1, 78.8, 69.8, 59.0, 43.8, 0, 0, 0, 0, 0),
    _row("splitting 2", LEVINE, "l1", L1, 72.0, 66.6, 61.6, 54.2, 49.4, 39.0, 30.8, 0, 0),
    _row("splitting-stability 0.5", LEVINE, "l1", L1, 78.8, 71.8, 0, 0, 0, 0, 0, 0, 0),
    _row("splitting-stability 1", LEVINE, "l1", L1, 72.4, 68.0, 60.6, 50.4, 0, 0, 0, 0, 0),
    _row("splitting-stability 2", LEVINE, "l1", L1, 60.2, 56.8, 53.4, 50.0, 46.6, 43.0, 38.0, 0, 0),
    _row("splitting by samples, best sigma", BOX, "l1-box", L1[2:], 60.5, 54.2, 49.8, 46.3, 42.8, 40.0, 37.6),
    _row("gaussian 0.25", COHEN, "l2", L2, 74.8, 60.0, 42.8, 26.6, 0, 0, 0, 0, 0, 0),
    _row("gaussian 0.5", COHEN, "l2", L2, 65.2, 54.6, 41.4, 32.0, 23.4, 15.2, 9.4, 5.2, 0, 0),
    _row("gaussian 1", COHEN, "l2", L2, 47.2, 39.2, 34.0, 27.8, 21.6, 17.4, 14.0, 11.8, 10.0, 7.6),
    _row("gaussian, best sigma", ZHANG, "l2", L2[1:], 60, 43, 34, 23, 17, 14, 12, 10, 8),
    _row("exp-l2, best (j, sigma)", ZHANG, "l2", L2[1:], 61, 46, 37, 25, 19, 16, 14, 11, 9),
    _row("laplace, best sigma", ZHANG, "l1", L2[1:], 62, 49, 38, 30, 23, 19, 17, 14, 12),
    _row("exp-l1, best (j, scale)", ZHANG, "l1", L2[1:], 64, 51, 41, 34, 27, 22, 18, 17, 14),
    _row("gaussian, best sigma", ZHANG, "linf", LINF[1:], 58, 42, 31, 25, 18, 13),
    _row("mixed-linf, best (j, sigma)", ZHANG, "linf", LINF[1:], 60, 47, 38, 32, 23, 17),
)
