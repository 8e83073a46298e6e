"""The summary of a finished run: what is worth knowing at a glance, without reading its records."""

from typing import Any

import numpy as np

from wulff.runs.columns import NO_N
from wulff.runs.document import NOT_IDENTIFIED
from wulff.runs.folder import FORMAT, RECORDS, checksum_key
from wulff.runs.headlines import fingerprint
from wulff.runs.run import Run
from wulff.stats import ABSTAIN


def summary(run: Run) -> dict[str, Any]:
    """What summary.json says of a run."""
    columns = run.columns
    scored = run.scored
    lost = run.not_a_number
    return {
        "format": FORMAT,
        "task": run.spec.task,
        "noise": run.spec.noise,
        "dataset": run.spec.dataset,
        "inputs": len(scored),
        **({"correct": int(scored.sum())} if run.facts.labelled else {}),
        **({} if run.facts.identified else {"classifier": NOT_IDENTIFIED}),
        "abstained": int((columns.predict == ABSTAIN).sum()),
        "average_certified_radius": {
            norm: float(np.where(scored, run.radii(norm), 0.0).mean()) for norm in run.norms
        },
        **({"not_a_number": sum(lost.values()), "not_a_number_since": next(iter(lost))} if lost else {}),
        "samples": int(columns.n[columns.n != NO_N].sum()),
        "seconds": round(float(columns.seconds.sum()), 3),
        "document": checksum_key(run.document).hex(),
        "records": fingerprint(run.folder / RECORDS),
    }
