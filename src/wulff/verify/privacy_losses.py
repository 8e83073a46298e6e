"""Independent coordinates against linf: the divergence of (r, ..., r), from above, in whole numbers.

Moving a likelihood ratio up, or splitting it between its two neighbours so that both laws keep their masses,
only raises every divergence, of the sum too [Doroshenko et al. 2022, connect the dots]. The loss L =
log q(x - r)/q(x) is monotone below 0, up to r, and above; the line is cut where L crosses the points of a
lattice. Masses are whole numbers of 2^-BITS, rounded up, and so are convolutions. The lattice grows coarser
as the sum grows wider. From below, a cell is one atom, which goes down to the lattice.
"""

import dataclasses
import functools
import itertools
import math

import numpy as np
from flint import arb, ctx, fmpz_poly

from wulff.verify.balls import HALF, Verdict, ceiling
from wulff.verify.reading import Law

BITS, FINE, MOST, FAR, OFFSET = 120, 256, 2**14, 1e-24, 2.0**-20


@dataclasses.dataclass(frozen=True)
class Losses:
    """Masses at step · (first, first + 1, ...) and at +∞, for an upper bound (`up`) or a lower one.

    For an upper bound, a coordinate's losses are at most OFFSET steps above these points.
    """

    step: float
    first: int
    masses: list[int]
    infinite: int
    up: bool

    def coarser(self) -> "Losses":
        """On every second point: the others are split between their neighbours, or go down."""
        share = ceiling(2**64 / (1 + (-arb(self.step)).exp())) if self.up else 0
        odd = self.first % 2
        masses = [0] * odd + self.masses + [0] * (2 - (len(self.masses) + odd) % 2)
        upper = [-(-mass * share >> 64) for mass in masses[1::2]]
        even = [a + max(b - c, 0) for a, b, c in zip(masses[::2], masses[1::2], upper, strict=True)]
        even = [a + b for a, b in zip([*even, 0], [0, *upper], strict=True)]
        return Losses(2 * self.step, (self.first - odd) // 2, even, self.infinite, self.up)

    def plus(self, other: "Losses") -> "Losses":
        """The law of the sum of two, without its far tails."""
        if self.step != other.step:
            return self.plus(other.coarser()) if self.step > other.step else self.coarser().plus(other)
        product = (fmpz_poly(self.masses) * fmpz_poly(other.masses)).coeffs()
        masses = [-(-int(c) >> BITS) if self.up else int(c) >> BITS for c in product]
        weights, place = np.array(masses, dtype=float) / 2.0**BITS, np.arange(len(masses))
        low, high = (int(np.searchsorted(np.cumsum(part), FAR)) for part in (weights, weights[::-1]))
        high = len(masses) - high
        mean = float(place @ weights / weights.sum())
        deviation = math.sqrt(float((place - mean) ** 2 @ weights / weights.sum()))
        kept, infinite = masses[low:high], 0
        if self.up:  # what is below the window goes up into it, and what is above to infinity
            kept[0] += sum(masses[:low])
            infinite = self.infinite + 2 * other.infinite + sum(masses[high:])
        found = Losses(self.step, self.first + other.first + low, kept, infinite, self.up)
        return found.coarser() if deviation > 8 * FINE else found


def _potential(law: Law, z: np.ndarray) -> np.ndarray:
    if law.name == "pareto":
        return (float(law.a) + 1) * np.log1p(z)
    return z ** float(law.p) if law.name == "exp-lp" else z


def _exactly(law: Law, z: arb) -> tuple[arb, arb]:
    """φ(|z|) and P[Z₁ > z]."""
    size = abs(z)
    if law.name == "pareto":
        potential = (law.a + 1) * size.log1p()
        tail = (-law.a * size.log1p()).exp() / 2
    else:
        shape = 1 / law.p if law.name == "exp-lp" else arb(1)
        potential = size ** (1 / shape) if size > 0 else arb(0)
        tail = potential.gamma_upper(shape, 1) / 2
    return potential, tail if z >= 0 else 1 - tail


@functools.lru_cache(maxsize=16)
def _coordinate(law: Law, r: float, up: bool) -> Losses:
    """The losses of one coordinate."""
    size = 1e-3 * min(r, 1.0) * 1.05 ** np.arange(6000.0)
    with np.errstate(over="ignore"):
        reached = np.searchsorted(_potential(law, size), -math.log(FAR) + 4)
    size = size[: 1 + int(reached)]

    def loss(x: np.ndarray) -> np.ndarray:
        return _potential(law, np.abs(x)) - _potential(law, np.abs(x - r))

    rough = np.unique(np.concatenate([-size, size, r - size, r + size, [0.0, r]]))
    weight = np.gradient(rough) * np.exp(-_potential(law, np.abs(rough - r)))
    mean = float(loss(rough) @ weight / weight.sum())
    step = math.sqrt(float((loss(rough) - mean) ** 2 @ weight / weight.sum())) / FINE
    top, far = float(_potential(law, np.array(r))), float(size[-1])
    if step < top < MOST * step:  # the atoms of Laplace noise are points
        step = top / math.ceil(top / step)
    end, tiny = float(loss(np.array(r + far))), step * OFFSET

    def crossings(low: float, high: float, start: float, first: float, last: float) -> list[np.ndarray]:
        """The x = start + s, low < s < high, where L is just below a point of the lattice; r - x likewise."""
        index = np.arange(*sorted((max(round(first / step), -MOST), min(round(last / step), MOST))))
        index = index[(index * step - tiny > min(first, last)) & (index * step + tiny < max(first, last))]
        found = []
        for target in (index * step - tiny, index * step + tiny):
            a, b = np.full(len(index), math.log(low)), np.full(len(index), math.log(high))
            for _ in range(70):
                before = (loss(start + np.exp((a + b) / 2)) < target) == (last > first)
                a, b = np.where(before, (a + b) / 2, a), np.where(before, b, (a + b) / 2)
            found.append(start + np.exp(a))
        return [found[0], r - found[1]]

    inner = crossings(1e-30, r / 2, 0.0, -top, 0.0)
    outer = crossings(1e-30, far, r, top, end) if end != top else []
    kinks = [r / 2] if end > top else [0.0, r / 2, r]  # where L rises throughout, no cell has to end there
    edges = [arb(x) for x in np.unique(np.concatenate([*outer, *inner, kinks, [r + far, -far]])).tolist()]
    with ctx.workprec(BITS + 40):
        shifted, resting = ([_exactly(law, x - by) for x in edges] for by in (arb(r), arb(0)))
        losses = [b[0] - a[0] for a, b in zip(shifted, resting, strict=True)]
        tails = [[arb(1), *(tail for _, tail in part), arb(0)] for part in (shifted, resting)]
        beyond = losses[-1] if end >= top else arb(0)  # log-concave laws have all larger losses there
        values = [losses[0] if end >= top else arb(0), *losses, beyond]
        found: dict[int, int] = {}
        infinite = 0
        for i, (u, v) in enumerate(itertools.pairwise(values)):
            mass, other = (tail[i] - tail[i + 1] for tail in tails)
            low, high = u.min(v).lower(), u.max(v).upper()
            if not up:
                ratio = (mass / other).log() / step
                if mass > 0 and other > 0 and ratio > -MOST:
                    place = min(math.floor(float(ratio.lower()) - 1e-9), MOST)
                    found[place] = found.get(place, 0) + -ceiling(-mass * 2**BITS)
                continue
            total = ceiling(mass * 2**BITS)
            if (i == len(values) - 2 and end > top) or float(high) > MOST * step:
                infinite += total
                continue
            upper = total
            if high - low > tiny * 2.0**-20:
                share = (mass - low.exp() * other) / (1 - (low - high).exp()) * 2**BITS
                if share.is_finite():
                    upper = min(max(ceiling(share), 0), total)
            for value, part in ((high, upper), (low, total - upper)):
                place = max(math.ceil(float(value) / step - OFFSET + 1e-9), -MOST)
                found[place] = found.get(place, 0) + part
    first = min(found)
    return Losses(step, first, [found.get(i, 0) for i in range(first, max(found) + 1)], infinite, up)


def verdict(law: Law, p: float, e: arb, r: arb) -> Verdict:
    """Whether t e + D_t ≤ ½ for some t; FALSE if even the lower bound on D_t is too large for every t."""
    for up in (True, False):
        one = _coordinate(law, float(r.upper()) if up else float(r.lower()), up)
        total = one
        for bit in bin(law.dim)[3:]:
            total = total.plus(total)
            total = total.plus(one) if bit == "1" else total
        with ctx.workprec(BITS):
            shift = law.dim * one.step * OFFSET if up else 0.0
            place = total.step * (total.first + np.arange(len(total.masses))) + shift
            weights = np.array(total.masses, dtype=float) / 2.0**BITS
            tail = np.cumsum(weights[::-1])[::-1]
            scaled = np.cumsum((weights * np.exp(-np.clip(place, -600, 600)))[::-1])[::-1]
            bounds = np.exp(np.clip(place, -600, 600)) * (float(e) - scaled) + tail
            bounds += total.infinite / 2.0**BITS
            best = int(np.argmin(bounds))
            if not up:  # all t between two points are on a line; sums of floats are off by far less
                return "FALSE" if bounds[best] > 0.5 + 1e-6 else "not covered"
            decay, rest = (-arb(total.step)).exp(), arb(0)
            for mass in reversed(total.masses[best:]):
                rest = rest * decay + mass
            divergence = (sum(total.masses[best:]) - rest + total.infinite) / arb(2) ** BITS
            if (arb(total.step) * (total.first + best) + shift).exp() * e + divergence <= HALF:
                return "proven"
    return "not covered"
