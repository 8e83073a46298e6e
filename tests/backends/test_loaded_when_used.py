"""The libraries of other people's models are loaded when a model needs them, and never before."""

import json
import subprocess
import sys

LIBRARIES = [
    "onnxruntime",
    "skops",
    "xgboost",
    "lightgbm",
    "timm",
    "transformers",
    "urllib3",
    "pandas",
    "datasets",
]
PROGRAM = f"""
import json, sys
import torch
import wulff
import wulff.cli.app
from wulff import backends, runs, smoothing

x = torch.rand(2, 1, 4, 4)
run = wulff.certify(lambda x: x.flatten(1), x, noise="gaussian(sigma=0.25)", n0=10, n=50, progress=False)
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2))
wulff.certify(wulff.Denoised(lambda x: x, net), x, noise="gaussian(sigma=0.25)", n0=10, n=50, progress=False)
print(json.dumps([name for name in {LIBRARIES} if name in sys.modules]))
"""


def test_no_library_is_loaded_before_it_is_used() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []
