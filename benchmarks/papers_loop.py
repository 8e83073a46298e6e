"""How much sooner is a table of certified accuracies done than with the papers' loop?

    make bench NAME=papers_loop

Both certify the same held-out images with the same trained net, Gaussian noise, n0 = 100, n = 100,000 and
alpha = .001 against l2, for the certified accuracy at each radius of a grid. The papers' loop takes n samples
of every input. The library stops when the grid is decided, does not sample inputs whose selected label is
wrong, since these count as wrong at every radius, and runs under the fastest policy, whose compilation (once
for a model) is not counted. As the papers' loop is slow, at reduced size both certify fewer images, and
nothing is extrapolated. `ratio` is the smallest ratio of times; `points` is the largest difference of
certified accuracies, in percentage points; `equal_n` is the ratio of samples per second alone.
"""

import numpy as np
from _common import DEVICE, FULL, NETS, Net, best_policy, finish, say, timed, trained
from _papers_loop import certify
from torch import Tensor

from wulff import Smoothed
from wulff.stats import Anytime

SIGMA = 0.5
RADII = (0.25, 0.5, 0.75, 1.0)
N0, N, ALPHA = 100, 100_000, 1e-3
EPOCHS = {8: 40, 28: 5 if FULL else 2}  # by the images' size
IMAGES = {8: 200 if FULL else 40, 28: 100 if FULL else 20}


def compare(net: Net) -> dict[str, float]:
    """Time ratio, largest difference of accuracies in points, and ratio of samples per second."""
    model, test, origin = trained(net, f"gaussian(sigma={SIGMA})", EPOCHS[net.shape[-1]])
    every = max(1, len(test) // IMAGES[net.shape[-1]])
    data = test.slice(f"::{every}")
    images, labels = data.images, data.labels.numpy()
    assert isinstance(images, Tensor)
    policy, batch = best_policy(model, images)
    smoothed = Smoothed(model, f"gaussian(sigma={SIGMA})", net.classes, batch=batch, policy=policy)
    smoothed.counts(images[:1], batch)  # warm up
    stop = Anytime(radii=RADII, skip_incorrect=True)
    proofs = []

    def ours() -> None:
        proof = smoothed.certify(images, "l2", N0, N, ALPHA, stop=stop, labels=labels.tolist())
        proofs.append(proof)

    theirs: list[tuple[int, float]] = []

    def papers() -> None:
        for x in images:
            theirs.append(certify(model, x.to(DEVICE), SIGMA, net.classes, N0, N, ALPHA))

    quick, slow = timed(ours), timed(papers)
    proof = proofs[0]
    right = np.array([label for label, _ in theirs]) == labels
    radius = np.array([r for _, r in theirs])
    table = {r: ((right & (radius >= r)).mean(), _accuracy(proof, labels, r)) for r in RADII}
    samples = float(np.sum(np.broadcast_to(proof.counts.n, len(labels))))
    points = 100 * max(abs(a - b) for a, b in table.values())
    equal_n = float((samples + N0 * len(labels)) / quick / ((N0 + N) * len(labels) / slow))
    say(f"{net.name} on {origin}, {len(labels)} images, {policy.dtype}, compiled: {policy.compile}")
    for r, (a, b) in table.items():
        say(f"  certified accuracy at {r:g}: papers {a:.3f}, wulff {b:.3f}")
    say(f"  {samples / len(labels):,.0f} samples per image instead of {N:,}; {slow:.1f} s and {quick:.3f} s")
    return {"time": round(slow / quick, 1), "points": round(points, 2), "equal_n": round(equal_n, 2)}


def _accuracy(proof: object, labels: np.ndarray, radius: float) -> float:
    return float(((proof.label == labels) & (proof.radius >= radius)).mean())  # type: ignore[attr-defined]


def main() -> None:
    found = {net.name: compare(net) for net in NETS if net.small}
    ratio = min(figures["time"] for figures in found.values())
    points = max(figures["points"] for figures in found.values())
    finish("papers_loop", ratio, points=points, nets=found)


if __name__ == "__main__":
    main()
