"""Attack a smoothed classifier with foolbox and with the Adversarial Robustness Toolbox, unchanged.

    pip install foolbox adversarial-robustness-toolbox
    python examples/other_attacks.py

`SoftSmoothed` is a module with gradients, so that both take it for any other classifier. What they find is a
proposal; the smoothed classifier's label is `predict`'s, on noise of its own.
"""

import sys
import warnings

import numpy as np
import torch
from torch import Tensor, nn

import wulff
from wulff import datasets, models, noises, training
from wulff.attacks import SoftSmoothed


def with_foolbox(soft: nn.Module, x: Tensor, y: Tensor, epsilon: float, steps: int = 20) -> Tensor:
    """Inputs at an l2 distance of at most epsilon, from foolbox's projected gradient descent."""
    from foolbox.attacks.projected_gradient_descent import L2ProjectedGradientDescentAttack
    from foolbox.models.pytorch import PyTorchModel

    model = PyTorchModel(soft.eval(), bounds=(0, 1), device="cpu")
    attack = L2ProjectedGradientDescentAttack(steps=steps, rel_stepsize=2.5 / steps)
    _, adversaries, _ = attack(model, x, y, epsilons=epsilon)
    return adversaries


def with_art(soft: nn.Module, x: Tensor, y: Tensor, epsilon: float, steps: int = 20) -> Tensor:
    """The same, from the Adversarial Robustness Toolbox."""
    from art.attacks.evasion import ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    classifier = PyTorchClassifier(
        soft.eval(),
        loss=nn.CrossEntropyLoss(),
        input_shape=tuple(x.shape[1:]),
        nb_classes=soft(x[:1]).shape[1],
        clip_values=(0, 1),
        device_type="cpu",
    )
    attack = ProjectedGradientDescentPyTorch(
        classifier, norm=2, eps=epsilon, eps_step=2.5 * epsilon / steps, max_iter=steps, verbose=False
    )
    return torch.from_numpy(attack.generate(x.numpy(), y.numpy()))


def main() -> None:
    warnings.simplefilter("ignore")  # of the two libraries
    noise = noises.parse("gaussian(sigma=0.25)")
    train, test = datasets.load("digits", "train"), datasets.load("digits", "test").slice(":40")
    model = models.build("cnn", train.input_shape, train.num_classes)
    list(training.train(model, train.images, train.labels, noise))
    smoothed, soft = wulff.Smoothed(model, noise, 10), SoftSmoothed(model, noise, copies=32)
    x = torch.as_tensor(test.images[:])
    proof = smoothed.certify(x, norm="l2", n=10_000)
    y = torch.as_tensor(proof.label).clamp_min(0)
    sys.stdout.write("l2 distance  certified there  changed by foolbox  changed by ART\n")
    for epsilon in (0.25, 0.5, 1.0, 2.0):
        changed = [
            int(((labels := smoothed.predict(attack(soft, x, y, epsilon))) != proof.label)[labels >= 0].sum())
            for attack in (with_foolbox, with_art)
        ]
        certified = int(np.sum(proof.radius > epsilon))
        sys.stdout.write(f"{epsilon:11} {certified:16} {changed[0]:19} {changed[1]:15}\n")


if __name__ == "__main__":
    main()
