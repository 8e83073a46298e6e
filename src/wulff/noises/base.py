"""What a noise is: a frozen value that knows its law, its unit of size, and how to sample itself."""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NoReturn, Self

import numpy as np

from wulff._checks import real_numbers, whole_number
from wulff._domains import described, domains, within
from wulff._numerics.fixed_point import Tails
from wulff._quoting import shown
from wulff._registry import field_kinds
from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.noises.draws import wide
from wulff.noises.level_sets import Profile
from wulff.noises.radial import RadialLaw
from wulff.noises.randomness import Random, Randomness, draws_blocks, for_blocks
from wulff.noises.spheres import draw_cone_measure
from wulff.norms import Norm

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LARGEST = sys.float_info.max
_SIZE = within(above=0)
UNKNOWN = float("nan")  # compared by identity: a nan of the user's own is a size, and a wrong one


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Noise(ABC):
    """Additive noise Z = scale · (a unit law), with an even density on inputs of any shape.

    Give exactly one of `scale` and `sigma`. The other one follows from the unit law; where it depends on
    the dimension it is `nan` until the dimension is known (`dim=` or `in_dim`).

    Attributes:
        scale: The λ of the density, in input units (1.0 is the full pixel range).
        sigma: The per-coordinate root mean square, (E‖Z‖₂² / d)^½, in the same units.
        dim: The number d of input coordinates, or None if it shall come from the input.
        scales: For inputs whose coordinates have units of their own: what each coordinate of Z is multiplied
            by, so that scale and sigma are in these units. A coordinate with scale 0 gets no noise: it is
            immutable, and nothing is certified of inputs in which it differs. The scales may come from
            training data, and not from the input that is classified: another input would have others.

    Raises:
        InputError: Neither or both sizes are given, or a parameter is outside its range.
    """

    name: ClassVar[str]

    scale: float = dataclasses.field(default=UNKNOWN, metadata=_SIZE)
    sigma: float = dataclasses.field(default=UNKNOWN, metadata=_SIZE)
    dim: int | None = None
    scales: tuple[float, ...] | None = None
    _size: str = dataclasses.field(init=False, default="")

    sized: ClassVar[bool] = True
    """Whether it has a size that `scale` or `sigma` says."""

    def __post_init__(self) -> None:
        given = [size for size in ("scale", "sigma") if getattr(self, size) is not UNKNOWN]
        declared = domains(self)
        if self.sized:
            self._take_size(given)
        elif given or self.scales is not None:
            raise InputError(f"{self.name} has no size; leave out {given[0] if given else 'scales'}.")
        else:
            object.__setattr__(self, "scale", 1.0)
        if self.dim is not None:
            whole_number("dim", self.dim)
        if self.scales is not None:
            self._check_scales(self.scales)
        kinds = field_kinds(type(self))
        for name in self.shape_parameters():
            if kinds[name] in (float, int):
                object.__setattr__(self, name, _number(self, name, kinds[name] is int))
        for name in self.shape_parameters():
            if name in declared and (wrong := declared[name].wrong(name, getattr(self, name))):
                self._refuse(wrong)
        self._check_parameters()
        if self.dim is not None and (wrong := self._wrong(self.dim)):
            self._refuse(wrong)
        if self.sized and (self.dim is not None or not self.size_depends_on_dim):
            self._fill_in_size(self.dim or 1)

    size_depends_on_dim: ClassVar[bool] = True

    def _take_size(self, given: list[str]) -> None:
        """Take the one size that is given as a number."""
        if len(given) != 1:
            found = "both" if given else "neither"
            raise InputError(f"{self.name} needs exactly one of scale= and sigma=, got {found}.")
        value = _number(self, given[0])
        if wrong := domains(self)[given[0]].wrong(given[0], value):
            raise InputError(f"{wrong}, got {value:g} for {self.name}.")
        object.__setattr__(self, given[0], value)
        object.__setattr__(self, "_size", given[0])

    def _check_scales(self, scales: object) -> None:
        """Take scales as numbers, one for each coordinate; they say the dimension."""
        if callable(scales):
            raise InputError(
                "scales must be numbers that are fixed before an input is seen, got a function: another "
                "input would choose other noise, and nothing would be certified about it.",
                "scales",
            )
        found = tuple(real_numbers("scales", scales, "be at least 0 and finite", lambda s: 0 <= s <= LARGEST))
        if not any(found):
            raise InputError(f"scales must have one above 0, got {shown(scales)}: nothing would be noisy.")
        if self.dim not in (None, len(found)):
            raise InputError(f"scales are for dim={len(found)}, got dim={self.dim}; leave out dim.", "scales")
        object.__setattr__(self, "scales", found)
        object.__setattr__(self, "dim", len(found))

    def _check_parameters(self) -> None:
        """Raise InputError where shape parameters, each in its domain, do not go together."""
        return

    def _wrong_in_dim(self, dim: int) -> str | None:
        """Why shape parameters, each in its domain, do not suit the dimension `dim`; None if they do."""
        return None

    def _wrong(self, dim: int) -> str | None:
        declared = domains(self)
        for name in self.shape_parameters():
            if name in declared and (wrong := declared[name].wrong(name, getattr(self, name), dim)):
                return wrong
        return self._wrong_in_dim(dim)

    def _refuse(self, reason: str) -> NoReturn:
        raise InputError(f"{reason}, got {self}.")

    @abstractmethod
    def mean_square(self, dim: int) -> float:
        """(sigma/scale)² in dimension `dim`; infinite where the variance is."""

    @abstractmethod
    def draw(self, out: Tensor, generator: torch.Generator) -> Tensor:
        """Fill `out`, of shape (samples, *input shape), with draws of the unit law, and return it.

        The generator lives on the device of `out`; nothing here waits for that device.
        """

    def draw_blocks(self, out: Tensor, random: Randomness) -> Tensor:
        """`draw` for blocks of rows that each have a generator, all at once where the noise can do that.

        It can if the methods that draw are marked by `for_blocks`. Others get one block and its generator at
        a time, with the same draws.
        """
        if draws_blocks(self, "draw", "draw_radius"):
            return self.draw(out, random)  # type: ignore[arg-type]  (marked)
        for part, generator in random.parts(out):
            self.draw(part, generator)
        return out

    @classmethod
    def is_spherical(cls) -> bool:
        """Whether the density depends on the Euclidean norm alone, whatever the parameters."""
        return False

    def lost_by(self, shift: FloatArray) -> float | None:
        """Of a law that is uniform on a body at scale 1, the mass outside of the body moved by `shift`.

        None for other laws. The dimension is the length of the shift.
        """
        return None

    def variation_along_axis(self, shift: float) -> float | None:
        """The total variation between the unit law and itself moved along an axis; None if not known."""
        return None

    @property
    def exact_tails(self) -> Tails | None:
        """The tails of a coordinate at scale 1, for noise with independent ones that can be drawn exactly."""
        return None

    @property
    def own_units(self) -> bool:
        """Whether inputs are in units of their own, and need not lie in [0, 1]."""
        return self.scales is not None

    def copy_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a noisy copy of an input of that shape.

        Raises:
            InputError: The noise is not for inputs of that shape.
        """
        self.in_dim(math.prod(shape))
        return shape

    @property
    def level_sets(self) -> str:
        """The shape of the density's level sets, in words."""
        return "of its own shape"

    def log_density_at(self, z: FloatArray) -> FloatArray:
        """The log-density of the unit law at rows z, up to a constant; -∞ outside the support, ∞ at a pole.

        Raises:
            InputError: The noise does not say what its density is.
        """
        raise InputError(f"the density of {self.name} noise is not known; growth needs it.")

    def _fill_in_size(self, dim: int) -> None:
        ratio = math.sqrt(self.mean_square(dim))
        if self._size == "scale":
            object.__setattr__(self, "sigma", self.scale * ratio)
            return
        if ratio == math.inf:
            raise InputError(f"{self} has no finite variance, so sigma= cannot size it; give scale= instead.")
        scale = self.sigma / ratio if ratio > 0 else math.inf
        if not 1e-300 < scale < 1e300:
            raise InputError(f"{self} would need a scale of {scale:.1g}, which float64 cannot hold.")
        object.__setattr__(self, "scale", scale)

    def in_dim(self, dim: int) -> Self:
        """The same noise on inputs with `dim` coordinates: both sizes are known.

        Raises:
            InputError: The noise was made for another dimension.
        """
        if self.dim == dim:
            return self
        if self.dim is not None:
            raise InputError(f"{self} was made for dim={self.dim}, but the input has {dim} coordinates.")
        size = {self._size: getattr(self, self._size)} if self.sized else {}
        return self._with(**size, dim=dim)

    def exists_in(self, dim: int) -> bool:
        """Whether `in_dim` gives a noise: made for no other dimension, with parameters that suit this one."""
        return self.dim in (None, dim) and self._wrong(dim) is None

    def unit(self) -> Self:
        """The same law at scale 1, for any dimension."""
        self.of_one_size()
        return self._with(scale=1.0)

    def of_one_size(self) -> Self:
        """This noise, of which all coordinates have the same size.

        Raises:
            InputError: They have scales of their own.
        """
        if self.scales is not None:
            raise InputError(f"this is for noise of one size in all coordinates, got {self}.", "scales")
        return self

    def with_scales(self, scales: tuple[float, ...]) -> Self:
        """The same noise with scales of its own for each coordinate, in units of which its size is then.

        Raises:
            InputError: It has no size, or is for another dimension.
        """
        if not self.sized:
            raise InputError(f"{self.name} has no size; leave out scales.", "scales")
        size = {self._size: getattr(self, self._size)}
        return self._with(**size, scales=scales)

    def without_scales(self) -> Self:
        """The noise in units of its scales, on the coordinates that it changes.

        Where coordinates depend on each other, immutable ones are drawn with the others and left out: what is
        certified for all of them holds where they stay.
        """
        if self.scales is None:
            return self
        assert self.dim is not None
        dim = self.dim if self.size_depends_on_dim else sum(scale > 0 for scale in self.scales)
        return self._with(scale=self.scale, dim=dim)

    def _with(self, **sizes: float | tuple[float, ...]) -> Self:
        shape = {field: getattr(self, field) for field in self.shape_parameters()}
        return type(self)(**sizes, **shape)

    def sample(
        self, shape: tuple[int, ...], *, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> Tensor:
        """Independent draws.

        Args:
            shape: (samples, *input shape); the dimension is the product of all but the first.
            generator: The source of randomness; the draws are made on its device.
            dtype: A floating point type; None stands for float32.
        """
        import torch

        if len(shape) < 2:
            raise InputError(f"shape must be (samples, *input shape), got {shape}.")
        noise = self.in_dim(math.prod(shape[1:]))
        out = torch.empty(shape, device=generator.device, dtype=dtype or torch.float32)
        return noise.at_size(noise.draw(out, generator))

    def at_size(self, draws: Tensor) -> Tensor:
        """Draws of the unit law, of shape (samples, *input shape), made draws of this noise in place."""
        draws.mul_(self.scale)
        if self.scales is None:
            return draws
        return draws.mul_(draws.new_tensor(self.scales).view(draws.shape[1:]))

    @classmethod
    def shape_parameters(cls) -> list[str]:
        """The names of its fields besides scale and dimension."""
        common = {field.name for field in dataclasses.fields(Noise)}
        return [field.name for field in dataclasses.fields(cls) if field.name not in common]

    @classmethod
    def required_parameters(cls) -> list[str]:
        """The shape parameters without a default."""
        fields = {field.name: field for field in dataclasses.fields(cls)}
        return [name for name in cls.shape_parameters() if fields[name].default is dataclasses.MISSING]

    @classmethod
    def parameters_in_words(cls) -> list[str]:
        """Its shape parameters with their domains and defaults, for help and documentation."""
        words = described(cls)
        return [words[name] for name in cls.shape_parameters()]

    def __str__(self) -> str:
        """The spec string: `parse(str(noise)) == noise`."""
        given = [f"{name}={_written(getattr(self, name))}" for name in self._given()]
        return f"{self.name}({', '.join(given)})"

    def __repr__(self) -> str:
        return str(self)

    @functools.cached_property
    def _key(self) -> tuple[object, ...]:
        """What tells this noise from others: parameters that are functions count by identity, not by name."""
        return (type(self), *((name, getattr(self, name)) for name in self._given()))

    def _given(self) -> list[str]:
        size = [self._size] if self.sized else []
        dim = ["scales"] if self.scales is not None else ["dim"] if self.dim is not None else []
        return [*size, *self.shape_parameters(), *dim]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Noise) and self._key == other._key

    def __hash__(self) -> int:
        return self._hash

    @functools.cached_property
    def _hash(self) -> int:
        return hash(self._key)

    def __getstate__(self) -> dict[str, object]:
        """For copies and other processes, in which the same functions and names have other hashes."""
        return {name: value for name, value in vars(self).items() if name not in ("_key", "_hash")}


class HalfLine(enum.Enum):
    """The shape of an even density exp(-φ) on the half line z > 0."""

    LOG_CONCAVE = "φ is increasing and convex"
    LOG_CONVEX = "φ is increasing and concave, and finite at 0"
    OTHER = "neither, or not known"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class IIDNoise(Noise):
    """Noise with independent, identically distributed, even coordinates: density ∝ exp(-Σφ(z_i))."""

    size_depends_on_dim: ClassVar[bool] = False

    def log_density_at(self, z: FloatArray) -> FloatArray:
        return self.coordinate_log_density(z).sum(axis=-1)

    def variation_along_axis(self, shift: float) -> float | None:
        # P[|Z_i| ≤ r/2]: the density is even and unimodal, so that the shifted one is the larger beyond r/2.
        if self.half_line is HalfLine.OTHER:
            return None
        return float(1 - 2 * self.coordinate_sf(np.array([shift / 2]))[0])

    @property
    @abstractmethod
    def half_line(self) -> HalfLine:
        """The shape of the coordinate's density on z > 0, which decides where its score is largest."""

    @abstractmethod
    def coordinate_sf(self, z: FloatArray) -> FloatArray:
        """P[Z₁ > z] of one coordinate at scale 1."""

    @abstractmethod
    def coordinate_isf(self, p: FloatArray) -> FloatArray:
        """The z with P[Z₁ > z] = p, for p in (0, ½]."""

    @abstractmethod
    def coordinate_inner_quantile(self, p: FloatArray) -> FloatArray:
        """The z with P[0 < Z₁ < z] = p, for p in (0, ½)."""

    @abstractmethod
    def coordinate_potential(self, z: FloatArray) -> FloatArray:
        """φ(z) - φ(0) of one coordinate at scale 1, for z ≥ 0, without cancellation near 0."""

    @abstractmethod
    def coordinate_log_density(self, z: FloatArray) -> FloatArray:
        """The log of the normalised density of one coordinate at scale 1."""

    @abstractmethod
    def coordinate_score(self, z: FloatArray) -> FloatArray:
        """φ'(z) of one coordinate at scale 1, for z > 0; nan everywhere if φ jumps."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class NormRadialNoise(Noise):
    """Noise Z = scale · R · θ: θ has the cone measure of a unit sphere, R ≥ 0 is independent of it.

    `level_norm` is the norm whose spheres are the level sets of the density: l1, l2 or linf.
    """

    level_norm: ClassVar[Norm]

    @classmethod
    def is_spherical(cls) -> bool:
        return getattr(cls, "level_norm", None) == Norm.L2

    @property
    def level_sets(self) -> str:
        return {1.0: "cross-polytopes", 2.0: "Euclidean balls", math.inf: "cubes"}[self.level_norm.p]

    def log_density_at(self, z: FloatArray) -> FloatArray:
        size = np.linalg.norm(z, ord=self.level_norm.p, axis=-1)
        with np.errstate(divide="ignore"):
            return -self.radial_law(z.shape[-1]).potential(np.log(size))

    @abstractmethod
    def radial_law(self, dim: int) -> RadialLaw:
        """The law of R in dimension `dim` and the radial profile of the density, at scale 1."""

    def level_profile(self, dim: int) -> Profile | None:
        """What the level-set method needs of the density in dimension `dim`, at scale 1.

        A noise that defines this method gets level-set radii; others have none.
        """
        return None

    @classmethod
    def with_level_sets(cls, norm: Norm) -> type[NormRadialNoise] | None:
        """The noise with the same parameters and profile whose level sets are balls of this norm, if any."""
        return None

    @abstractmethod
    def draw_radius(self, out: Tensor, dim: int, generator: torch.Generator) -> Tensor:
        """Fill the vector `out` with draws of R in dimension `dim`, and return it."""

    @abstractmethod
    def radius_mean_square(self, dim: int) -> float:
        """E[R²] in dimension `dim`; infinite where it does not exist."""

    @for_blocks
    def draw(self, out: Tensor, generator: Random) -> Tensor:
        import torch

        directions = draw_cone_measure(self.level_norm, out.flatten(1), generator)
        # Radii are made in float64: a power of a gamma variable in float32 would be off in all but 4 digits.
        radii = self.draw_radius(
            out.new_empty(len(out), dtype=wide(out)),
            directions.shape[1],
            generator,  # pyright: ignore[reportArgumentType]  (one, or those of blocks: see `draw_blocks`)
        )
        directions.mul_(radii.clamp_(max=torch.finfo(out.dtype).max / 2**16).to(out.dtype)[:, None])
        return out

    def mean_square(self, dim: int) -> float:
        per_coordinate = {
            1.0: 2 / (dim * (dim + 1)),
            2.0: 1 / dim,
            math.inf: (1 + (dim - 1) / 3) / dim,
        }[self.level_norm.p]
        return self.radius_mean_square(dim) * per_coordinate


def _written(value: float | int | tuple[float, ...] | Noise) -> str:
    """A parameter in a spec string."""
    return repr(list(value)) if isinstance(value, tuple) else repr(value)


def _number(noise: Noise, field: str, whole: bool = False) -> float | int:
    value = getattr(noise, field)
    too_large = isinstance(value, int) and abs(value) > LARGEST  # for a float64
    if isinstance(value, bool) or not isinstance(value, int | float) or too_large:
        raise InputError(f"{field} must be a number, got {shown(value)} for {noise.name}.")
    if not whole:
        return float(value)
    if not math.isfinite(value) or value != math.floor(value):
        raise InputError(f"{field} must be a whole number, got {shown(value)} for {noise.name}.")
    return int(value)
