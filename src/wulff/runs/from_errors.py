"""Certificates against other norms from the bounds on probabilities that a published log has."""

import dataclasses

import numpy as np

from wulff.certificates import certified_radius
from wulff.certificates.box.own_rooms import OWN, with_rooms
from wulff.errors import InputError
from wulff.norms import Box, parse_threat
from wulff.runs.original_inputs import OriginalInputs
from wulff.runs.records import CertifiedRadius, Record
from wulff.runs.run import Run, recomputed
from wulff.runs.spec import ImportedSpec
from wulff.smoothing.rooms import own_boxes
from wulff.stats import ABSTAIN

TOGETHER = 1000
"""Inputs that are certified at once."""


def against_others(source: Run, spec: ImportedSpec, inputs: OriginalInputs | None) -> Run:
    """The run of a log against the norms of another spec, from its bounds; predictions stay as they are.

    Raises:
        InputError: The log has no bounds, or does not say its noise.
    """
    noise = source.noise
    if not source.columns.has_error:
        raise InputError(
            f"{source.folder} cannot be recertified: a published log has radii but no counts; give a run of "
            "`wulff certify`, or import a log with counts or probability bounds."
        )
    if noise is None or noise.dim is None:
        raise InputError(
            f"{source.folder} does not say its noise with the dimension; import it again with --noise, e.g. "
            "'uniform(sigma=0.5, dim=3072)'."
        )
    before, records = list(source.records), list[Record]()
    for start in range(0, len(before), TOGETHER):
        records += _some(before[start : start + TOGETHER], source, spec, inputs)
    return recomputed(source, spec, records)


def _some(
    before: list[Record], source: Run, spec: ImportedSpec, inputs: OriginalInputs | None
) -> list[Record]:
    noise = source.noise
    assert noise is not None
    error = np.array([1.0 if record.error is None else record.error for record in before])
    error[[record.predict == ABSTAIN for record in before]] = 1.0
    x = None if inputs is None else inputs.at([record.index for record in before])
    radii: list[dict[str, CertifiedRadius]] = [{} for _ in before]
    for norm in spec.norms:
        threat = parse_threat(norm)
        found = certified_radius(noise, error, threat)
        if x is not None and isinstance(threat, Box):
            own = own_boxes(x, threat)
            found = with_rooms(found, own, lambda i, box: certified_radius(noise, error[i], box, method=OWN))
        for i, record in enumerate(before):
            old = record.radii.get(norm)
            radii[i][norm] = CertifiedRadius(
                radius=float(found.radius[i]),
                method=str(found.method[i]),
                tight=bool(found.tight[i]),
                published=None if old is None else old.published,
            )
    return [dataclasses.replace(record, radii=found) for record, found in zip(before, radii, strict=True)]
