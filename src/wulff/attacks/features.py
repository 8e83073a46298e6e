"""Attacks on features: categories and hidden coordinates are changed greedily, numbers by steps or trials."""

import dataclasses
import functools
from collections.abc import Callable

import torch
from torch import Tensor

from wulff._checks import whole_number
from wulff.attacks.eot import MOST_STEPS
from wulff.attacks.geometry import project, random_point, size, steepest
from wulff.noises import Ablation, Flips, Mixed, Noise, Replacement, Resampling
from wulff.norms import Box, Norm, Scaled, Threat, WithChanges, measured_part
from wulff.smoothing import evaluating

Classifier = Callable[[Tensor], Tensor]


@dataclasses.dataclass(frozen=True)
class FeatureSearch:
    """Changes what an adversary of features may, so that fewer noisy copies have the label.

    Coordinates are changed one after the other, each time the one, among some that are drawn, whose new value
    costs the most votes. Numbers follow the gradient of the smoothed loss where the model has one, and else
    the best of random moves. Whether the label changes is for `Smoothed.predict` to say.

    Attributes:
        steps: Moves of the numbers.
        copies: Noisy copies from which each candidate is told.
        restarts: Attempts, of which every other one begins with the numbers; the best is returned.
        width: Candidates that are compared for each change of a coordinate, and for each random move.
    """

    steps: int = 20
    copies: int = 32
    restarts: int = 2
    width: int = 64

    def __post_init__(self) -> None:
        for name in ("steps", "copies", "restarts", "width"):
            whole_number(name, getattr(self, name), most=MOST_STEPS)

    def __call__(
        self,
        model: Classifier,
        noise: Noise,
        x: Tensor,
        y: int,
        threat: Threat,
        radius: float,
        *,
        pool: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """An input within the threat at which the label y is less likely, in the shape of x.

        Args:
            model: The base classifier; returns logits or labels.
            noise: The noise, with its dimension.
            x: One input.
            y: The label that is to be changed.
            threat: `l0`, or a norm, also in units of the scales; of mixed noise one of its steps.
            radius: Numbers are moved by less; in `l0`, how many coordinates change.
            pool: Inputs of the data set: values that hidden coordinates may be given.
            generator: The source of randomness, on the device of x.
        """
        changes = changes_of(threat, radius)
        with evaluating(model) as fixed:
            search = _Search(self, fixed, noise, x, y, threat, radius, pool.to(x), generator)
            attempts = [search.attempt(changes, numbers_first=bool(i % 2)) for i in range(self.restarts)]
            if len(attempts) == 1:
                return attempts[0]
            return attempts[int(search.kept(torch.stack(attempts), 4 * self.copies).argmin())]


def changes_of(threat: Threat, radius: float) -> int:
    """How many coordinates may change to whatever else."""
    if isinstance(threat, WithChanges):
        return threat.changed
    return int(radius) if threat == Norm.L0 else 0


def units_of(noise: Noise, threat: Threat, like: Tensor) -> Tensor:
    """By what a number's change is divided before it is measured; 0 for what is no number, or is fixed."""
    units = torch.zeros(like.numel(), dtype=torch.float64, device=like.device)
    numbers, places = noise, list(range(like.numel()))
    if isinstance(noise, Mixed):
        numbers, places = noise.of_numbers(), noise.numeric(like.numel())
    if threat == Norm.L0 or isinstance(numbers, Replacement):
        return units.view_as(like)
    scales = torch.ones(len(places)) if numbers.scales is None else torch.tensor(numbers.scales)
    scales = scales.to(units)
    units[places] = scales if isinstance(measured_part(threat), Scaled) else (scales > 0).to(units)
    return units.view_as(like)


def norm_of(threat: Threat) -> Norm:
    """How changes of numbers are measured, in their units."""
    measured = measured_part(threat)
    return measured.norm if isinstance(measured, Scaled | Box) else measured


def distance(shown: Tensor, x: Tensor, units: Tensor, norm: Norm) -> float:
    """How far the numbers have moved, in their units and in float64."""
    moved = torch.where(units > 0, (shown.double() - x.double()) / units.clamp_min(1e-300), 0.0)
    return float(size(moved[None], norm)[0])


@dataclasses.dataclass(frozen=True, eq=False)
class _Search:
    """One input under attack, by the arguments of a `FeatureSearch`."""

    method: FeatureSearch
    model: Classifier
    noise: Noise
    x: Tensor
    y: int
    threat: Threat
    radius: float
    pool: Tensor
    generator: torch.Generator

    @functools.cached_property
    def norm(self) -> Norm:
        return norm_of(self.threat)

    @functools.cached_property
    def units(self) -> Tensor:
        return units_of(self.noise, self.threat, self.x)

    @functools.cached_property
    def groups(self) -> Tensor:
        """The numbers of an input that count as one coordinate, of shape (coordinates, numbers of each)."""
        numbers, device = self.x.numel(), self.x.device
        if isinstance(self.noise, Mixed):
            return torch.tensor(self.noise.columns, device=device)[:, None]
        channels = self.noise.channels if isinstance(self.noise, Ablation) else 1
        return torch.arange(numbers, device=device).view(channels, -1).T.contiguous()

    @functools.cached_property
    def values(self) -> Tensor | None:
        """How many values each coordinate has; None where it may have any."""
        categories = self.noise.of_categories() if isinstance(self.noise, Mixed) else self.noise
        if isinstance(categories, Resampling):
            return torch.tensor(categories.values_of(len(self.groups)), device=self.x.device)
        return (
            torch.full((len(self.groups),), 2, device=self.x.device)
            if isinstance(categories, Flips)
            else None
        )

    @functools.cached_property
    def has_gradients(self) -> bool:
        """Whether outputs for noisy copies have gradients by the numbers."""
        if not bool((self.units > 0).any()):
            return False
        x = self.x.clone()[None].requires_grad_()
        with torch.enable_grad():
            outputs = self.model(self._copies(x, 1))
        return outputs.ndim == 2 and outputs.requires_grad

    def attempt(self, changes: int, *, numbers_first: bool) -> Tensor:
        """One way through: categories and numbers, or the other way round."""
        shown = self._moved(self.x, at_random=True) if numbers_first else self.x
        shown = self._changed(shown, changes)
        return shown if numbers_first else self._moved(shown, at_random=False)

    def kept(self, rows: Tensor, copies: int) -> Tensor:
        """How many noisy copies of each input keep the label, as a share; probabilities count, too."""
        shares = [self._share(part, copies) for part in list[Tensor](rows.split(max(1, 4096 // copies)))]
        return torch.cat(shares)

    def _share(self, rows: Tensor, copies: int) -> Tensor:
        with torch.no_grad():
            outputs = self.model(self._copies(rows, copies))
        if outputs.ndim == 1:
            found = (outputs == self.y).double()
        else:
            found = (outputs.argmax(1) == self.y).double() + outputs.double().softmax(1)[:, self.y]
        return found.view(copies, len(rows)).mean(0)

    def _copies(self, rows: Tensor, copies: int) -> Tensor:
        several = torch.cat([rows] * copies)
        if isinstance(self.noise, Replacement):
            return self.noise.replace(several, len(several), self.generator)
        return several + self.noise.sample(tuple(several.shape), generator=self.generator, dtype=rows.dtype)

    def _changed(self, shown: Tensor, changes: int) -> Tensor:
        """So many coordinates with new values, one after the other."""
        free = torch.arange(len(self.groups), device=shown.device)
        for _ in range(min(changes, len(free))):
            places = free[self._draw(len(free))]
            rows = shown[None].repeat(self.method.width, *[1] * shown.ndim)
            flat, where = rows.view(len(rows), -1), self.groups[places]
            flat.scatter_(1, where, self._new_values(flat.gather(1, where), places))
            best = int(self.kept(rows, self.method.copies).argmin())
            shown, free = rows[best], free[free != places[best]]
        return shown

    def _new_values(self, old: Tensor, places: Tensor) -> Tensor:
        """A value for a place of each: another category, one of the pool, or the other end of [0, 1]."""
        if self.values is not None:
            most = self.values[places, None]
            step = 1 + (self._uniform(old) * (most - 1)).long().clamp(max=most - 2)
            return (old + step) % most
        donors = self.pool.flatten(1)[self._draw(len(self.pool))]
        found = donors.gather(1, self.groups[places])
        if isinstance(self.noise, Ablation) and not self.noise.own_units:
            return torch.where(self._uniform(old[:, :1]) < 0.5, 1 - old.round(), found)
        return found

    def _draw(self, below: int) -> Tensor:
        """As many numbers as candidates are compared."""
        device = self.x.device
        return torch.randint(below, (self.method.width,), generator=self.generator, device=device)

    def _uniform(self, like: Tensor) -> Tensor:
        return torch.rand(like.shape, generator=self.generator, device=like.device)

    def _moved(self, shown: Tensor, *, at_random: bool) -> Tensor:
        """The numbers moved within the radius; the others stay as they are."""
        if not bool((self.units > 0).any()) or not self.radius > 0:
            return shown
        move = self._by_gradients if self.has_gradients else self._by_trials
        limit = torch.tensor([self.radius], dtype=torch.float64, device=shown.device)
        moved = move(shown, limit, at_random)
        for _ in range(60):
            if distance(moved, self.x, self.units, self.norm) < self.radius:
                return moved
            moved = self._at(shown, (moved.double() - shown.double()) / self.units.clamp_min(1e-300) * 0.999)
        return shown

    def _at(self, shown: Tensor, w: Tensor) -> Tensor:
        """The input moved by w, in units; immutable coordinates and categories stay."""
        in_box = isinstance(measured_part(self.threat), Box)
        moved = torch.where(self.units > 0, shown.double() + w.double() * self.units, shown.double())
        moved = torch.where(self.units > 0, moved.clamp(0, 1), moved) if in_box else moved
        return moved.to(shown)

    def _by_gradients(self, shown: Tensor, limit: Tensor, at_random: bool) -> Tensor:
        noisy = self.units > 0
        w = torch.zeros_like(shown)[None]
        if at_random:
            w = random_point(w, self.norm, limit, self.generator) * noisy
        length = 2.5 * self.radius / self.method.steps
        labels = torch.full((self.method.copies,), self.y, device=shown.device)
        for _ in range(self.method.steps):
            w.requires_grad_()
            with torch.enable_grad():
                moved = shown + w[0] * self.units.to(shown)
                logits = self.model(self._copies(moved[None], self.method.copies)).log_softmax(1)
                kept = logits.gather(1, labels[:, None]).logsumexp(0).sum()
                (gradient,) = torch.autograd.grad(-kept, [w])
            w = project(w.detach() + length * steepest(gradient, self.norm), self.norm, limit) * noisy
        return self._at(shown, w[0].detach())

    def _by_trials(self, shown: Tensor, limit: Tensor, at_random: bool) -> Tensor:
        """The best of random moves, again and again, far ones and near ones in turn."""
        noisy, many = self.units > 0, self.method.width
        w = torch.zeros_like(shown)[None]
        for step in range(self.method.steps):
            like = torch.zeros(many, *shown.shape, dtype=shown.dtype, device=shown.device)
            away = random_point(
                like, self.norm, limit.expand(many) * (1.0 if step % 2 else 4.0), self.generator
            )
            tried = project((w * (step > 0) + away * noisy), self.norm, limit.expand(many))
            tried = torch.cat([w, tried])
            rows = torch.stack([self._at(shown, one) for one in tried])
            w = tried[int(self.kept(rows, self.method.copies).argmin())][None]
        return self._at(shown, w[0])
