"""Training of base classifiers for smoothing: one loop, one objective per method."""

from wulff.training.consistency import Consistency
from wulff.training.loop import Epoch, Training, noisy_accuracy, train
from wulff.training.noise_augmentation import NoiseAugmentation
from wulff.training.objective import Objective
from wulff.training.parsing import OBJECTIVES, objective_spec, parse_objective
from wulff.training.schedule import AUGMENTATIONS, DECAYS, PRECISIONS, Schedule
from wulff.training.stability import Stability

__all__ = [
    "AUGMENTATIONS",
    "DECAYS",
    "OBJECTIVES",
    "PRECISIONS",
    "Consistency",
    "Epoch",
    "NoiseAugmentation",
    "Objective",
    "Schedule",
    "Stability",
    "Training",
    "noisy_accuracy",
    "objective_spec",
    "parse_objective",
    "train",
]
