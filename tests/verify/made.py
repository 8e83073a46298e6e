"""Run folders made by the prover from given counts, without a model."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from wulff import noises
from wulff.certificates import certified_radius, two_sided_radius
from wulff.stats import anytime_error_bound, error_upper_bound, randomized_error_bound, two_sided_bounds

MISSES = (0, 0, 1, 12, 130, 300, 450, 700)


def make_run(
    folder: Path,
    noise: str,
    norms: list[str],
    dim: int,
    *,
    misses: tuple[int, ...] = MISSES,
    n: int = 1000,
    classes: int = 3,
    changes: dict[str, Any] | None = None,
) -> Path:
    """A finished certification, one input for each number of misses.

    Args:
        changes: Of the spec: bound, estimator, stop, alpha.
    """
    spec: dict[str, Any] = {
        "task": "certify",
        "noise": noise,
        "norms": norms,
        "dim": dim,
        "classes": classes,
        "inputs": len(misses),
        "slice": f":{len(misses)}",
        "n0": 50,
        "n": n,
        "alpha": 0.001,
        "seed": 7,
        "bound": "one-sided",
        "estimator": "clopper-pearson",
        "sampling": "float",
    } | (changes or {})
    law = noises.parse(noise).in_dim(dim)
    lines = []
    for index, missed in enumerate(misses):
        top = index % classes
        votes, selection = np.zeros(classes, dtype=int), np.zeros(classes, dtype=int)
        votes[top], votes[(top + 1) % classes] = n - missed, missed - missed // 3
        votes[(top + 2) % classes] += missed // 3
        selection[top], selection[(top + 1) % classes], selection[(top + 2) % classes] = 30, 15, 5
        draw, rival = None, None
        if spec["estimator"] == "randomized-clopper-pearson":
            philox = np.random.Philox(key=np.array([7, index], dtype=np.uint64), counter=[0, 0, 1024, 0])
            draw = (float(np.random.Generator(philox).integers(2**53)) + 1) * 2.0**-53
        if spec["bound"] == "two-sided":
            error, rival = two_sided_bounds(votes, n, top, spec["alpha"], selection, draw=draw)
        elif "stop" in spec:
            error = anytime_error_bound(missed, n, spec["alpha"])
        elif draw is not None:
            error = randomized_error_bound(missed, n, spec["alpha"], draw)
        else:
            error = error_upper_bound(missed, n, spec["alpha"])
        radii, abstained = {}, False
        for norm in norms:
            found = (
                certified_radius(law, error, norm)
                if rival is None
                else two_sided_radius(law, error, rival, norm)
            )
            radii[norm] = {
                "radius": float(found.radius),
                "method": str(found.method),
                "tight": bool(found.tight),
            }
            abstained = str(found.method) == "abstain"
        record = {
            "index": index,
            "label": top,
            "predict": -1 if abstained else top,
            "n": n,
            "error": float(error),
            "draw": draw,
            "counts": {
                phase: {str(i): int(count) for i, count in enumerate(counts) if count}
                for phase, counts in (("selection", selection), ("estimation", votes))
            },
            "radii": radii,
            "seconds": 0.1,
        }
        lines.append(json.dumps({key: value for key, value in record.items() if value is not None}))
    folder.mkdir(parents=True)
    (folder / "spec.toml").write_text(tomli_w.dumps({"run": spec}))
    (folder / "records.jsonl").write_text("".join(line + "\n" for line in lines))
    return folder
