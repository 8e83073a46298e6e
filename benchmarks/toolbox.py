"""How do time and memory compare with the Adversarial Robustness Toolbox's `certify` at equal n?

    make bench NAME=toolbox

The same small net, inputs, noise, level and n, one library after the other, each in a process of its own that
reports its seconds and the growth of its peak of resident memory (on a GPU: of PyTorch's memory there). Both
run in float32 on the same device. The toolbox makes all n copies of an input at once, so that n is limited by
memory: 20,000 at reduced size. `ratio` is its time over the library's, `memory_ratio` its growth over the
library's. It certifies with its own batch size of 128.
"""

import json
import resource
import subprocess
import sys

from _common import DEVICE, FULL, NETS, finish, say, timed

NET = NETS[1]
INPUTS, N0, N, SIGMA, ALPHA, BATCH = 4, 100, 100_000 if FULL else 20_000, 0.5, 1e-3, 128


def peak() -> float:
    """MB."""
    if DEVICE.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def wulff() -> dict[str, float]:
    from wulff import Smoothed

    smoothed = Smoothed(NET.build(), f"gaussian(sigma={SIGMA})", NET.classes, batch=BATCH)
    x = NET.images(INPUTS)
    smoothed.certify(x[:1], n0=BATCH, n=BATCH)
    before = peak()
    return {"seconds": timed(lambda: smoothed.certify(x, "l2", N0, N, ALPHA)), "megabytes": peak() - before}


def toolbox() -> dict[str, float]:
    from art.estimators.certification.randomized_smoothing import PyTorchRandomizedSmoothing
    from torch import nn

    smoothed = PyTorchRandomizedSmoothing(
        NET.build(),
        loss=nn.CrossEntropyLoss(),
        input_shape=NET.shape,
        nb_classes=NET.classes,
        device_type="gpu" if DEVICE.type == "cuda" else "cpu",
        sample_size=N0,
        scale=SIGMA,
        alpha=ALPHA,
    )
    x = NET.images(INPUTS).numpy()
    smoothed.certify(x[:1], n=BATCH, batch_size=BATCH)
    before = peak()
    seconds = timed(lambda: smoothed.certify(x, n=N, batch_size=BATCH))
    return {"seconds": seconds, "megabytes": peak() - before}


def main() -> None:
    found: dict[str, dict[str, float]] = {}
    for name in ("wulff", "toolbox"):
        command = [sys.executable, __file__, name]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found[name] = json.loads(done.stdout.splitlines()[-1])
        say(f"{name:8} {found[name]['seconds']:8.2f} s, peak grows by {found[name]['megabytes']:8.1f} MB")
    ratio = found["toolbox"]["seconds"] / found["wulff"]["seconds"]
    memory = found["toolbox"]["megabytes"] / max(found["wulff"]["megabytes"], 1.0)
    finish("toolbox", round(ratio, 2), memory_ratio=round(memory, 1), n=N, inputs=INPUTS, measured=found)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        say(json.dumps({"wulff": wulff, "toolbox": toolbox}[sys.argv[1]]()))
    else:
        main()
