"""The unit balls of l1, l2, linf and lp, of any radius and in any dimension."""

import dataclasses
import math
from typing import final

import numpy as np
from scipy import special

from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.geometry.bodies import Body, check_body_dim, check_points
from wulff.geometry.polytopes import Polytope
from wulff.norms import Norm

MOST_VERTICES = 2**16


@final
@dataclasses.dataclass(frozen=True)
class LpBall(Body):
    """The ball ‖y‖_p ≤ radius.

    Attributes:
        norm: The norm, e.g. `Norm.LINF`; a name such as "linf" is read.
        dim: The number of dimensions.
        radius: Its size; 1 for the unit ball.

    Raises:
        InputError: The norm is none, or the dimension or the radius is not positive.
    """

    norm: Norm
    dim: int
    radius: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "norm", Norm.parse(self.norm))
        object.__setattr__(self, "dim", check_body_dim(self.dim))
        if not 0 < self.radius < math.inf:
            raise InputError(f"the radius of a ball must be positive and finite, got {self.radius!r}.")

    @property
    def dual(self) -> Norm:
        """The norm 1/p + 1/q = 1 that measures this ball's support function."""
        p = self.norm.p
        return Norm(math.inf if p == 1 else 1.0 if p == math.inf else p / (p - 1))

    def support(self, x: FloatArray) -> FloatArray:
        return self.radius * np.linalg.norm(check_points(x, self.dim), ord=self.dual.p, axis=-1)

    def gauge(self, y: FloatArray) -> FloatArray:
        return np.linalg.norm(check_points(y, self.dim), ord=self.norm.p, axis=-1) / self.radius

    @property
    def log_volume(self) -> float:
        # Vol = (2Γ(1 + 1/p))^d / Γ(1 + d/p) at radius 1; 1/p = 0 is the cube.
        inverse = 1 / self.norm.p
        scale = self.dim * (math.log(2) + float(special.gammaln(1 + inverse)) + math.log(self.radius))
        return scale - float(special.gammaln(1 + self.dim * inverse))

    @property
    def has_vertices(self) -> bool:
        """Whether the ball is a polytope: l1, linf, and every ball in one dimension."""
        return self.norm.p in (1, math.inf) or self.dim == 1

    @property
    def vertices(self) -> FloatArray:
        """All vertices, as rows: 2d of the cross-polytope, 2^d of the cube.

        Raises:
            InputError: The ball is round, so that all its boundary points are extreme; or a cube has more
                than 2^16 vertices.
        """
        if not self.has_vertices:
            raise InputError(
                f"the {self.norm} ball has no finite set of vertices; `inscribed` gives a polytope near it."
            )
        if self.norm.p == 1 or self.dim == 1:
            return self.radius * np.concatenate([np.eye(self.dim), -np.eye(self.dim)])
        if 2**self.dim > MOST_VERTICES:
            raise InputError(f"a cube has 2^dim vertices, too many to list for dim = {self.dim}; at most 16.")
        bits = np.asarray((np.arange(2**self.dim)[:, None] >> np.arange(self.dim)) & 1, dtype=np.float64)
        return self.radius * (1.0 - 2.0 * bits)

    def polytope(self) -> Polytope:
        """The same ball as a polytope; for l1 and linf."""
        return Polytope(self.vertices)

    def inscribed(self, pairs: int) -> Polytope:
        """A polygon with 2·pairs vertices on the boundary of the ball in the plane.

        The vertices have equally spaced angles, starting from the first axis.
        """
        if self.dim != 2 or pairs < 2:
            raise InputError(
                f"inscribed polygons need dim = 2 and at least 2 pairs of vertices, got dim = {self.dim}, "
                f"pairs = {pairs}; in other dimensions give a Polytope by its vertices."
            )
        angle = np.pi * np.arange(pairs) / pairs
        half = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        half /= self.gauge(half)[:, None]
        return Polytope(np.concatenate([half, -half]))

    def sample(self, n: int, generator: np.random.Generator) -> FloatArray:
        p = self.norm.p
        if p == math.inf:
            return generator.uniform(-self.radius, self.radius, (n, self.dim))
        # Coordinates ∝ ± Gamma(1/p)^(1/p) have the cone measure as direction; radii are U^(1/d).
        sizes = generator.gamma(1 / p, size=(n, self.dim)) ** (1 / p)
        points = sizes * generator.choice([-1.0, 1.0], size=sizes.shape)
        points /= np.linalg.norm(points, ord=p, axis=1, keepdims=True)
        return self.radius * generator.random((n, 1)) ** (1 / self.dim) * points
