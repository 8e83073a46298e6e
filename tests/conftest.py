"""Shared fixtures. Published data is looked for beside the checkout; tests that need it say so if absent."""

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)
SHARED = Path(os.environ.get("WULFF_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def published_data() -> Path:
    """The folder of published logs and reference radii."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip(f"published data not found at {data}; set WULFF_SHARED")
    return data
