"""Every noise that a spec string can name."""

from wulff.noises.base import Noise
from wulff.noises.gaussian import Gaussian
from wulff.noises.laplace import Laplace
from wulff.noises.uniform import Uniform

NOISES: dict[str, type[Noise]] = {law.name: law for law in (Gaussian, Laplace, Uniform)}
