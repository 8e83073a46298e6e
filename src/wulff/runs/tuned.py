"""What a run leaves open of how its model is run: kept where it is resumed, else guessed or measured."""

import dataclasses
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from wulff._warnings import warn
from wulff.noises import Noise
from wulff.runs.document import Made
from wulff.runs.vote_spec import VoteSpec
from wulff.smoothing import DevicePolicy
from wulff.smoothing.audit import some_copies
from wulff.smoothing.tuning import PLAIN, Tuning, bfloat16_speed, tune
from wulff.views import Views

ON_A_RUNTIME = dataclasses.replace(PLAIN, batch=64)
"""How models run on other runtimes, whose speed depends little on the batch."""
INPUTS = 8
"""From so many inputs of a run are the copies on which its model is tried out."""
COPIES = 64
AnyVoteSpec = TypeVar("AnyVoteSpec", bound=VoteSpec)


def tuned(
    spec: AnyVoteSpec,
    model: nn.Module | None,
    x: Tensor,
    inputs: int,
    noise: Noise | Views,
    stored: Made | None,
) -> tuple[AnyVoteSpec, dict[str, Any]]:
    """The spec with nothing left open of how its model is run, and what was measured.

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
    measured: dict[str, Any] = {}
    before = stored.spec if stored and isinstance(stored.spec, VoteSpec) else None
    if before is not None and before.batch != "auto":
        known = Tuning(batch=before.batch, channels_last=before.channels_last, compile=before.compile)
        found = asked.or_else(known).or_else(PLAIN)
        rates = stored.facts.engine.get("samples_per_second") if stored else None
        measured = {"samples_per_second": rates} if rates else {}
    elif model is None:
        found = asked.or_else(PLAIN if spec.runtime == "torch" else ON_A_RUNTIME)
    else:
        policy = DevicePolicy(device=spec.device, dtype=spec.dtype)
        found = asked
        copies = some_copies(x[:INPUTS], noise, COPIES, seed=0)
        if (slow := bfloat16_speed(model, copies, policy)) is not None:
            warn(
                f"this processor has no instructions for bfloat16, which runs at {slow:.2g} times the speed "
                "of float32; leave the dtype out."
            )
        if asked.is_open:
            found = tune(model, copies, policy, asked, inputs * spec.copies(tuple(x.shape[1:])))
            measured = {"samples_per_second": dict(found.rates)} if found.rates else {}
    filled = dataclasses.replace(
        spec, batch=found.batch, channels_last=found.channels_last, compile=found.compile
    )
    return filled, measured


def runs_in_single_precision(model: object) -> bool:
    """Whether a model is a module on the CPU whose numbers are all float32, as a policy makes them."""
    if not isinstance(model, nn.Module):
        return False
    tensors = [*model.parameters(), *model.buffers()]
    return all(t.device.type == "cpu" for t in tensors) and all(
        t.dtype == torch.float32 for t in tensors if t.is_floating_point() or t.is_complex()
    )
