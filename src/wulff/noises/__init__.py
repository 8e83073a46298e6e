"""The noises: one law per file, each a frozen value with `scale=` or `sigma=`."""

from wulff.noises.base import IIDNoise, Noise, NormRadialNoise
from wulff.noises.catalogue import NOISES
from wulff.noises.gaussian import Gaussian
from wulff.noises.laplace import Laplace
from wulff.noises.parsing import parse
from wulff.noises.uniform import Uniform

__all__ = ["NOISES", "Gaussian", "IIDNoise", "Laplace", "Noise", "NormRadialNoise", "Uniform", "parse"]
