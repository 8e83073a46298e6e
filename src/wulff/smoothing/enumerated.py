"""The classifier that takes the majority of all views of an input: certain, and without noise."""

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from wulff import views as view_families
from wulff._checks import whole_number
from wulff._typing import FloatArray, IntArray
from wulff.errors import InputError
from wulff.smoothing.batch_size import DEFAULT_BATCH
from wulff.smoothing.checks import check_images
from wulff.smoothing.copies import ViewCopies
from wulff.smoothing.majority import Majority, warn_of_not_a_number
from wulff.smoothing.policy import DevicePolicy
from wulff.smoothing.streams import Phase, Seed
from wulff.smoothing.voting import FixedQuota
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
        return enumerated_statement(self.views, self.top)


def enumerated_statement(views: Views, top: int = 1) -> str:
    """What certificates from all views guarantee, in words.

    Args:
        views: The family.
        top: Among how many classes the label stays.
    """
    said = views.statement()
    if top > 1:
        said = said.replace("g(x') is the label", f"the label is among the {top} first of g(x')", 1)
    return (
        f"For each input x with a label other than -1: {said} g(x) is the class that the base classifier "
        f"returns for most of the views {views} of x, the smallest of several. There is no alpha."
    )


class Enumerated(Majority):
    """g(x): the most frequent label of f on all views of x; of several, the smallest one.

    Args:
        model: f, from views in [0, 1], of shape (rows, ...), to logits or integer labels; outputs that are
            not a number abstain. Modules are run in evaluation mode.
        views: A family of views, or its spec string, such as `splitting(sigma=0.5)` or `bands(width=4)`.
        num_classes: The number of labels; may be left out where the model says it, as estimators do.
        batch: How many views are classified at once. Every batch is filled up to it, so that a view gets the
            same label wherever it stands: certificates rest on it.
        policy: How the model is run: device, precision, compilation. By default where and as it is.
        trained_on: The views that the model was trained on, as the description of its weights names them;
            splitting with other splits than those of the training is refused. None where it is not known.

    Raises:
        InputError: An argument is not of this form.
    """

    always_full = True

    def __init__(
        self,
        model: Callable[[Tensor], Tensor],
        views: Views | str,
        num_classes: int | None = None,
        *,
        batch: int = DEFAULT_BATCH,
        policy: DevicePolicy | None = None,
        trained_on: Views | str | None = None,
    ) -> None:
        super().__init__(model, num_classes, batch=batch, policy=policy)
        self.views = view_families.parse(views)
        if trained_on is not None:
            self.views.check_training(view_families.parse(trained_on))

    def source(self, seed: Seed) -> ViewCopies:
        return ViewCopies(self.views)

    def check_inputs(self, x: Tensor) -> Tensor:
        x = check_images(x)
        self.views.check(tuple(x.shape[1:]))
        self.views.check_inputs(x)
        return x

    def quota(self, shape: tuple[int, ...]) -> FixedQuota:
        """How many copies of an input of that shape are wanted: all of its views."""
        return FixedQuota({Phase.ENUMERATION: self.views.count(shape)})

    def votes(self, x: Tensor) -> IntArray:
        """How many views of each input each class gets, of shape (inputs, classes).

        Args:
            x: Inputs in [0, 1], of shape (inputs, ...).

        Raises:
            InputError: The family is not for such inputs, or the model returns no labels.
        """
        if isinstance(x, Tensor) and x.ndim > 1 and len(x) == 0:
            return np.zeros((0, self.num_classes), dtype=np.int64)
        x = self.check_inputs(x)
        votes = self._vote(x, self.quota(tuple(x.shape[1:])))
        warn_of_not_a_number(votes, views=True)
        return np.stack([vote.counts[Phase.ENUMERATION] for vote in votes])

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
