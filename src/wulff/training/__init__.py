"""Training of base classifiers for smoothing: one loop, one objective per method."""

from wulff.training.loop import Epoch, Schedule, noisy_accuracy, train
from wulff.training.noise_augmentation import NoiseAugmentation
from wulff.training.objective import Objective

OBJECTIVES: dict[str, Objective] = {"augment": NoiseAugmentation()}
"""Training methods by name."""

__all__ = ["OBJECTIVES", "Epoch", "NoiseAugmentation", "Objective", "Schedule", "noisy_accuracy", "train"]
