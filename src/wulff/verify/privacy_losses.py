"""Independent coordinates against linf: the divergence of (r, ..., r), enclosed on a lattice of losses.

The loss L = log q(x - r)/q(x) is monotone below 0, up to r, and above. From above, the mass of a cell of the
line goes to the points of the lattice around the losses in it, so that both laws keep their masses: this
raises every divergence, of the sum too [Doroshenko et al. 2022, connect the dots]. From below, a cell is one
atom, which goes down to the lattice. The lattice grows coarser as the sum grows wider.
"""

import collections
import dataclasses
import functools
import itertools
import math

import numpy as np
from flint import arb, arb_poly, ctx

from wulff.verify.balls import Verdict
from wulff.verify.reading import Law

BITS, FINE, MOST, LONGEST, FAR, OFFSET = 120, 256, 2**15, 2**15, 1e-24, 2.0**-20


@dataclasses.dataclass(frozen=True)
class Losses:
    """Masses at step · (first, first + 1, ...), of an upper bound (`up`) or a lower one, and at +∞."""

    step: float
    first: int
    masses: list[arb]
    infinite: arb
    up: bool

    def coarser(self) -> "Losses":
        """On every second point: the others are split between their neighbours, or go down."""
        share = 1 / (1 + (-arb(self.step)).exp()) if self.up else arb(0)
        masses = [arb(0)] * (self.first % 2) + self.masses
        masses += [arb(0)] * (len(masses) % 2)
        ups = [arb(0), *(mass * share for mass in masses[1::2])]
        kept = [a + b + c - d for a, b, c, d in zip(masses[::2], masses[1::2], ups, ups[1:], strict=False)]
        return Losses(2 * self.step, self.first // 2, [*kept, ups[-1]], self.infinite, self.up)

    def plus(self, other: "Losses") -> "Losses":
        """The law of the sum of two: far tails go up, those below into the first point that is kept."""
        if self.step != other.step:
            return self.plus(other.coarser()) if self.step > other.step else self.coarser().plus(other)
        masses = (arb_poly(self.masses) * arb_poly(other.masses)).coeffs()
        weights = np.array([float(mass) for mass in masses])
        low, high = (int(np.searchsorted(np.cumsum(part), FAR)) for part in (weights, weights[::-1]))
        high = len(masses) - high
        kept, infinite = masses[low:high], arb(0)
        if self.up:
            kept[0] += sum(masses[:low])
            infinite = self.infinite + other.infinite + sum(masses[high:])
        found = Losses(self.step, self.first + other.first + low, kept, infinite, self.up)
        return found.coarser() if len(kept) > LONGEST else found


def _potential(law: Law, z: np.ndarray) -> np.ndarray:
    """φ(|z|), roughly."""
    return float(law.a + 1) * np.log1p(abs(z)) if law.name == "pareto" else abs(z) ** float(_power(law))


def _power(law: Law) -> arb:
    return law.p if law.name == "exp-lp" else arb(1)


def _exactly(law: Law, z: arb) -> tuple[arb, arb]:
    """φ(|z|) and P[Z₁ > z]."""
    log = abs(z).log1p()
    potential = (law.a + 1) * log if law.name == "pareto" else abs(z) ** _power(law) if abs(z) > 0 else arb(0)
    tail = ((-law.a * log).exp() if law.name == "pareto" else potential.gamma_upper(1 / _power(law), 1)) / 2
    return potential, tail if z >= 0 else 1 - tail


def _grid(law: Law, r: float) -> tuple[np.ndarray, float]:
    """Ends of cells within which the loss varies by a part of the lattice's step, and the step."""
    size = 1e-3 * min(r, 1.0) * 1.05 ** np.arange(6000.0)
    with np.errstate(over="ignore"):
        size = size[: 1 + int(np.searchsorted(_potential(law, size), -math.log(FAR) + 4))]
    edges = np.unique(np.concatenate([-size, size, r - size, r + size, [0.0, r]]))
    step = 1.0
    for _ in range(3):
        moved = _potential(law, edges - r)
        loss, nearest = _potential(law, edges) - moved, np.minimum(moved[1:], moved[:-1])
        value = (loss[1:] + loss[:-1]) / 2
        weight = np.diff(edges) * np.exp(-nearest)  # at the end that has more, lest wide cells seem empty
        weight /= weight.sum()
        step = math.sqrt(float((value - weight @ value) ** 2 @ weight)) / FINE
        fine = 4 * np.abs(np.diff(loss)) / step * np.minimum(1, np.sqrt(1e3 * weight))
        pieces = np.ceil(np.clip(fine, 1e-9, 64)).astype(int)
        parts = map(functools.partial(np.linspace, endpoint=False), edges, edges[1:], pieces)
        edges = np.append(np.concatenate([*parts]), edges[-1])
    top = float(_potential(law, np.array(r)))
    return edges, top / math.ceil(top / step) if step < top < MOST * step else step  # atoms are points


@functools.lru_cache(maxsize=16)
def _coordinate(law: Law, r: float, up: bool) -> Losses:
    """The losses of one coordinate, on points that are OFFSET steps above those of `Losses`, or below."""
    edges, step = _grid(law, r)
    raised, convex = OFFSET if up else -OFFSET, law.name != "pareto" and _power(law) >= 1
    endless = convex and _power(law) > 1  # losses go to -∞ before the first edge, and to +∞ after the last
    found: dict[int, arb] = collections.defaultdict(arb)
    with ctx.workprec(BITS + 40):
        laws = [[_exactly(law, arb(x) - by) for x in edges.tolist()] for by in (arb(r), arb(0))]
        losses = [(b[0] - a[0]) / step - raised for a, b in zip(*laws, strict=True)]
        first, last = (
            (losses[0], losses[-1]) if convex else (-arb(raised),) * 2
        )  # 0 is the limit of the others
        tails = [[arb(1), *(tail for _, tail in of_one), arb(0)] for of_one in laws]
        for i, ends in enumerate(itertools.pairwise([first, *losses, last])):
            mass, other = (tail[i] - tail[i + 1] for tail in tails)
            if not up:
                ratio = (mass / other).log() / step - raised
                if ratio > -MOST:
                    found[min(math.floor(float(ratio.lower())), MOST)] += mass
                continue
            low = math.floor(float(min(end.lower() for end in ends)))
            high = math.ceil(float(max(end.upper() for end in ends)))
            if high > MOST or (i == len(edges) and endless):
                high = MOST + 1  # for +∞
            a, b = (arb(step) * (place + raised) for place in (low, high))
            split = -MOST < low < high <= MOST and not (i == 0 and endless)
            share = (mass - a.exp() * other) / (1 - (a - b).exp()) if split else mass
            found[max(high, -MOST)] += share
            if split:
                found[low] += mass - share
    infinite, start = found.pop(MOST + 1, arb(0)), min(found)
    return Losses(step, start, [found[i] for i in range(start, max(found) + 1)], infinite, up)


def _growth(total: Losses, shift: float, e: arb) -> tuple[float, arb]:
    """min over t of t e + D_t, in floats and proven."""
    place = total.step * (total.first + np.arange(len(total.masses))) + shift
    weights, t = np.array([float(mass) for mass in total.masses]), np.exp(np.clip(place, -600, 600))
    tail, scaled = (np.cumsum(part[::-1])[::-1] for part in (weights, weights / t))
    bounds = t * (float(e) - scaled) + tail + float(total.infinite)
    best = int(np.argmin(bounds))
    above, start = total.masses[best:], arb(total.step) * (total.first + best) + shift
    divergence = sum(above) - arb_poly(above)((-arb(total.step)).exp()) + total.infinite
    return float(bounds[best]), start.exp() * e + divergence


def verdict(law: Law, p: float, errors: tuple[arb, arb], r: arb) -> Verdict:
    """Whether the growth functions of both errors add up to 1 or less; FALSE if from below they do not."""
    for up, size in ((True, r.upper()), (False, r.lower())):
        one = _coordinate(law, float(size), up)
        with ctx.workprec(BITS):
            total = one
            for bit in bin(law.dim)[3:]:
                total = total.plus(total)
                total = total.plus(one) if bit == "1" else total
            shift = law.dim * one.step * (OFFSET if up else -OFFSET)
            grown = [_growth(total, shift, e) for e in errors]
        if up and sum(proven for _, proven in grown) <= 1:
            return "proven"
    return "FALSE" if sum(floats for floats, _ in grown) > 1 + 1e-6 else "not covered"  # they are off by less
