"""Ablation and resampling against l0, in exact fractions: how much probability c changes can move."""

from collections.abc import Iterable
from fractions import Fraction

from wulff.verify.balls import Contradiction, Verdict
from wulff.verify.reading import Law

METHODS = {
    "ablation": ("closed-form", "abstain"),
    "flips": ("likelihood-ratios", "abstain"),
    "resampling": ("likelihood-ratios", "raised-values", "abstain"),
}


def verdict(law: Law, method: str, error: float, size: float, rival: float) -> Verdict:
    """Whether the label still leads after so many changes; smaller counts move less.

    Raises:
        Contradiction: There is no such theorem, or the radius is no count.
    """
    if method not in METHODS.get(law.name, ()):
        if "-top-" in method:
            return "not covered"
        raise Contradiction(f"there is no method {method!r} for {law.name} noise against l0")
    if size != int(size):
        raise Contradiction(f"{size:g} is no number of coordinates")
    if size == 0:
        return "proven"
    theorem = {"ablation": _ablation, "flips": _flips, "resampling": _resampling}[law.name]
    leads = theorem(law, int(size), error, rival)
    return "proven" if leads else "FALSE"


def _ablation(law: Law, changed: int, error: float, rival: float) -> bool:
    """Whether p_A - p_B > 2Δ, Δ the chance that a changed coordinate is seen: both move by at most Δ."""
    return 1 - Fraction(error) - Fraction(rival) > 2 * (1 - all_hidden(law, changed))


def all_hidden(law: Law, changed: int) -> Fraction:
    """The chance that ablation hides so many coordinates."""
    shape = dict(law.shape)
    keep, chance = shape.get("keep", 0), shape.get("keep_probability", 0)
    places = law.dim // int(shape.get("channels", 1))
    if (keep > 0) == (chance > 0):
        raise Contradiction("it keeps a number of coordinates, or each with a probability")
    unseen = Fraction(1)
    for i in range(min(changed, places)):
        hidden = Fraction(max(places - int(keep) - i, 0), places - i)
        unseen *= hidden if keep else 1 - Fraction(chance)
    return unseen


def _resampling(law: Law, changed: int, error: float, rival: float) -> bool:
    """Whether error and rival, filled with the largest likelihood ratios, leave less than 1 in all."""
    masses = likelihood_ratios(law, changed)
    return _filled(masses, Fraction(error)) + _filled(masses, Fraction(rival)) < 1


def likelihood_ratios(law: Law, changed: int) -> dict[Fraction, tuple[Fraction, Fraction]]:
    """Masses before and after the worst so many changes, by their ratio."""
    shape = dict(law.shape)
    values = sorted(law.values or [shape["values"]] * law.dim, reverse=True)
    keep, masses = Fraction(shape["keep"]), {Fraction(1): (Fraction(1), Fraction(1))}
    for number in values[:changed]:
        other = (1 - keep) / (int(number) - 1)
        if not keep > other:
            raise Contradiction("another value is as likely as the own one")
        steps = ((other, keep), (1 - keep - other, 1 - keep - other), (keep, other))
        masses = _times(masses, steps)
    return masses


def _times(
    masses: dict[Fraction, tuple[Fraction, Fraction]], steps: Iterable[tuple[Fraction, Fraction]]
) -> dict[Fraction, tuple[Fraction, Fraction]]:
    """Masses by likelihood ratio after one more independent feature, with these masses before and after."""
    grown: dict[Fraction, tuple[Fraction, Fraction]] = {}
    for ratio, (p, q) in masses.items():
        for before, after in steps:
            if before:
                at = ratio * after / before
                old = grown.get(at, (Fraction(0), Fraction(0)))
                grown[at] = (old[0] + p * before, old[1] + q * after)
    return grown


def _flips(law: Law, changed: int, error: float, rival: float) -> bool:
    """The same for every number of additions among so many changes."""
    shape = dict(law.shape)
    p, q = Fraction(shape["added"]), Fraction(shape["removed"])
    if not p + q < 1:
        raise Contradiction("copies tell the opposite of what bits are")
    added = ((p, 1 - q), (1 - p, q))  # masses before and after, of a 1 and of a 0
    removed = tuple((after, before) for before, after in added)
    for additions in range(changed + 1):
        masses = {Fraction(1): (Fraction(1), Fraction(1))}
        for steps in [added] * additions + [removed] * (changed - additions):
            masses = _times(masses, steps)
        if _filled(masses, Fraction(error)) + _filled(masses, Fraction(rival)) >= 1:
            return False
    return True


def _filled(masses: dict[Fraction, tuple[Fraction, Fraction]], error: Fraction) -> Fraction:
    """The largest mass after the change of a set with the mass `error` before it."""
    total = Fraction(0)
    for ratio in sorted(masses, reverse=True):
        part = min(error, masses[ratio][0])
        total, error = total + part * ratio, error - part
    return total
