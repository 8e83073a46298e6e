"""Training of base classifiers for smoothing: one loop, one objective per method."""

from wulff._domains import check_fields, within
from wulff.training.consistency import Consistency
from wulff.training.direct import Direct
from wulff.training.loop import Epoch, Training, noisy_accuracy, train
from wulff.training.macer import Macer
from wulff.training.noise_augmentation import NoiseAugmentation
from wulff.training.objective import Objective
from wulff.training.parsing import OBJECTIVES, objective_spec, parse_objective, register
from wulff.training.processes import own_device
from wulff.training.schedule import Augmentation, Decay, Precision, Preset, Schedule, preset
from wulff.training.self_training import SelfTraining, pseudo_labels
from wulff.training.smoothadv import SmoothAdv
from wulff.training.smoothmix import SmoothMix
from wulff.training.stability import Stability
from wulff.training.tables import augment_table

__all__ = [
    "OBJECTIVES",
    "Augmentation",
    "Consistency",
    "Decay",
    "Direct",
    "Epoch",
    "Macer",
    "NoiseAugmentation",
    "Objective",
    "Precision",
    "Preset",
    "Schedule",
    "SelfTraining",
    "SmoothAdv",
    "SmoothMix",
    "Stability",
    "Training",
    "augment_table",
    "check_fields",
    "noisy_accuracy",
    "objective_spec",
    "own_device",
    "parse_objective",
    "preset",
    "pseudo_labels",
    "register",
    "train",
    "within",
]
