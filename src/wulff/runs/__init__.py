"""Runs: a spec, an append-only journal, and the folder they live in."""

from typing import TYPE_CHECKING

from wulff._lazy import loaded_when_used

if TYPE_CHECKING:
    from wulff.runs.attacking import attack
    from wulff.runs.document import Facts
    from wulff.runs.execution import certify, execute
    from wulff.runs.features import FeatureChanges, feature_changes, has_features
    from wulff.runs.imports.logs import import_log
    from wulff.runs.merging import merge
    from wulff.runs.outcomes import Judge, Outcome
    from wulff.runs.recertification import Changes, on_other_terms, recertify
    from wulff.runs.reconstruction import has_counts, project, reconstruct
    from wulff.runs.records import CertifiedRadius, Record
    from wulff.runs.run import Run, load
    from wulff.runs.run_inputs import inputs, noisy_copy, training_accuracy, training_noise
    from wulff.runs.spec import ImportedSpec, PredictSpec, Spec
    from wulff.runs.sweeps.file import Sweep, Task, read_sweep
    from wulff.runs.sweeps.work import Watch, is_finished, run_sweep, sweep_runs
    from wulff.runs.trained_tables import table_of_model, table_to_certify, table_to_train_on
    from wulff.runs.training_run import read_training, train
    from wulff.runs.training_spec import TrainingSpec
    from wulff.runs.view_spec import ViewSpec
    from wulff.tables import of_table, usual_norm

__all__ = [
    "CertifiedRadius",
    "Changes",
    "Facts",
    "FeatureChanges",
    "ImportedSpec",
    "Judge",
    "Outcome",
    "PredictSpec",
    "Record",
    "Run",
    "Spec",
    "Sweep",
    "Task",
    "TrainingSpec",
    "ViewSpec",
    "Watch",
    "attack",
    "certify",
    "execute",
    "feature_changes",
    "has_counts",
    "has_features",
    "import_log",
    "inputs",
    "is_finished",
    "load",
    "merge",
    "noisy_copy",
    "of_table",
    "on_other_terms",
    "project",
    "read_sweep",
    "read_training",
    "recertify",
    "reconstruct",
    "run_sweep",
    "sweep_runs",
    "table_of_model",
    "table_to_certify",
    "table_to_train_on",
    "train",
    "training_accuracy",
    "training_noise",
    "usual_norm",
]

__getattr__, __dir__ = loaded_when_used(
    __name__,
    {
        ".attacking": "attack",
        ".document": "Facts",
        ".execution": "certify execute",
        ".features": "FeatureChanges feature_changes has_features",
        ".imports.logs": "import_log",
        ".merging": "merge",
        ".outcomes": "Judge Outcome",
        ".recertification": "Changes on_other_terms recertify",
        ".reconstruction": "has_counts project reconstruct",
        ".records": "CertifiedRadius Record",
        ".run": "Run load",
        ".run_inputs": "inputs noisy_copy training_accuracy training_noise",
        ".spec": "ImportedSpec PredictSpec Spec",
        ".sweeps.file": "Sweep Task read_sweep",
        ".sweeps.work": "Watch is_finished run_sweep sweep_runs",
        ".trained_tables": "table_of_model table_to_certify table_to_train_on",
        ".training_run": "read_training train",
        ".training_spec": "TrainingSpec",
        ".view_spec": "ViewSpec",
        "wulff.tables": "of_table usual_norm",
    },
)
