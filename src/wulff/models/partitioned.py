"""Classifiers of the disjoint parts of a training set, as one model that is told which of them answers."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

PARTS = "parts:"
"""How such architectures begin: `parts:20:cnn` is 20 networks `cnn`."""
ROWS = 16
"""So many rows go through a network at once: its answers must not depend on how many others are asked."""


class Partitioned(nn.Module):
    """n networks; the last channel of an input, or its last feature, says which one answers.

    Args:
        members: The networks, each trained on its own part of the data alone. They return logits.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of shape (rows, classes)."""
        which = x.flatten(1)[:, -1].round().long().clamp(0, len(self.members) - 1)
        x = x[:, :-1]
        if len(self.members) == 1:
            return self.members[0](x)
        places, answers = [], []
        for number, member in enumerate(self.members):
            for rows in list[Tensor]((which == number).nonzero()[:, 0].split(ROWS)):
                if not len(rows):
                    continue
                full = torch.cat([rows, rows[:1].expand(ROWS - len(rows))])
                places.append(rows)
                answers.append(member(x[full])[: len(rows)])
        return torch.cat(answers)[torch.cat(places).argsort()]


def read_parts(architecture: str) -> tuple[int, str] | None:
    """The number of networks and their architecture in `parts:20:cnn`; None where it is no such name."""
    prefix, _, rest = architecture.partition(":")
    number, _, inner = rest.partition(":")
    if f"{prefix}:" != PARTS or not (number.isascii() and number.isdigit() and len(number) < 7 and inner):
        return None
    return max(1, int(number)), inner


def without_number(input_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what the networks see, of an input with the number of its network."""
    return (input_shape[0] - 1, *input_shape[1:])
