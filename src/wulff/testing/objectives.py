"""What every training method must obey."""

import math

import torch
from torch import nn

from wulff.noises import parse
from wulff.training import Objective, objective_spec, parse_objective


def check_objective(objective: Objective, noise: str = "gaussian(sigma=0.25)") -> None:
    """Check that a training method is written and read as text, and that its loss falls when it is followed.

    Raises:
        AssertionError: The method breaks its contract.
    """
    assert parse_objective(objective_spec(objective)) == objective
    law = parse(noise)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(32, 1, 4, 4, generator=generator)
    y = (x.flatten(1)[:, 0] > 0.5).long()

    def losses(steps: int) -> list[float]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        draws = torch.Generator().manual_seed(1)
        found: list[float] = []
        for _ in range(steps):
            loss = objective(model.train(), x, y, law, draws, 1)
            assert loss.shape == (), "a loss is one number"
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(float(loss.detach()))
        return found

    found = losses(60)
    assert all(map(math.isfinite, found))
    assert found[:3] == losses(3), "all randomness comes from the generator"
    assert sum(found[-10:]) < sum(found[:10]), "the loss does not fall"
