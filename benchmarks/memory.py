"""Does memory grow with the number of samples, and is time linear in the number of inputs?

    make bench NAME=memory

Each certification runs in a process of its own, which reports the peak of its resident memory (on a GPU: of
the memory that PyTorch has allocated there). n goes from 1,000 to 1,000,000 for one input of the quickstart
net; then the inputs are doubled three times at fixed n. `ratio` is the peak at the largest n over the peak at
the smallest; `time_exponent` is the slope of log time over log inputs, 1 where time is linear.
"""

import json
import math
import resource
import subprocess
import sys

import numpy as np
from _common import DEVICE, FULL, NETS, finish, say, timed

SIZES = (1_000, 10_000, 100_000, 1_000_000)
INPUTS = (8, 16, 32, 64)
N_PER_INPUT = 20_000 if FULL else 5_000


def certify(inputs: int, n: int) -> dict[str, float]:
    """In this process: seconds of one certification, and the peak of memory in MB."""
    import torch

    from wulff import Smoothed

    net = NETS[0]
    smoothed = Smoothed(net.build(), "uniform(sigma=0.5)", net.classes)
    x = net.images(inputs)
    smoothed.certify(x[:1], norm="l1", n=500)
    seconds = timed(lambda: smoothed.certify(x, norm="l1", n=n))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if DEVICE.type == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**20
    return {"seconds": seconds, "megabytes": peak}


def in_a_process(inputs: int, n: int) -> dict[str, float]:
    command = [sys.executable, __file__, str(inputs), str(n)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    peaks = {}
    for n in SIZES:
        found = in_a_process(1, n)
        peaks[n] = found["megabytes"]
        say(f"n = {n:>9,}   peak {found['megabytes']:8.1f} MB   {found['seconds']:8.3f} s")
    times = {}
    for inputs in INPUTS:
        times[inputs] = min(in_a_process(inputs, N_PER_INPUT)["seconds"] for _ in range(2))
        say(f"{inputs:>3} inputs   {times[inputs]:8.3f} s   {times[inputs] / inputs * 1e3:8.2f} ms each")
    slope = float(np.polyfit([math.log(k) for k in times], [math.log(t) for t in times.values()], 1)[0])
    ratio = peaks[SIZES[-1]] / peaks[SIZES[0]]
    rounded = {n: round(peak, 1) for n, peak in peaks.items()}
    finish("memory", round(ratio, 3), time_exponent=round(slope, 3), megabytes=rounded)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        say(json.dumps(certify(int(sys.argv[1]), int(sys.argv[2]))))
    else:
        main()
