"""What a run leaves open of how its model is run: kept where it is resumed, else guessed or measured."""

import dataclasses
import time
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from wulff._warnings import warn
from wulff.backends import Function
from wulff.backends.denoisers import is_random
from wulff.backends.runtimes import Runtime, installed
from wulff.errors import InputError
from wulff.noises import Noise
from wulff.runs.classifiers import on_runtime
from wulff.runs.document import Made
from wulff.runs.vote_spec import VoteSpec
from wulff.smoothing import DevicePolicy
from wulff.smoothing.audit import some_copies
from wulff.smoothing.batch_size import rate
from wulff.smoothing.tuning import PLAIN, SHARE, WORTH, Tuning, bfloat16_speed, tune
from wulff.views import Views

ON_A_RUNTIME = dataclasses.replace(PLAIN, batch=64)
"""How models run on other runtimes, whose speed depends little on the batch."""
EXPORTING = 10.0
"""Another runtime is tried where so many seconds may be spent on it."""
INPUTS = 8
"""From so many inputs of a run are the copies on which its model is tried out."""
COPIES = 64
AnyVoteSpec = TypeVar("AnyVoteSpec", bound=VoteSpec)


class Tuned(NamedTuple):
    """How the model of a run is run.

    Attributes:
        tuning: In which batches, in which memory format, and whether compiled.
        runtime: What computes its outputs.
        measured: What the record says of it.
        function: What computes them, where another runtime was found to be faster than torch.
    """

    tuning: Tuning
    runtime: Runtime
    measured: dict[str, Any]
    function: Function | None = None

    def fill(self, spec: AnyVoteSpec) -> AnyVoteSpec:
        """The spec with nothing left open."""
        return dataclasses.replace(
            spec,
            batch=self.tuning.batch,
            channels_last=self.tuning.channels_last,
            compile=self.tuning.compile,
            runtime=self.runtime,
        )


def with_kept_runtime(spec: AnyVoteSpec, stored: Made | None) -> AnyVoteSpec:
    """The spec with the runtime of the run to be resumed, where it leaves that open."""
    before = stored.spec if stored and isinstance(stored.spec, VoteSpec) else None
    if spec.runtime != "auto" or before is None:
        return spec
    asked = spec.device != "cpu" or spec.dtype != "float32" or spec.compile or spec.channels_last
    return dataclasses.replace(spec, runtime="torch" if asked else before.runtime)


def tuned(
    spec: VoteSpec,
    model: nn.Module | None,
    x: Tensor,
    inputs: int,
    noise: Noise | Views,
    stored: Made | None,
) -> Tuned:
    """How the model of a run is run, as far as the spec leaves it open.

    Args:
        spec: What is asked for.
        model: The model; None for functions, which run as they are.
        x: The first inputs of the run.
        inputs: How many it has.
        noise: The noise, in their dimension, or the views.
        stored: What the run to be resumed was made of, if there is one.
    """
    asked = Tuning(
        batch=None if spec.batch == "auto" else spec.batch,
        channels_last=spec.channels_last,
        compile=spec.compile,
    )
    runtime: Runtime = "torch" if spec.runtime == "auto" else spec.runtime
    before = stored.spec if stored and isinstance(stored.spec, VoteSpec) else None
    if before is not None and before.batch != "auto":
        known = Tuning(batch=before.batch, channels_last=before.channels_last, compile=before.compile)
        measured = {"samples_per_second": stored.facts.rates} if stored and stored.facts.rates else {}
        return Tuned(asked.or_else(known).or_else(PLAIN), runtime, measured)
    if model is None:
        return Tuned(asked.or_else(PLAIN if runtime == "torch" else ON_A_RUNTIME), runtime, {})
    policy = DevicePolicy(device=spec.device, dtype=spec.dtype)
    copies = some_copies(x[:INPUTS], noise, COPIES, seed=0)
    if (slow := bfloat16_speed(model, copies, policy)) is not None:
        warn(
            f"this processor has no instructions for bfloat16, which runs at {slow:.2g} times the speed "
            "of float32; leave the dtype out."
        )
    if not asked.is_open:
        return Tuned(asked, runtime, {})
    began, expected = time.perf_counter(), inputs * spec.copies(tuple(x.shape[1:]))
    others = _others(spec, model)
    first = dataclasses.replace(asked, compile=False) if others and asked.compile is None else asked
    found = tune(model, copies, policy, first, expected)
    if not found.rates:
        return Tuned(found, runtime, {})
    rates, best = dict(found.rates), max(found.rates.values())
    function: Function | None = None
    budget = SHARE * expected / best
    for name in others:
        if budget - (time.perf_counter() - began) > EXPORTING:
            batch = asked.batch or ON_A_RUNTIME.batch
            assert batch is not None
            other, speed = _on(name, spec, model, noise, x, copies, batch)
            if other is not None:
                rates[f"{batch}, {name}"] = round(speed, 1)
            if other is not None and speed > (1.0 if function else WORTH) * best:
                best, function, runtime = speed, other, name
    if function is not None:
        found = asked.or_else(ON_A_RUNTIME)
    elif first is not asked:  # compilation takes long: it is tried last
        again = dataclasses.replace(asked, batch=found.batch, channels_last=found.channels_last)
        spent = int((time.perf_counter() - began) / SHARE * best)
        found = tune(model, copies, policy, again, max(0, expected - spent))
        rates |= found.rates
    return Tuned(found, runtime, {"samples_per_second": rates}, function)


def _others(spec: VoteSpec, model: nn.Module) -> list[Runtime]:
    """The installed runtimes that may compute what is asked for, but for torch."""
    asked = spec.compile or spec.channels_last is not None or spec.policy != DevicePolicy()
    if spec.runtime != "auto" or asked or is_random(model) or not runs_in_single_precision(model):
        return []
    return installed()


def _on(
    name: Runtime,
    spec: VoteSpec,
    model: nn.Module,
    noise: Noise | Views,
    x: Tensor,
    copies: Tensor,
    batch: int,
) -> tuple[Function | None, float]:
    """The model on a runtime, with its samples per second; None where its outputs are others or none."""
    try:
        function, _ = on_runtime(model, dataclasses.replace(spec, runtime=name), noise, x[:INPUTS])
        rows = torch.cat([copies] * -(-batch // len(copies)))[:batch]
        function(rows)
        return function, rate(function, rows)
    except (InputError, RuntimeError):
        return None, 0.0


def runs_in_single_precision(model: object) -> bool:
    """Whether a model is a module on the CPU whose numbers are all float32, as a policy makes them."""
    if not isinstance(model, nn.Module):
        return False
    tensors = [*model.parameters(), *model.buffers()]
    return all(t.device.type == "cpu" for t in tensors) and all(
        t.dtype == torch.float32 for t in tensors if t.is_floating_point() or t.is_complex()
    )
