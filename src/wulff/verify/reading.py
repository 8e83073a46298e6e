"""What a run's files say, read here and nowhere else: noise, norms, terms and records."""

import dataclasses
import json
import math
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flint import arb

from wulff.errors import InputError, RunError
from wulff.verify.balls import INF, Contradiction

SPEC, RECORDS = "spec.toml", "records.jsonl"
CLOSE = 1e-11
"""By how much the generator's scale, a float, may differ from the real number that sigma stands for."""


@dataclasses.dataclass(frozen=True)
class Law:
    """A noise at scale 1, and its scale.

    Attributes:
        name: E.g. `exp-l2`.
        shape: Its shape parameters.
        dim: The number of coordinates.
        scale: The λ of its density, in input units; one float, or the ball that sigma stands for.
    """

    name: str
    shape: dict[str, float]
    dim: int
    scale: arb

    def __getattr__(self, field: str) -> arb:
        try:
            return arb(self.__dict__["shape"][field])
        except KeyError:
            raise AttributeError(field) from None

    def __hash__(self) -> int:
        return hash((self.name, self.dim, *self.shape.values()))

    @property
    def level(self) -> float:
        """The p of the norm whose spheres are the level sets, of a norm-radial noise."""
        return {"l1": 1.0, "l2": 2.0, "linf": INF}[self.name.partition("-")[2]]

    @property
    def plain(self) -> bool:
        """Whether the density is exp(-‖z‖)."""
        return self.name.startswith("exp-l") and self.shape.get("j") == 0 and self.shape.get("k") == 1


def read_law(text: str, dim: int | None, scale: float | None = None) -> Law:
    """The law that a spec string such as `uniform(sigma=0.5)` stands for, in dimension `dim`.

    Args:
        text: The noise.
        dim: The number of coordinates, where the text does not say.
        scale: The float that the generator takes for a noise that is sized by sigma.
    """
    match = re.fullmatch(r"\s*([a-z0-9-]+)\s*\((.*)\)\s*", text)
    values: dict[str, float] = {}
    for item in match[2].split(",") if match else ():
        key, _, value = item.partition("=")
        values[key.strip()] = float(value)
    found = values.pop("dim", dim)
    if match is None or found is None or len({"scale", "sigma"} & set(values)) != 1:
        raise InputError(f"cannot read the noise {text!r} with dim={dim}; write it as uniform(sigma=0.5).")
    if dim is not None and found != dim:
        raise Contradiction(f"the noise has dim={found:g}, but inputs have {dim} coordinates")
    size = "scale" if "scale" in values else "sigma"
    given = values.pop(size)
    if match[1].startswith("power"):
        values.setdefault("k", 1.0)
    if match[1].startswith(("exp-l1", "exp-l2", "exp-linf", "mixed")):
        values = {"j": values.get("j", 0.0), **({"k": values.get("k", 1.0)} if match[1][0] == "e" else {})}
    law = Law(match[1], values, int(found), arb(given))
    if size == "sigma":
        exact = arb(given) / mean_square(law).sqrt()
        if scale is not None and not abs(exact / scale - 1) < CLOSE:
            raise Contradiction(
                f"sigma={given:g} is a scale of {exact.str(12)}, but noise was drawn at {scale}"
            )
        law = dataclasses.replace(law, scale=exact if scale is None else arb(scale))
    return law


def mean_square(law: Law) -> arb:
    """(sigma/scale)² of the law."""
    d = arb(law.dim)
    iid: dict[str, Callable[[], arb]] = {
        "gaussian": lambda: arb(1),
        "laplace": lambda: arb(2),
        "uniform": lambda: arb(1) / 3,
        "ball": lambda: 1 / (d + 2),
        "exp-lp": lambda: (3 / law.p).gamma() / (1 / law.p).gamma(),
        "pareto": lambda: 2 / ((law.a - 1) * (law.a - 2)),
    }
    if law.name in iid:
        return iid[law.name]()
    if law.name.startswith("power"):
        alpha, beta = d / law.k, law.a - d / law.k
        square = (
            (alpha + 2 / law.k).lgamma() + (beta - 2 / law.k).lgamma() - alpha.lgamma() - beta.lgamma()
        ).exp()
    elif law.name.startswith("exp"):
        square = (((d - law.j + 2) / law.k).lgamma() - ((d - law.j) / law.k).lgamma()).exp()
    else:
        raise InputError(
            f"{law.name} is sized by sigma, which the checker cannot turn into a scale; use scale=."
        )
    return square * {1.0: 2 / (d * (d + 1)), 2.0: 1 / d, INF: (1 + (d - 1) / 3) / d}[law.level]


def read_norm(name: str) -> float:
    """The p of `l1`, `l2`, `linf` or `lp(1.5)`."""
    text = name.removeprefix("lp(").removesuffix(")").removeprefix("l")
    p = float(text)
    if not p >= 1:
        raise InputError(f"a norm needs p ≥ 1, got {name!r}.")
    return p


def length_factor(inner: float, outer: float, dim: int) -> arb:
    """The largest ‖v‖_inner over the unit ball of ‖·‖_outer, p and q: d^(1/p - 1/q) or 1."""
    if outer <= inner:
        return arb(1)
    exponent = (0 if inner == INF else 1 / arb(inner)) - (0 if outer == INF else 1 / arb(outer))
    return arb(dim) ** exponent


def read_run(folder: Path) -> tuple[dict[str, Any], list[tuple[bytes, dict[str, Any]]]]:
    """The spec, and every line of the journal with the record in it."""
    try:
        document = tomllib.loads((folder / SPEC).read_text(encoding="utf-8"))
        lines = (folder / RECORDS).read_bytes().split(b"\n")
        records = [(line, json.loads(line)) for line in lines if line]
        if not all(isinstance(part, dict) for part in (document["run"], *(record for _, record in records))):
            raise ValueError("a line is no record")
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise RunError(f"{folder} is no run that can be read: {error}.") from None
    return document, records


def whole(value: object, least: int, most: float, what: str) -> int:
    """An integer within its range."""
    if type(value) is not int or not least <= value <= most:
        raise Contradiction(f"{what} is {value!r}, not a whole number from {least} to {most:g}")
    return value


def real(value: object, what: str) -> float:
    """A finite number of at least 0."""
    if type(value) not in (int, float) or not math.isfinite(value) or value < 0:  # type: ignore[arg-type]
        raise Contradiction(f"{what} is {value!r}, not a finite number from 0")
    return float(value)  # type: ignore[arg-type]
