"""Rows of a table as a network takes them: numbers standardised, categories one number for each value."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Encoder(nn.Module):
    """Standardises the numbers of a row, and puts 1 in the place of each category's value, 0 in the others.

    What is no category, such as the value that ablation hides others with, is 0 in all of them.

    Args:
        columns: How many values each column has; 0 for a column of numbers.
    """

    mean: Tensor
    std: Tensor
    source: Tensor
    value: Tensor

    def __init__(self, columns: Sequence[int]) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.register_buffer("mean", torch.zeros(len(columns)))
        self.register_buffer("std", torch.ones(len(columns)))
        source = [place for place, count in enumerate(columns) for _ in range(max(1, count))]
        value = [own if count else -1 for count in columns for own in range(max(1, count))]
        self.register_buffer("source", torch.tensor(source), persistent=False)
        self.register_buffer("value", torch.tensor(value), persistent=False)

    @property
    def width(self) -> int:
        """How many numbers a row becomes."""
        return sum(max(1, count) for count in self.columns)

    def fit(self, rows: Tensor) -> None:
        """Take mean and deviation of the numbers from training rows, of shape (rows, columns)."""
        std, mean = torch.std_mean(rows.double(), dim=0, correction=0)
        self.mean.copy_(mean)
        self.std.copy_(torch.where(std > 0, std, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        spread = x[:, self.source]
        numbers = ((x - self.mean) / self.std)[:, self.source]
        return torch.where(self.value < 0, numbers, (spread == self.value).to(x.dtype))
