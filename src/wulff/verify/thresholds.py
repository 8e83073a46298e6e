"""Differential certificates [Yang et al. 2020, theorem 4.1] of cubes, of few signs, and in one dimension.

The direction D has a tail of steps and inverse squares: for s between two of its ends P[D > s] = a + b/s² and
E[D; D > s] = a' + 2b/s. So with a score T and a threshold c = exp(u)

    p = P[T D > c] = Σ (a P + b/c² E T²),      Φ(p) = E[T D; T D > c] = Σ (a' E T + 2b/c E T²),

P, E T and E T² where c/T is between the ends: gamma or beta functions. With N = -dp/du

    r(e) = ∫_e^½ dp/Φ(p) = ∫ N/Φ du,      N = Σ 2b/c² E T² + Σ_s (jump of the tail at s) f(u - log s),

f the density of log T. On a ball of u each part is its value in the middle and its slope everywhere. Sizes
that are rare, or at which T would turn, are left out: what E[T D] has there, `missing`, may belong to Φ.
"""

import functools
import itertools
import math
from typing import NamedTuple

from flint import acb, arb, ctx

from wulff.verify.balls import HALF, INF, UNKNOWN, root
from wulff.verify.level_sets import NOWHERE, Radial
from wulff.verify.reading import Law

BITS, EDGE = 110, 0.02
"""Bits beside those that small errors need, and how close to a turn sizes count."""
FAINT = 2.0**-60


class Piece(NamedTuple):
    """P[D > s] = step + square/s² and E[D; D > s] = share + 2 square/s up to the end `high`."""

    high: arb
    step: arb
    share: arb
    square: arb


def direction(level: float, p: float, dim: int) -> list[Piece]:
    """The law of D for the worst perturbation, or one above it in convex order; its largest values first."""
    one, none, facet = arb(1), arb(0), arb(1) / (2 * dim)
    if dim == 1 or level == p:  # a fair sign
        return [Piece(one, HALF, HALF, none)]
    if level == INF:
        # A coordinate of u, with a fair sign: on m/(2d) of space its mean is √m/(2d) at most, or m/(2d).
        edge = facet.sqrt() / arb(2).sqrt()
        squares = [Piece(HALF, none, none, facet / 4), Piece(edge, HALF, edge, none)]
        return [Piece(one, facet, facet, none), *(squares if p == 2 else [])]
    pieces: list[Piece] = []
    mass, tail, share = arb(2) ** -dim, none, none
    for m in range(dim, 0, -2):  # the sum of all signs
        tail, share = tail + mass, share + m * mass
        pieces.append(Piece(arb(m), tail, share, none))
        mass *= arb(dim + m) / (dim - m + 2)
    return pieces


class Score:
    """T = h'(R) by y = log R^k, on a stretch where it is monotone; and its moments there."""

    def __init__(self, law: Law) -> None:
        self.radial, self.k, self.exp = Radial(law), law.k, law.name[0] == "e"
        self.a, self.j = (law.k, law.j) if self.exp else (law.a * law.k, arb(0))
        mode, low, high = self.radial.mode, *(float(self.radial.ends[i]) for i in (0, -1))
        deep = ctx.prec / 100  # so much further out than for level sets
        self.low = mode - deep * (mode - low)
        far = deep * math.expm1(high - mode) if self.exp else 0.0
        self.high = mode + (math.log1p(far) if self.exp else deep * (high - mode))
        k, j = float(self.k), float(self.j)
        turn = (j / (k * (k - 1)) if self.exp else k - 1) if k > 1 else 0.0
        if turn > 0 and self.low < math.log(turn) < self.high:
            if math.log(turn) < mode:
                self.low = math.log(turn) + EDGE
            else:
                self.high = math.log(turn) - EDGE
        ends = arb(self.low), arb(self.high)
        self.rises = bool(self.steepness(acb((self.low + self.high) / 2)).real > 0)
        first, last = ends if self.rises else ends[::-1]
        self.least, self.most = (self.log(acb(y)).real for y in (first, last))
        self.last, self.limits = last, ((first, self.least), (last, self.most))
        usual = float(self.radial.ends[0 if self.rises else -1])
        self.usual = float(self.log(acb(min(max(usual, self.low), self.high))).real)
        self.all = self.beyond(first)
        self.missing = self._mean() - self.all[1]

    def log(self, y: acb) -> acb:
        """log T."""
        w = y.exp()
        return (self.a * w + self.j).log() - y / self.k - (0 if self.exp else (1 + w).log())

    def steepness(self, y: acb) -> acb:
        """d log T/dy."""
        w = y.exp()
        return (1 - self.j / (self.a * w + self.j) if self.exp else 1 / (1 + w)) - 1 / self.k

    def _mean(self) -> arb:
        """E T."""
        radial = self.radial
        shape = radial.alpha + 1 - 1 / self.k
        if not self.exp:
            rest = radial.beta + 1 / self.k
            return self.a * (shape.lgamma() + rest.lgamma() - (shape + rest).lgamma() - radial.norm).exp()
        pole = self.j * (shape - 1).lgamma().exp() if self.j > 0 else arb(0)
        return (self.a * shape.lgamma().exp() + pole) * (-radial.norm).exp()

    def _primitive(self, power: int, y: arb) -> arb:
        """E[T^power] at sizes up to y, but for a constant."""
        radial, w, total = self.radial, y.exp(), arb(0)
        if not self.exp:
            s = power - power / self.k
            a, b = radial.alpha + s, radial.beta - s + power
            if w > 2.0**40:  # 1/(1 + w) would be lost beside 1
                total = (a.lgamma() + b.lgamma() - (a + b).lgamma()).exp() - (1 / (1 + w)).beta_lower(b, a)
            else:
                total = (w / (1 + w)).beta_lower(a, b)
            total *= self.a**power
        for i in range(power + 1) if self.exp else ():  # (k R^(k-1))^i (j/R)^(power - i)
            if i == power or self.j > 0:
                found = w.gamma_upper(radial.alpha + i - power / self.k)
                total -= math.comb(power, i) * self.a**i * self.j ** (power - i) * found
        return total * (-radial.norm).exp()

    def beyond(self, y: arb) -> list[arb]:
        """P, E T and E T² where T is larger than at y, without the sizes that are left out."""
        found = [self._primitive(i, self.last) - self._primitive(i, y) for i in range(3)]
        return found if self.rises else [-x for x in found]

    def place(self, u: arb) -> arb | None:
        """y at which log T is u; None where it is never."""
        if not (u > self.least and u < self.most):
            return None
        goal, a, k, j = (float(x) for x in (u, self.a, self.k, self.j))

        def excess(y: float) -> float:
            w = math.exp(y)
            return math.log(a * w + j) - y / k - (0.0 if self.exp else math.log1p(w)) - goal

        y = acb(root(excess, self.low, self.high))
        for _ in range(2):
            y = (y - (self.log(y) - u) / self.steepness(y)).mid()
        found = self.moved(acb(y.real), u - self.log(y))
        return found.real if found.is_finite() else UNKNOWN

    def moved(self, y: acb, by: acb) -> acb:
        """The place where log T is larger by so much."""
        size = (1.25 * abs(by / self.steepness(y)) + (1 + abs(y)) * arb(2) ** (10 - ctx.prec)).upper()
        guess = y + acb(arb(0, size), arb(0, 0 if by.imag == 0 else size))
        found = y + by / self.steepness(guess)
        return found if guess.contains(found) else NOWHERE


class Growth:
    """p, Φ and N by u = log c."""

    def __init__(self, law: Law, p: float) -> None:
        self.score, self.pieces = Score(law), direction(law.level, p, law.dim)
        self.ends = [piece.high.log() for piece in self.pieces]
        self.top = self.pieces[-1].share * self.score.all[1]
        self.missing = arb(0).union(self.pieces[-1].share * self.score.missing)
        none = Piece(arb(0), arb(0), arb(0), arb(0))
        self.jumps = [
            (x.step - y.step + (x.square - y.square) / x.high**2, 2 * (x.square - y.square) / x.high**2)
            for y, x in itertools.pairwise([none, *self.pieces])
        ]

    def sums(self, u: arb) -> tuple[arb, arb, arb, list[arb | None]]:
        """p, Φ without what is missing, Σ 2b/c² E T², and the places where T is c over an end."""
        c, score = u.exp(), self.score
        places = [score.place(u - end) for end in self.ends]
        beyond = [
            score.beyond(y) if y is not None else [arb(0)] * 3 if u - end > score.most else score.all
            for end, y in zip(self.ends, places, strict=True)
        ]
        size, share, squares = arb(0), arb(0), arb(0)
        for piece, above, below in zip(self.pieces, beyond, [*beyond[1:], [arb(0)] * 3], strict=True):
            zero, one, two = (x - y for x, y in zip(above, below, strict=True))
            size += piece.step * zero + piece.square / c**2 * two
            share += piece.share * one + 2 * piece.square / c * two
            squares += 2 * piece.square / c**2 * two
        return size, share, squares, places

    def ratio(self, u: acb, analytic: bool) -> acb:
        """N/Φ."""
        middle, c = u.real.mid(), u.exp()
        _, share, squares, places = self.sums(middle)
        shift, atoms, slope = u - middle, acb(0), acb(0)
        for place, end, (jump, bend) in zip(places, self.ends, self.jumps, strict=True):
            by, part = shift, arb(1)
            for limit, log in self.score.limits:
                if (u.real - end).overlaps(log):  # the density counts on one side only
                    if analytic:
                        return NOWHERE
                    place, by, part = limit, u - end - log, arb(0.5, 0.5)
            if place is None:
                continue
            y = self.score.moved(acb(place), by)
            law = part * self.score.radial.density(y) / self.score.steepness(y)
            law *= 1 if self.score.rises else -1
            slope += bend * law
            if not jump.contains(0):
                atoms += jump * law
        n = (squares - shift * (2 * shift).exp() * slope) * (-2 * shift).exp() + atoms
        return n / (share - shift * c * n + self.missing)


@functools.lru_cache(maxsize=16)
def _growth(law: Law, p: float, bits: int) -> Growth:
    return Growth(law, p)


def radii(law: Law, p: float, e: arb) -> tuple[arb, arb]:
    """∫_e^½ dp/Φ(p) from below and from above."""
    with ctx.workprec(BITS - math.frexp(float(e))[1]):
        growth = _growth(law, p, ctx.prec)
        score, goal = growth.score, float(e)
        low, high = score.usual + float(growth.ends[-1]) + 1e-6, float(score.most + growth.ends[0]) - 1e-6

        def lost(u: float) -> float:
            return math.log(max(float(1 - growth.sums(arb(u))[1] / growth.top), 1e-60) / FAINT)

        def excess(u: float) -> float:
            return math.log(max(float(growth.sums(arb(u))[0]), 1e-320) / goal)

        first = root(lost, low, high)  # from here on down Φ does not grow
        size, share, *_ = growth.sums(arb(first))
        flat = share.union(growth.top) + growth.missing
        if not size > e:
            return (HALF - e) / flat, (HALF - e) / flat
        last = root(excess, first, high)
        marks = {
            float((score.log(acb(y)).real + end).mid()) for y in score.radial.ends[::4] for end in growth.ends
        }
        edges = sorted({first, last, *(mark for mark in marks if first < mark < last)})
        total, faint = (HALF - size) / flat, FAINT * float((HALF - e) / growth.top)
        for a, b in itertools.pairwise(edges):
            part = acb.integral(growth.ratio, a, b, rel_tol=2.0**-40, abs_tol=faint, eval_limit=4000)
            total += part.real
        size, share, *_ = growth.sums(arb(last))
        total += (size - e) / (share.union(share * e / size) + growth.missing)  # Φ is concave, and 0 at 0
        return total, total
