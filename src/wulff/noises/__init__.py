"""The noises: one law per file, each a frozen value with `scale=` or `sigma=`."""

from wulff._domains import within
from wulff._numerics.fixed_point import Tails
from wulff.noises.ablation import Ablation
from wulff.noises.ball import Ball, BallLaw
from wulff.noises.base import HalfLine, IIDNoise, Noise, NormRadialNoise
from wulff.noises.catalogue import NOISES, REPLACEMENTS, register
from wulff.noises.custom import CustomIID, CustomRadial
from wulff.noises.exp_lp import ExpLp
from wulff.noises.exponential import ExpL1, ExpL2, ExpLinf, Exponential, GammaLaw
from wulff.noises.flips import Flips
from wulff.noises.gaussian import Gaussian
from wulff.noises.laplace import Laplace
from wulff.noises.level_sets import Profile
from wulff.noises.mixed import Mixed
from wulff.noises.mixed_linf import MixedLinf
from wulff.noises.pareto import Pareto
from wulff.noises.parsing import parse, with_sigma
from wulff.noises.power import BetaPrimeLaw, PowerL1, PowerL2, PowerLaw, PowerLinf
from wulff.noises.radial import RadialLaw
from wulff.noises.replacement import Replacement
from wulff.noises.resampling import Resampling
from wulff.noises.uniform import Uniform

__all__ = [
    "NOISES",
    "REPLACEMENTS",
    "Ablation",
    "Ball",
    "BallLaw",
    "BetaPrimeLaw",
    "CustomIID",
    "CustomRadial",
    "ExpL1",
    "ExpL2",
    "ExpLinf",
    "ExpLp",
    "Exponential",
    "Flips",
    "GammaLaw",
    "Gaussian",
    "HalfLine",
    "IIDNoise",
    "Laplace",
    "Mixed",
    "MixedLinf",
    "Noise",
    "NormRadialNoise",
    "Pareto",
    "PowerL1",
    "PowerL2",
    "PowerLaw",
    "PowerLinf",
    "Profile",
    "RadialLaw",
    "Replacement",
    "Resampling",
    "Tails",
    "Uniform",
    "parse",
    "register",
    "with_sigma",
    "within",
]
