"""Predict abstains unless the top class is certain."""

import numpy as np
from scipy.stats import binomtest

from wulff.stats import predict


def test_agrees_with_the_two_sided_binomial_test() -> None:
    rng = np.random.default_rng(0)
    for _ in range(500):
        counts = rng.multinomial(rng.integers(1, 300), rng.dirichlet(np.ones(4)))
        first, second = np.sort(counts)[::-1][:2]
        p_value = binomtest(int(first), int(first + second), 0.5).pvalue
        if abs(p_value - 0.01) < 1e-9:
            continue
        expected = counts.argmax() if p_value <= 0.01 else -1
        assert predict(counts, 0.01) == expected


def test_ties_and_few_votes_abstain() -> None:
    counts = np.array([[50, 50], [0, 0], [10, 0], [11, 0]])
    assert predict(counts, 0.001).tolist() == [-1, -1, -1, 0]


def test_one_class_and_a_thousand() -> None:
    assert predict(np.array([20]), 0.001) == 0
    counts = np.zeros(1000, dtype=int)
    counts[999] = 20
    assert predict(counts, 0.001) == 999


def test_wrong_label_is_returned_at_most_alpha_of_the_time() -> None:
    # Two classes tie at p = ½, so any answer is wrong half the time; 10,000 draws at alpha = .05: more
    # than 603 answers have probability below 1e-6 at a rate of exactly .05.
    votes = np.random.default_rng(3).binomial(100, 0.5, size=10_000)
    answered = predict(np.stack([votes, 100 - votes], axis=1), 0.05) >= 0
    assert answered.sum() <= 603
