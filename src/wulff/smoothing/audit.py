"""What batches can still change: the same noisy copies, classified in other company.

The noise of a copy never depends on its batch. Its logits may: kernels sum in an order that can depend on the
number of rows. That moves a label only where two logits nearly tie.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from wulff.noises import Noise
from wulff.smoothing.classifier import SMALLEST_BATCH, not_a_number
from wulff.smoothing.policy import DevicePolicy, use_device
from wulff.smoothing.samplers import sampler
from wulff.smoothing.streams import BLOCK, Phase, Streams
from wulff.views import Views

BATCH_SIZES_TO_AUDIT = (1, 7, 16, 64, 256)
"""The batch sizes that are compared by default."""


@dataclasses.dataclass(frozen=True)
class Variation:
    """The same copies, classified in another way than the reference.

    Attributes:
        name: In which way.
        copies: How many were compared.
        labels: How many got another label.
        logits: How many got logits that are not the same to the last bit; None for models without logits.
        largest: The largest difference between two logits; None for models without logits.
        padded: Whether runs never do this, because such batches are padded.
    """

    name: str
    copies: int
    labels: int
    logits: int | None
    largest: float | None
    padded: bool = False


@dataclasses.dataclass(frozen=True)
class Audit:
    """How far the votes of a model depend on how its copies were batched.

    Attributes:
        reference: The batch size that all others are compared with.
        near_ties: Copies whose two largest logits are closer than the largest difference that was seen.
        variations: What was compared.
        not_a_number: How many of the reference's outputs are not a number, for each input with such copies.
        views: Whether the copies are views, and not noisy.
    """

    reference: int
    near_ties: int
    variations: tuple[Variation, ...]
    not_a_number: dict[int, int] = dataclasses.field(default_factory=dict[int, int])
    views: bool = False

    @property
    def moved(self) -> int:
        """The most labels that differed in any comparison of what runs do."""
        return max(v.labels for v in self.variations if not v.padded)

    @property
    def sentence(self) -> str:
        """The finding, in words."""
        lost = f" But {not_a_number(self.not_a_number, views=self.views)}" if self.not_a_number else ""
        return self._finding + lost

    @property
    def _finding(self) -> str:
        checked = [v for v in self.variations if not v.padded]
        copies = checked[0].copies
        if all(v.labels == 0 and not v.logits for v in checked):
            return (
                f"All {copies:,} copies get the same outputs, to the last bit, in every batch that runs use: "
                "votes do not depend on batch size or company."
            )
        if self.moved == 0:
            largest = max(v.largest or 0.0 for v in checked)
            return (
                f"Outputs differ by up to {largest:.1g}, which moved none of {copies:,} labels; "
                f"{self.near_ties:,} copies are such near ties that it could. For the same votes again, use "
                "the batch size that the run recorded."
            )
        return (
            f"Up to {self.moved:,} of {copies:,} labels depend on how copies are batched. For the same votes "
            "again, use the batch size that the run recorded, and deploy the model as it was run."
        )


def audit_batch_invariance(
    model: nn.Module,
    x: Tensor,
    noise: Noise | Views,
    *,
    policy: DevicePolicy | None = None,
    copies: int = 1024,
    batches: Sequence[int] = BATCH_SIZES_TO_AUDIT,
    reference: int = 256,
    seed: int = 0,
) -> Audit:
    """Classify the same noisy copies in batches of several sizes, at other positions, and uncompiled.

    Args:
        model: The base classifier.
        x: Inputs in [0, 1], of shape (inputs, ...).
        noise: The noise of the smoothed classifier, or the views: certificates from all views rest on labels
            that do not depend on the rest of a batch.
        policy: How the model is run.
        copies: How many noisy copies to classify, shared among the inputs.
        batches: Batch sizes; a last batch with fewer rows is padded, so that all have this size.
        reference: The batch size that the others are compared with.
        seed: The seed of the noise.
    """
    policy = policy or DevicePolicy()
    device = use_device(policy.device)
    x = x.to(device)
    noisy = some_copies(x, noise, copies, seed)
    deployed = policy.apply(model)
    with torch.inference_mode():
        expected = _outputs(deployed, noisy, reference)
        shift = reference // 3 + 1
        others = [
            ("other positions", _outputs(deployed, noisy.roll(shift, 0), reference).roll(-shift, 0), False),
            ("reverse order", _outputs(deployed, noisy.flip(0), reference).flip(0), False),
        ]
        for size in batches:
            if size != reference:
                # Each size is compiled by itself, as a run of that batch size would be.
                run = policy.apply(model) if policy.compile else deployed
                padded = size < SMALLEST_BATCH
                others.append((f"batches of {size}", _outputs(run, noisy, size), padded))
        if policy.compile:
            plain = dataclasses.replace(policy, compile=False).apply(model)
            others.append(("not compiled (another classifier)", _outputs(plain, noisy, reference), True))
    variations = tuple(_compare(name, found, expected, padded) for name, found, padded in others)
    ties, lost = _near_ties(expected, variations), _not_a_number(expected, len(x))
    return Audit(reference, ties, variations, lost, isinstance(noise, Views))


def some_copies(x: Tensor, noise: Noise | Views, copies: int, seed: int) -> Tensor:
    """So many noisy copies, or views, shared among the inputs."""
    return some_views(x, noise, copies) if isinstance(noise, Views) else noisy_copies(x, noise, copies, seed)


def noisy_copies(x: Tensor, noise: Noise, copies: int, seed: int) -> Tensor:
    """So many noisy copies, shared among the inputs."""
    noisy = sampler(noise.in_dim(x[0].numel()), None, x.device)
    streams = Streams(x.device, seed)
    blocks = -(-copies // BLOCK)
    out = x.new_empty(blocks * BLOCK, *noise.copy_shape(tuple(x.shape[1:])))
    for block in range(blocks):
        index = block % len(x)  # as in _not_a_number
        random = streams.blocks(index, Phase.ESTIMATION, block // len(x))
        noisy.fill(out[block * BLOCK : (block + 1) * BLOCK], x[index], random)
    return out[:copies]


def some_views(x: Tensor, views: Views, copies: int) -> Tensor:
    """So many views, shared among the inputs; where an input has fewer, they come again in other places."""
    views.check(tuple(x.shape[1:]))
    views.check_inputs(x)
    count = views.count(tuple(x.shape[1:]))
    parts: list[Tensor] = []
    for block in range(-(-copies // BLOCK)):
        first = block // len(x) * BLOCK
        which = torch.arange(first, first + BLOCK, device=x.device) % count
        parts.append(views.views(x[block % len(x)], which))  # as in _not_a_number
    return torch.cat(parts)[:copies]


def _outputs(run: nn.Module, noisy: Tensor, size: int) -> Tensor:
    """The outputs for all copies, in batches of exactly `size` rows."""
    outputs: list[Tensor] = []
    for rows in cast(tuple[Tensor, ...], noisy.split(size)):
        full = (
            rows
            if len(rows) == size
            else torch.cat([rows, rows[:1].expand(size - len(rows), *rows.shape[1:])])
        )
        outputs.append(run(full)[: len(rows)].clone())
    return torch.cat(outputs)


def _compare(name: str, found: Tensor, expected: Tensor, padded: bool) -> Variation:
    if expected.ndim == 1:
        return Variation(name, len(found), int((found != expected).sum()), None, None, padded)
    found, expected = found.double(), expected.double()
    labels = int((_labels(found) != _labels(expected)).sum())
    same = (found == expected) | (found.isnan() & expected.isnan())  # infinities have no difference
    difference = (found - expected).abs().nan_to_num(nan=torch.inf).masked_fill(same, 0.0).amax(dim=1)
    return Variation(name, len(found), labels, int((difference > 0).sum()), float(difference.max()), padded)


def _labels(outputs: Tensor) -> Tensor:
    """The label of each copy; -1 for outputs that are not a number, as when votes are counted."""
    largest, labels = outputs.max(dim=1)
    return labels.masked_fill(~largest.isfinite(), -1)


def _not_a_number(outputs: Tensor, inputs: int) -> dict[int, int]:
    if outputs.ndim == 1:
        return {}
    rows = (_labels(outputs) < 0).nonzero()[:, 0].cpu()
    return dict(sorted(Counter((rows // BLOCK % inputs).tolist()).items()))


def _near_ties(expected: Tensor, variations: Sequence[Variation]) -> int:
    if expected.ndim == 1 or expected.shape[1] < 2:
        return 0
    best = expected.double().topk(2, dim=1).values
    reach = max((v.largest or 0.0 for v in variations if not v.padded), default=0.0)
    return int((best[:, 0] - best[:, 1] <= reach).sum())
