"""Expectations over the radius: P[T·D > c] and E[T·D; T·D > c] for a radial score T and a direction D."""

import numpy as np

from wulff._numerics.bisection import bisect
from wulff._numerics.roots import bracketed_root
from wulff._typing import FloatArray
from wulff.certificates.differential.directions import Direction
from wulff.noises import RadialLaw

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_SUB_NODES, _SUB_WEIGHTS = np.polynomial.legendre.leggauss(32)
_NEGLIGIBLE = 1e-19


class RadialQuadrature:
    """Gauss–Legendre panels over x = log R, fine enough for every tail down to 1e-300.

    The score T is taken in units of its mean, which may be far from one in high dimension.

    Between the ends of a panel the log-density changes by at most 6, and log T by about 1 wherever it
    matters; the panels reach to a density of exp(-740) of the peak. They also end where T turns, so that T
    is monotone on each. A panel in which c/T passes a kink of the direction is divided
    there. A panel is left out only if an upper bound of what it adds (its mass, times the value at the end
    with the larger T) is below 1e-19 of the largest of these bounds.

    What E[T] has beyond the panels is added to the share as if D > c/T held there: at most T·density over
    its logarithmic slope at the end, since T·density is log-concave in x. The density of x is normalised in
    closed form, so that the total mass and E[T] check the panels.

    Raises:
        ArithmeticError: The panels do not reproduce the total mass or the mean score to 1e-11.
    """

    def __init__(self, law: RadialLaw) -> None:
        edges = _panel_edges(law)
        self.edges = edges
        half, middle = np.diff(edges) / 2, (edges[1:] + edges[:-1]) / 2
        x = middle[:, None] + half[:, None] * _NODES
        self._law = law
        self._weights = np.exp(law.log_density(x)) * _WEIGHTS * half[:, None]
        self._score = _relative_score(self._law, x)
        self._panel_mass = self._weights.sum(axis=1)
        ends = _relative_score(self._law, edges)
        self._low = np.minimum(ends[1:], ends[:-1])
        self._high = np.maximum(ends[1:], ends[:-1])
        self.score_is_constant = bool((self._low == self._high).all())
        found = float((self._weights * self._score).sum())
        self._missing = self._beyond(ends)
        error = max(found - 1, 1 - found - self._missing)
        if not (abs(self._weights.sum() - 1) < 1e-11 and error < 1e-11):
            raise ArithmeticError(f"the quadrature of {law} does not reproduce its total mass")

    def expectations(self, direction: Direction, c: FloatArray) -> tuple[FloatArray, FloatArray]:
        """P[T·D > c] and E[T·D; T·D > c], for thresholds c ≥ 0 in ascending order, in units of E[T]."""
        size, share = np.empty_like(c), np.empty_like(c)
        for start in range(0, len(c), 64):
            part = slice(start, start + 64)
            size[part], share[part] = self._chunk(direction, c[part])
        return size, share + self._missing * direction.share(np.zeros(1))

    def _beyond(self, ends: FloatArray) -> float:
        height = self._law.log_density(self.edges) + np.log(ends)
        left = (height[1] - height[0]) / (self.edges[1] - self.edges[0])
        right = (height[-2] - height[-1]) / (self.edges[-1] - self.edges[-2])
        if not (left > 0 and right > 0):
            raise ArithmeticError(f"the mean score of {self._law} is not decided within float64")
        return float(np.exp(height[0]) / left + np.exp(height[-1]) / right)

    def _chunk(self, direction: Direction, c: FloatArray) -> tuple[FloatArray, FloatArray]:
        with np.errstate(over="ignore"):
            best = np.minimum(c[:, None] / self._high, 1e150)
        size_bound = direction.tail(best) * self._panel_mass
        share_bound = direction.share(best) * self._high * self._panel_mass
        needed = (size_bound > _NEGLIGIBLE * size_bound.max(axis=1, keepdims=True)).any(axis=0)
        needed |= (share_bound > _NEGLIGIBLE * share_bound.max(axis=1, keepdims=True)).any(axis=0)
        panels = np.flatnonzero(needed)
        s = np.minimum(c[:, None, None] / self._score[panels], 1e150)
        sizes = (direction.tail(s) * self._weights[panels]).sum(axis=2)
        shares = (direction.share(s) * (self._weights * self._score)[panels]).sum(axis=2)
        if direction.kinks:
            levels = c[:, None, None] / np.array(direction.kinks)
            low, high = self._low[panels][:, None], self._high[panels][:, None]
            row, column = np.nonzero(((levels > low) & (levels < high)).any(axis=2))
            if len(row):
                sizes[row, column], shares[row, column] = self._divided(direction, c[row], panels[column])
        return sizes.sum(axis=1), shares.sum(axis=1)

    def _divided(
        self, direction: Direction, c: FloatArray, panel: np.ndarray
    ) -> tuple[FloatArray, FloatArray]:
        """Pairs of a threshold and a panel, the panel divided where c/T is a kink of the direction."""
        a, b = self.edges[panel], self.edges[panel + 1]
        cuts = [a, *(self._crossing(c / kink, panel) for kink in direction.kinks), b]
        points = np.sort(np.stack(cuts, axis=1), axis=1)
        lo, width = points[:, :-1, None], np.diff(points, axis=1)[:, :, None]
        # x = lo + width·(3v² - 2v³) turns half-integer powers at the ends of a piece into polynomials.
        v = (1 + _SUB_NODES) / 2
        x = lo + width * (v * v * (3 - 2 * v))
        weight = np.exp(self._law.log_density(x)) * width * (6 * v * (1 - v)) * (_SUB_WEIGHTS / 2)
        score = _relative_score(self._law, x)
        s = np.minimum(c[:, None, None] / score, 1e150)
        return (direction.tail(s) * weight).sum(axis=(1, 2)), (direction.share(s) * score * weight).sum(
            axis=(1, 2)
        )

    def _crossing(self, level: FloatArray, panel: np.ndarray) -> FloatArray:
        """Where T passes `level` in the panel, or the end at which it is closest to it."""
        lo, hi = self.edges[panel], self.edges[panel + 1]
        at_lo, at_hi = (_relative_score(self._law, end) - level for end in (lo, hi))
        passes = (at_lo < 0) != (at_hi < 0)
        nearest = np.where(np.abs(at_lo) < np.abs(at_hi), lo, hi)
        lo, hi = np.where(passes, lo, nearest), np.where(passes, hi, nearest)

        def above(x: FloatArray) -> FloatArray:
            return _relative_score(self._law, x) - level

        values = np.where(passes, at_lo, 0.0), np.where(passes, at_hi, 0.0)
        return bracketed_root(above, lo, hi, values=values)[0]


def _relative_score(law: RadialLaw, x: FloatArray) -> FloatArray:
    """|T|/E[T]: D is symmetric, so that T·D and |T|·D have the same law. Cut off from below, to be larger."""
    with np.errstate(over="ignore"):
        return np.clip(np.abs(law.score(x)) / law.mean_score, 1e-130, 1e260)


def _panel_edges(law: RadialLaw) -> FloatArray:
    mode, width = law.centre
    drops = np.concatenate([[0.5, 2.0, 4.5, 8.0], np.arange(14.0, 760.0, 6.0)])
    peak = float(law.log_density(np.array([mode]))[0])
    sides = [_where_density_has_dropped(law, mode, side * width, peak - drops) for side in (-1, 1)]
    edges = np.unique(np.concatenate([*sides, [mode], law.turns]))
    heights = law.log_density(np.linspace(edges[:-1], edges[1:], 17).T.ravel()) - peak
    steps, slack = np.diff(heights), 1e-9 * (1 + np.abs(heights[1:]))
    top = int(np.argmax(heights))
    if (steps[:top] < -slack[:top]).any() or (steps[top:] > slack[top:]).any():
        raise ArithmeticError(f"the density of log R has several peaks in {law}")
    # Where the score is large, or the law has its mass, it must not vary by more than about e in a panel.
    log_score = np.log(_relative_score(law, edges))
    central = np.log(_relative_score(law, np.array([mode]))[0])
    depth = peak - law.log_density(edges)
    matters = (np.maximum(log_score[1:], log_score[:-1]) > central) | (np.minimum(depth[1:], depth[:-1]) < 40)
    ratio = np.abs(np.diff(log_score))
    pieces = np.where(matters, np.clip(np.ceil(ratio), 1, 64), 1).astype(int)
    spans = zip(edges, edges[1:], pieces, strict=False)
    parts: list[FloatArray] = [np.linspace(a, b, n, endpoint=False) for a, b, n in spans]
    edges = np.unique(np.concatenate([*parts, edges[-1:]]))
    return edges[_relative_score(law, edges) < 1e250]


def _where_density_has_dropped(law: RadialLaw, mode: float, step: float, levels: FloatArray) -> FloatArray:
    """The x on one side of the mode at which the log-density has fallen to each of the levels."""
    near = np.full_like(levels, mode)
    far = mode + step * np.ones_like(levels)
    for _ in range(1100):
        high = law.log_density(far) > levels
        if not high.any():
            break
        near, far = np.where(high, far, near), np.where(high, mode + 2 * (far - mode), far)
    return bisect(lambda x: law.log_density(x) > levels, near, far, 60)[1]
