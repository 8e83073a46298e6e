"""Every noise that a spec string can name."""

from wulff.noises.ball import Ball
from wulff.noises.base import Noise
from wulff.noises.exp_lp import ExpLp
from wulff.noises.exponential import ExpL1, ExpL2, ExpLinf
from wulff.noises.gaussian import Gaussian
from wulff.noises.laplace import Laplace
from wulff.noises.mixed_linf import MixedLinf
from wulff.noises.pareto import Pareto
from wulff.noises.power import PowerL1, PowerL2, PowerLinf
from wulff.noises.uniform import Uniform

_LAWS: tuple[type[Noise], ...] = (
    *(Gaussian, Laplace, Uniform, Ball, ExpLp, Pareto),
    *(ExpL1, ExpL2, ExpLinf, PowerL1, PowerL2, PowerLinf, MixedLinf),
)
NOISES: dict[str, type[Noise]] = {law.name: law for law in _LAWS}
