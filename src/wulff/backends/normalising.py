"""A normalisation that the user says, in front of a model that does none of its own."""

import dataclasses
from typing import final

from torch import Tensor, nn

from wulff.backends.base import Classifier, Function
from wulff.errors import InputError
from wulff.models.normalize import Normalisation, Normalize


@final
class NormalisedFunction:
    """A function of normalised inputs, as one of pixels."""

    def __init__(self, layer: Normalize, function: Function) -> None:
        self.layer = layer.eval()
        self.function = function

    def __call__(self, batch: Tensor) -> Tensor:
        return self.function((batch - self.layer.mean.to(batch)) / self.layer.std.to(batch))


def normalised(classifier: Classifier, given: Normalisation | None, source: str) -> Classifier:
    """A classifier that normalises its inputs as the user says, where it does nothing of its own.

    Args:
        classifier: The classifier.
        given: What the user says; None where nothing is said, so that nothing is done.
        source: What the classifier is called in messages.

    Raises:
        InputError: It normalises its inputs in another way by itself.
    """
    known = classifier.normalisation
    if known is not None and given is not None and str(given) != known:
        raise InputError(
            f"{source} normalises its inputs by itself, by {known}, got {given}; leave normalisation out.",
            "normalisation",
        )
    if known is not None:
        return classifier
    if given is None or str(given) == "none":
        return dataclasses.replace(classifier, normalisation="none")
    layer, function = given.layer(), classifier.function
    joined: Function = (
        nn.Sequential(layer, function).eval()
        if isinstance(function, nn.Module)
        else NormalisedFunction(layer, function)
    )
    return dataclasses.replace(classifier, function=joined, normalisation=str(given))
