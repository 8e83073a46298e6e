"""How many noisy copies are classified in a second, beside the loops of others at their best batches?

    make bench NAME=peers
    ONLY=CNN make bench NAME=peers      one of the nets

wulff runs as it comes for a long run: batch, memory format and runtime are measured and chosen as before a
run of 10,000 inputs. The others are the loops of Cohen et al. 2019 and of Yang et al. 2020, written from
their pseudocode, and the Adversarial Robustness Toolbox itself, each at the fastest of several batches. All
classify noisy copies of the same images by the same net with random weights in float32 on one thread; `int8`
is wulff with the net quantised by OpenVINO. Five rounds, or three at reduced size, are interleaved; rates are
medians, and processor time counts. `ratio` is the smallest one of wulff's rate over another's.
"""

import os
import statistics
from collections.abc import Callable

import _papers_loop
import torch
from _common import FULL, NETS, Net, finish, say, timed
from torch import Tensor, nn

from wulff import Smoothed, noises, runs
from wulff.backends.runtimes import exported
from wulff.runs.tuned import tuned
from wulff.smoothing.audit import some_copies

SIGMA, INPUTS, SECONDS = 0.5, 4, 2.0
ROUNDS = 5 if FULL else 3
BATCHES = {"locuslab": (64, 128, 256, 1000), "rs4a": (64, 128, 256, 512), "toolbox": (32, 128, 512)}
Loop = Callable[[int], None]
"""Classifies so many copies of each of the inputs."""


def locuslab(model: nn.Module, x: Tensor, batch: int, classes: int) -> Loop:
    """[Cohen et al. 2019, SampleUnderNoise]."""

    def loop(n: int) -> None:
        _papers_loop.BATCH = batch
        for image in x:
            _papers_loop.sample_under_noise(model, image, n, SIGMA, classes)

    return loop


def rs4a(model: nn.Module, x: Tensor, batch: int, classes: int) -> Loop:
    """[Yang et al. 2020, appendix]: noise is added to repeated copies, and votes are summed on the device."""

    @torch.no_grad()
    def loop(n: int) -> None:
        for image in x:
            counts, left = torch.zeros(classes), n
            while left > 0:
                size = min(batch, left)
                left -= size
                copies = image.unsqueeze(0).repeat_interleave(size, dim=0)
                noise = torch.randn(size, image.numel()).view_as(copies) * SIGMA
                votes = torch.argmax(model(copies + noise), dim=1)
                counts += torch.nn.functional.one_hot(votes, classes).sum(0)

    return loop


def toolbox(model: nn.Module, x: Tensor, batch: int, classes: int) -> Loop:
    """The toolbox's own `certify`, with as few copies for the selection as it takes."""
    from art.estimators.certification.randomized_smoothing import PyTorchRandomizedSmoothing

    smoothed = PyTorchRandomizedSmoothing(
        model,
        loss=nn.CrossEntropyLoss(),
        input_shape=tuple(x.shape[1:]),
        nb_classes=classes,
        device_type="cpu",
        sample_size=1,
        scale=SIGMA,
        alpha=1e-3,
    )
    return lambda n: void(smoothed.certify(x.numpy(), n=n, batch_size=batch))


PEERS = {"locuslab": locuslab, "rs4a": rs4a, "toolbox": toolbox}


def ours(net: Net, model: nn.Module, x: Tensor, *, int8: bool) -> tuple[Loop, str]:
    """wulff as it comes, and what that is."""
    noise = noises.parse(f"gaussian(sigma={SIGMA})").in_dim(x[0].numel())
    if int8:
        copies = some_copies(x, noise, 256, seed=1)
        smoothed = Smoothed(exported(model, copies, "openvino", copies), noise, net.classes, batch=64)
        return lambda n: void(smoothed.counts(x, n)), "openvino, int8"
    spec = runs.Spec(model="none", noise=str(noise), n=100_000)
    found = tuned(spec, model, x, 10_000, noise, None)
    spec = found.fill(spec)
    policy = spec.policy if found.function is None else None
    assert isinstance(spec.batch, int)
    smoothed = Smoothed(found.function or model, noise, net.classes, batch=spec.batch, policy=policy)
    way = f"{spec.runtime}, batch {spec.batch}" + ", channels-last" * spec.policy.channels_last
    return lambda n: void(smoothed.counts(x, n)), way + ", compiled" * spec.policy.compile


def void(_: object) -> None:
    """Nothing is made of the counts."""


def rate(loop: Loop, n: int) -> float:
    """Copies of each input for so many in a second."""
    return INPUTS * n / timed(lambda: loop(n))


def compare(net: Net) -> dict[str, object]:
    """The rates of all on one net."""
    torch.manual_seed(0)
    model, x = net.build(), net.images(INPUTS)
    loops: dict[str, Loop] = {}
    ways: dict[str, str] = {}
    for name, int8 in (("wulff", False), ("wulff int8", True)):
        loops[name], ways[name] = ours(net, model, x, int8=int8)
    for name, make in PEERS.items():
        tried = {batch: make(model, x, batch, net.classes) for batch in BATCHES[name]}
        quick = {batch: (loop(16), rate(loop, 1024))[1] for batch, loop in tried.items()}
        best = max(quick, key=lambda batch: quick[batch])
        loops[name], ways[name] = tried[best], f"batch {best}"
    sizes: dict[str, int] = {}
    for name, loop in loops.items():
        loop(64)  # opened, and its memory there
        sizes[name] = max(256, round(SECONDS * rate(loop, 256) / INPUTS))
    rounds = [{name: rate(loop, sizes[name]) for name, loop in loops.items()} for _ in range(ROUNDS)]
    rates = {name: statistics.median(found[name] for found in rounds) for name in loops}
    for name, found in rates.items():
        over = "" if name.startswith("wulff") else f", wulff is {rates['wulff'] / found:5.2f} times as fast"
        say(f"{net.name:16} {name:11} {found:9,.0f} a second ({ways[name]}){over}")
    slowest = {way: min(rates[way] / rates[name] for name in PEERS) for way in ("wulff", "wulff int8")}
    return {
        "ratio": round(slowest["wulff"], 2),
        "int8": round(slowest["wulff int8"], 2),
        "rates": {name: round(found) for name, found in rates.items()},
        "ways": ways,
    }


def main() -> None:
    found = {net.name: compare(net) for net in NETS[1:3] if os.environ.get("ONLY", "") in net.name}
    finish("peers", min(float(str(figures["ratio"])) for figures in found.values()), nets=found)


if __name__ == "__main__":
    main()
