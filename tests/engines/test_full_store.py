"""Inputs pass through a small object store of Ray; where it and the disk are full, one line says so."""

import os
import subprocess
import sys

import pytest

from tests.nightly import NIGHTLY

pytest.importorskip("ray")

PROGRAM = """
import numpy as np, ray, torch
from wulff.engines import LocalEngine, RayEngine
from wulff.errors import RunError
from wulff.smoothing import FixedQuota, Phase, Smoothed

full = {"local_fs_capacity_threshold": 0.0001, "local_fs_monitor_interval_ms": 100}  # no room on the disk
ray.init(num_cpus=1, object_store_memory=80 * 2**20, include_dashboard=False, log_to_driver=False,
         logging_level="error", _system_config=full)

class First(torch.nn.Module):
    def __init__(self, size=4):
        super().__init__()
        self.weights = torch.nn.Parameter(torch.ones(size))
    def forward(self, batch):
        return batch.flatten(1)[:, :4] * self.weights[:4]

def votes(engine, model, inputs):
    pairs = ((i, torch.full((1, SIDE, SIDE), i / 100)) for i in range(inputs))
    smoothed = Smoothed(model, "uniform(scale=1)", 4, batch=8)
    found = engine.map(smoothed, FixedQuota({Phase.ESTIMATION: 8}), 1, pairs)
    return [votes.counts[Phase.ESTIMATION].tolist() for votes in found]

assert votes(RayEngine(), First(), INPUTS) == votes(LocalEngine(), First(), INPUTS)
try:
    votes(RayEngine(), First(30 * 2**20), 1)
except RunError as error:
    print(error)
"""


def test_a_full_object_store() -> None:
    """Every night twice its size passes through it; a model that is larger than the store cannot."""
    program = PROGRAM.replace("INPUTS", "40").replace("SIDE", "1024" if NIGHTLY else "16")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Ray's object store is full, and so is the disk behind it; everything")
    assert "--object-store-memory" in done.stdout
