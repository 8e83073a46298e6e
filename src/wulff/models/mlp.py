"""A fully connected net, for inputs of any shape [Yang et al. 2020, section C.1]."""

import math

from torch import nn

from wulff.models.normalize import Normalize


class MLP(nn.Sequential):
    """Hidden layers of 2048 and 512 units with ReLU; normalisation is the first layer."""

    def __init__(self, input_shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__(
            Normalize(mean=0.5, std=0.25),
            nn.Flatten(),
            nn.Linear(math.prod(input_shape), 2048),
            nn.ReLU(),
            nn.Linear(2048, 512),
            nn.ReLU(),
            nn.Linear(512, num_classes),
        )
