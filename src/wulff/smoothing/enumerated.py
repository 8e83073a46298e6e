"""The classifier that takes the majority of all views of an input: certain, and without noise."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wulff import views as view_families
from wulff._checks import whole_number
from wulff._typing import FloatArray, IntArray
from wulff.backends import adapt
from wulff.errors import InputError
from wulff.smoothing.classifier import SMALLEST_BATCH, Voter
from wulff.smoothing.fixed import Fixed, check_fixed, evaluating
from wulff.stats import check_sample_size
from wulff.views import Views


@dataclasses.dataclass(frozen=True)
class ViewCertification:
    """What is certain for each of m inputs.

    Attributes:
        label: The most frequent label of all views, the smallest of several; -1 where every view abstains.
        radius: The size of the perturbations that cannot change it, as `statement` says; 0 for none.
        slack: How many views may change before the label can, or leaves the first `top`; shape (m,).
        votes: How many views each class got, of shape (m, classes).
        views: The family.
        top: Among how many classes the label stays; 1 for the label itself.
    """

    label: IntArray
    radius: FloatArray
    slack: IntArray
    votes: IntArray
    views: Views
    top: int = 1

    @property
    def statement(self) -> str:
        """What is guaranteed, in words."""
        said = self.views.statement()
        if self.top > 1:
            said = said.replace("g(x') is the label", f"the label is among the {self.top} first of g(x')", 1)
        return said


class Enumerated(nn.Module):
    """g(x): the most frequent label of f on all views of x; of several, the smallest one.

    Args:
        model: f, from views in [0, 1], of shape (rows, ...), to logits or integer labels; outputs that are
            not a number abstain. Modules are run in evaluation mode.
        views: A family of views, or its spec string, such as `splitting(sigma=0.5)` or `bands(width=4)`.
        num_classes: The number of labels.
        batch: How many views are classified at once. Every batch is filled up to it, so that a view gets the
            same label wherever it stands: certificates rest on it.

    Raises:
        InputError: An argument is not of this form.
    """

    def __init__(
        self, model: Callable[[Tensor], Tensor], views: Views | str, num_classes: int, *, batch: int = 256
    ) -> None:
        super().__init__()
        check_fixed(model)
        self.model = model if isinstance(model, nn.Module) else adapt(model).function
        self.views = view_families.parse(views)
        self.num_classes = check_sample_size(num_classes, "num_classes")
        self.batch = max(check_sample_size(batch, "batch"), SMALLEST_BATCH)

    def votes(self, x: Tensor) -> IntArray:
        """How many views of each input each class gets, of shape (inputs, classes).

        Args:
            x: Inputs in [0, 1], of shape (inputs, ...).

        Raises:
            InputError: The family is not for such inputs, or the model returns no labels.
        """
        if not isinstance(x, Tensor) or x.ndim < 2:
            raise InputError("x must be a tensor of shape (inputs, ...).")
        shape = tuple(x.shape[1:])
        self.views.check(shape)
        with evaluating(self.model) as fixed, torch.inference_mode():
            return np.stack([self._votes(fixed, one) for one in x]) if len(x) else self._none()

    def certify(self, x: Tensor, *, top: int = 1) -> ViewCertification:
        """The label of each input and the perturbations that cannot change it.

        Args:
            x: Inputs in [0, 1], of shape (inputs, ...).
            top: Among how many classes the label is to stay.
        """
        return certify_votes(self.votes(x), self.views, tuple(x.shape[1:]), top=top)

    def predict(self, x: Tensor) -> IntArray:
        """The label of each input; -1 where every view abstains."""
        return view_families.label_and_slack(self.votes(x))[0]

    def forward(self, x: Tensor) -> Tensor:
        """`predict`, as a tensor on the inputs' device."""
        return torch.from_numpy(self.predict(x)).to(x.device)

    def _votes(self, fixed: Fixed, x: Tensor) -> IntArray:
        voter = Voter(self.num_classes, at_least=self.batch)
        tally = torch.zeros(voter.bins, dtype=torch.int64, device=x.device)
        for which in torch.arange(self.views.count(tuple(x.shape)), device=x.device).split(self.batch):
            bins = voter(fixed, self.views.views(x, which))
            tally += torch.bincount(bins, minlength=voter.bins)
        counts = tally.cpu().numpy()
        if counts[self.num_classes + 1]:
            raise InputError(
                f"the model returned labels outside 0 ... {self.num_classes - 1}; set num_classes to one "
                "more than the largest label."
            )
        return counts[: self.num_classes]

    def _none(self) -> Any:
        return np.zeros((0, self.num_classes), dtype=np.int64)


def certify_votes(
    votes: IntArray, views: Views, shape: tuple[int, ...], *, top: int = 1
) -> ViewCertification:
    """The certification that exact counts give.

    Args:
        votes: How many views of each input each class got, of shape (inputs, classes).
        views: The family.
        shape: The shape of one input.
        top: Among how many classes the label is to stay.

    Raises:
        InputError: The votes are not those of all views, or `top` is not less than the number of classes.
    """
    views, top = view_families.parse(views), whole_number("top", top)
    views.check(shape)
    label, slack = view_families.label_and_slack(votes)
    if (np.asarray(votes).sum(axis=1) > views.count(shape)).any():
        raise InputError(f"the votes are more than the {views.count(shape)} views of {views}.")
    if top != 1:
        slack = np.where(label < 0, 0, view_families.top_slack(votes, np.maximum(label, 0), top))
    radius = np.array([views.reach(int(k), shape).radius for k in slack])
    return ViewCertification(label, np.where(label < 0, 0.0, radius), slack, np.asarray(votes), views, top)
