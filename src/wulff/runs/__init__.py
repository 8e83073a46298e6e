"""Runs: a spec, an append-only journal, and the folder they live in."""

from wulff.runs.attack import Outcome, attack
from wulff.runs.execute import certify, execute
from wulff.runs.published import import_log
from wulff.runs.recertify import recertify
from wulff.runs.records import CertifiedRadius, Record
from wulff.runs.run import Run, load
from wulff.runs.spec import Spec
from wulff.runs.terms import Terms
from wulff.runs.train import TrainingSpec, train

__all__ = [
    "CertifiedRadius",
    "Outcome",
    "Record",
    "Run",
    "Spec",
    "Terms",
    "TrainingSpec",
    "attack",
    "certify",
    "execute",
    "import_log",
    "load",
    "recertify",
    "train",
]
