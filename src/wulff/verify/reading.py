"""What a run's files say, read here and nowhere else: noise, norms and records."""

import dataclasses
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from flint import arb

from wulff.errors import InputError, RunError
from wulff.verify.balls import INF, demand

UNSIZED = ("ablation", "resampling", "flips")
"""Noises that replace coordinates, and are not scaled."""
INDEPENDENT = ("gaussian", "laplace", "uniform", "exp-lp", "pareto")
LIST = r",?\s*(scales|values)\s*=\s*\[([^\[\]]*)\]"
MIXED = (
    r"\s*mixed\s*\(\s*numbers\s*=(?P<numbers>[^()]*\([^()]*\))\s*,\s*categories\s*=(?P<categories>[^()]*"
    r"\([^()]*\))\s*,\s*columns\s*=\s*\[(?P<columns>[0-9, ]+)\]\s*(,\s*dim\s*=\s*(?P<dim>[0-9]+))?\s*\)\s*"
)
DEFAULTS = {"exp": {"j": 0.0, "k": 1.0}, "power": {"k": 1.0}, "mixed": {"j": 0.0}}


@dataclasses.dataclass(frozen=True)
class Law:
    """A noise: its name, shape parameters as attributes, dimension, the λ of its density, and lists."""

    name: str
    shape: tuple[tuple[str, float], ...]
    dim: int
    scale: float
    scales: tuple[float, ...] | None = None
    values: tuple[float, ...] | None = None

    def __getattr__(self, field: str) -> arb:
        found = dict(self.__dict__.get("shape", ()))
        if field not in found:
            raise AttributeError(field)
        return arb(found[field])

    @property
    def level(self) -> float:
        """The p of the norm whose spheres are the level sets of a norm-radial noise."""
        return read_norm(self.name.partition("-")[2])

    @property
    def plain(self) -> bool:
        """Whether the density is exp(-‖z‖)."""
        return self.name in ("exp-l1", "exp-l2", "exp-linf") and self.j == 0 and self.k == 1


@dataclasses.dataclass(frozen=True)
class MixedLaw:
    """Noise on rows: independently on their numbers and on their categories."""

    numbers: Law
    categories: Law


def read_law(text: str, dim: int | None = None, scale: float | None = None) -> Law | MixedLaw:
    """The law of a spec string such as `uniform(sigma=0.5)`, also of mixed noise.

    Args:
        text: The noise.
        dim: The number of coordinates, where the text does not say.
        scale: The float by which the generator multiplies a noise that is sized by sigma: the law of what was
            drawn.
    """
    match = re.fullmatch(MIXED, text)
    if match is None:
        return _law(text, dim, scale)
    columns = [int(place) for place in match["columns"].split(",")]
    rows = dim if match["dim"] is None else int(match["dim"])
    demand(rows is None or max(columns) < rows, f"it has categories in columns {columns} of {rows}")
    demand(len(set(columns)) == len(columns), f"it has categories in columns {columns}")
    numbers = _law(match["numbers"], None if rows is None else rows - len(columns), scale)
    demand(
        dim in (None, numbers.dim + len(columns)), f"inputs have {dim} coordinates, which is another number"
    )
    return MixedLaw(numbers, _law(match["categories"], len(columns)))


def _law(text: str, dim: int | None = None, scale: float | None = None) -> Law:
    """The law of a noise that is not mixed."""
    match = re.fullmatch(r"\s*([a-z0-9-]+)\s*\(([^()]*)\)\s*", re.sub(LIST, "", text))
    lists = {name: tuple(float(part) for part in parts.split(",")) for name, parts in re.findall(LIST, text)}
    items = [item.partition("=") for item in match[2].split(",")] if match else []
    values = {key.strip(): float(value) for key, _, value in items if key.strip() != "sigma"}
    scale = 1.0 if match and match[1] in UNSIZED else scale
    size, own = values.pop("scale", scale), values.pop("dim", next(map(len, lists.values()), dim))
    if match is None or size is None or own is None:
        raise InputError(f"the law of {text!r} needs its dimension and the scale at which it was drawn.")
    demand(dim in (None, own), f"the noise has dim={own:g}, but inputs have {dim} coordinates")
    shape = DEFAULTS.get(match[1].partition("-")[0], {}) | values
    return Law(match[1], tuple(sorted(shape.items())), int(own), size, **lists)


def of_one_size(law: Law) -> Law:
    """A law in units of its scales; independent coordinates that get no noise are left out."""
    noisy = sum(scale > 0 for scale in law.scales or ())
    return dataclasses.replace(law, dim=noisy if law.name in INDEPENDENT else law.dim, scales=None)


def read_norm(name: str) -> float:
    """The p of `l1`, `l2`, `linf` or `lp(1.5)`."""
    return float(name.removeprefix("lp(").removesuffix(")").removeprefix("l"))


def length_factor(inner: float, outer: float, dim: int) -> arb:
    """The largest l_inner norm in the unit ball of l_outer: d^(1/inner - 1/outer), at least 1."""
    p, q = (arb(0) if p == INF else 1 / arb(p) for p in (inner, outer))
    return arb(1) if outer <= inner else arb(dim) ** (p - q)


def scaled_length_factor(inner: float, outer: float, scales: tuple[float, ...]) -> arb:
    """The largest l_inner norm of v/s where the l_outer norm of v is 1, on the s that are not 0."""
    noisy = [arb(scale) for scale in scales if scale > 0]
    if outer <= inner:
        return 1 / min(noisy)
    p, q = (arb(0) if p == INF else 1 / arb(p) for p in (inner, outer))
    return sum((1 / scale) ** (1 / (p - q)) for scale in noisy) ** (p - q)


def read_run(folder: Path) -> tuple[dict[str, Any], list[tuple[bytes, dict[str, Any]]]]:
    """The spec, and every line of the journal with the record in it."""
    try:
        document = tomllib.loads((folder / "spec.toml").read_text(encoding="utf-8"))
        lines = (folder / "records.jsonl").read_bytes().split(b"\n")
        records = [(line, json.loads(line)) for line in lines if line]
        if not all(isinstance(part, dict) for part in (document["run"], *(record for _, record in records))):
            raise ValueError("a line is no record")
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise RunError(f"{folder} is no run that can be read: {error}.") from None
    return document, records


def whole(value: Any, least: int, most: float, what: str) -> int:
    """An integer within its range."""
    right = type(value) is int and least <= value <= most
    demand(right, f"{what} is {value!r}, not a whole number from {least} to {most:g}")
    return value


def real(value: Any, what: str) -> float:
    """A finite number of at least 0."""
    right = type(value) in (int, float) and 0 <= value < INF
    demand(right, f"{what} is {value!r}, not a finite number from 0")
    return float(value)
