"""CIFAR-100 [Krizhevsky 2009]: its binary files or its pickled ones, with the 100 fine labels."""

import numpy as np
import torch

from wulff.datasets.base import Dataset
from wulff.datasets.cifar10_files import find, read_binary, read_pickled
from wulff.datasets.locations import folder_of
from wulff.errors import InputError

_NAMES = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
    camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
    dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
    leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
    otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray
    road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
    sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
"""
CLASSES = tuple(_NAMES.split())
"""As its authors call the fine classes, in their order."""


def cifar100(split: str, path: str | None = None) -> Dataset:
    """CIFAR-100: 50,000 images for training and 10,000 for tests, 32×32 in colour, 100 fine classes.

    The folder holds, itself or in a folder of it, `train.bin` and `test.bin` (preferred), or the pickled
    `train` and `test` (read without running what they hold).
    """
    folder = folder_of("cifar100", path)
    binary, pickled = find(folder, f"{split}.bin"), find(folder, split)
    if binary:
        pixels, labels = read_binary(binary, labels=2)  # the coarse label, then the fine one
    elif pickled:
        pixels, labels = read_pickled(pickled, "fine_labels")
    else:
        raise InputError(f"{folder} has none of the forms of CIFAR-100: {split}.bin, or the pickled {split}.")
    images = torch.from_numpy(pixels.reshape(-1, 3, 32, 32).astype(np.float32)).div_(255)
    return Dataset(
        f"cifar100 in {folder}",
        images,
        torch.from_numpy(labels.astype(np.int64)),
        num_classes=100,
        class_names=CLASSES,
    )
