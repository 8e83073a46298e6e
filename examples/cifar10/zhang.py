"""The page of what `zhang.sh` made: tables 1 to 3 of Zhang et al. 2020 in small, and what they say.

    python examples/cifar10/zhang.py OUT > examples/cifar10/zhang.md     (or without OUT)

Summaries of finished runs are kept in `summaries/zhang`, and the page is computed from these alone.
"""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from wulff.reports.comparison import sign_test
from wulff.reports.grids import render

sys.path.insert(0, str(Path(__file__).parent))
from published import L2, LINF, ROWS, ZHANG
from results import FOLDER, Summary, collect, read

INTRODUCTION = """\
# Do the noises of Zhang et al. certify more, of the same networks?

Networks trained with Gaussian and Laplace noise by `reproduce.sh`, smoothed with other noise: exp-l2(j, k =
2) against l2, exp-l1(j, k = 1) against l1 and mixed-linf(j) against linf, where j = 0 is the noise of the
training, over a grid of j and of sigma in units of that of the training. The radii are deterministic
functions of the error. In 3,072 dimensions and at equal sigma they are about the same for exp-l2 and exp-l1
and smaller for mixed-linf: for sigma .5 and error .01 Gaussian noise has the l2 radius 1.163174 and the
linf radius .020986, exp-l2 with j = 1,000 has 1.163203, and mixed-linf with j = 250 has .013545. So what
these noises may gain is accuracy under noise. At each radius the best network, j and sigma are chosen on
the same images, of both kinds of noise alike. n = 10,000 at most, with anytime stopping, and alpha = .001,
where the paper has n = 100,000. Made by

    examples/cifar10/reproduce.sh SIZE=small DATA OUT gaussian_0.5 laplace_0.5
    examples/cifar10/zhang.sh DATA OUT gaussian_0.5 laplace_0.5
    JS=100 FACTORS="1 1.25" examples/cifar10/zhang.sh DATA OUT gaussian_0.5
    python examples/cifar10/zhang.py OUT > examples/cifar10/zhang.md

"""
TABLES = {
    "exp-l1": ("l1", "laplace", L2[1:]),
    "exp-l2": ("l2", "gaussian", L2[1:]),
    "mixed-linf": ("linf", "gaussian", LINF[1:]),
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument(
        "--summaries", type=Path, default=FOLDER / "summaries" / "zhang", help="where they are kept"
    )
    given = parser.parse_args(arguments)
    if given.out and not (given.out / "zhang").is_dir():
        parser.error(f"{given.out} has no runs; examples/cifar10/zhang.sh makes them.")
    if given.out:
        collect(given.out, given.summaries, "zhang")
    sys.stdout.write(INTRODUCTION + page(read(given.summaries)))


def page(found: Sequence[Summary]) -> str:
    """The three tables, each with its finding in words."""
    return "\n".join(_table(family, found) for family in TABLES)


def place(one: Summary) -> tuple[str, str, float, float]:
    """Network, family, j and factor of a run NETWORK--FAMILY--j_J--x_FACTOR."""
    match = re.fullmatch(r"(.+)--(.+)--j_(.+)--x_(.+)", one.name)
    if match is None:
        raise SystemExit(f"{one.name} is not called NETWORK--FAMILY--j_J--x_FACTOR.")
    return match[1], match[2], float(match[3]), float(match[4])


def _table(family: str, found: Sequence[Summary]) -> str:
    """The best of the noises of the training, with their own sigma and with any, and the best with a pole."""
    norm, base, radii = TABLES[family]
    own = [one for one in found if place(one)[1] == family]
    head = f"Against {norm}, networks trained with {base} noise: {len({place(one)[0] for one in own})}"
    if not own:
        return f"{head}; zhang.sh has made no runs of {family} yet.\n"
    heads = [f"{round(255 * r)}/255" if norm == "linf" else f"{r:g}" for r in radii]
    grid = [[f"{norm} radius", *heads, "from"]]
    choices: dict[str, Callable[[float, float], bool]] = {
        f"{base}, sigma of the training": lambda j, factor: j == 0 and factor == 1,
        f"{base}, best sigma": lambda j, factor: j == 0,
        f"{family}, best j > 0 and sigma": lambda j, factor: j > 0,
    }
    best: list[list[Summary]] = []
    for name, allowed in choices.items():
        group = [one for one in own if allowed(*place(one)[2:])]
        if not group:
            return f"{head}; zhang.sh has not made all runs of {family} yet.\n"
        best.append([max(group, key=lambda one, r=r: one.percent(norm, r)) for r in radii])
        cells = [f"{one.percent(norm, r):.1f}" for one, r in zip(best[-1], radii, strict=True)]
        grid.append([name, *cells, f"here, {len(own[0].index)} images"])
    for row in ROWS:
        if row.norm == norm and row.source == ZHANG:
            grid.append([row.name, *(f"{row.certified[r]:g}" for r in radii), row.source])
    finding = _finding(norm, family, base, radii, best[1], best[2])
    return f"{head}.\n\n{render(grid, 'md')}\n{finding} {_accuracies(own)}\n"


def _accuracies(own: Sequence[Summary]) -> str:
    """The part of noisy copies that each network labels right at the sigma of its training, by j."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for one in sorted(own, key=lambda one: place(one)[2]):
        network, _, j, factor = place(one)
        if factor == 1:
            found[network].append(f"{100 * one.facts['noisy_accuracy']:.1f} % with j = {j:g}")
    return " ".join(
        f"Noisy copies that {network} labels right, at the sigma of its training: {', '.join(parts)}."
        for network, parts in sorted(found.items())
    )


def _finding(
    norm: str,
    family: str,
    base: str,
    radii: Sequence[float],
    plain: Sequence[Summary],
    other: Sequence[Summary],
) -> str:
    """At how many radii each is ahead, and where McNemar's test supports it."""
    more = less = clear = 0
    for r, one, two in zip(radii, plain, other, strict=True):
        a, b = one.certified(norm, r), two.certified(norm, r)
        gained, lost = int((b & ~a).sum()), int((a & ~b).sum())
        more, less = more + (gained > lost), less + (gained < lost)
        clear += sign_test(gained, lost) < 0.05 / len(radii)
    return (
        f"{family} with j > 0 certifies more images than {base} noise, each with its best sigma, at {more} "
        f"of {len(radii)} radii, and fewer at {less}; at {clear} the difference is significant (McNemar's "
        "test, .05 over all radii)."
    )


if __name__ == "__main__":
    main()
