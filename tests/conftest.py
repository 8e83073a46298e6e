"""Shared fixtures. Published data is looked for beside the checkout; tests that need it say so if absent."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of every library and process: the tests run side by side

import pytest
import torch
from hypothesis import settings

from wulff.engines import starting

torch.set_num_threads(1)
# Workers of all tests are forked from one process, which loads what any of them needs.
starting.PRELOADED += ["wulff.cli.train", "wulff.cli.certify", "wulff.runs.in_python", "sklearn.datasets"]
starting.PRELOADED += ["torch._dynamo"]  # by optimizers
# The same draws in every run, so that a red run is about the change; WULFF_NIGHTLY=1 looks further.
settings.register_profile("everyday", derandomize=True, deadline=None)
settings.register_profile("nightly", deadline=None, max_examples=2000)
settings.load_profile("nightly" if os.environ.get("WULFF_NIGHTLY") else "everyday")

SHARED = Path(os.environ.get("WULFF_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--budget", type=float, help="Seconds of CPU time per process; later tests are skipped.")


def pytest_runtest_setup(item: pytest.Item) -> None:
    budget = item.config.getoption("--budget")
    if budget is not None and sum(os.times()[:4]) > budget:
        pytest.skip(f"not run: {budget:g} seconds of CPU time are over")


@pytest.fixture(scope="session")
def published_data() -> Path:
    """The folder of published logs and reference radii."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip(f"published data not found at {data}; set WULFF_SHARED")
    return data
