"""K is sound and tight: by enumeration of everything that an adversary can do to the votes."""

import itertools

import numpy as np
import pytest

from wulff.errors import InputError
from wulff.views import certify_partitions, label_and_slack, partition, top_slack


def label(counts: np.ndarray) -> int:
    return int(counts.argmax())


def reachable(counts: tuple[int, ...], changes: int, abstaining: int = 4) -> set[tuple[int, ...]]:
    """All counts after at most so many changed votes, where some views abstain and others may begin to."""
    found = {(*counts, abstaining)}
    for _ in range(changes):
        more = set()
        for c in found:
            for i, j in itertools.permutations(range(len(c)), 2):
                if c[i]:
                    moved = list(c)
                    moved[i] -= 1
                    moved[j] += 1
                    more.add(tuple(moved))
        found |= more
    return {c[:-1] for c in found}


CASES = [c for c in itertools.product(range(6), repeat=3) if 0 < sum(c) <= 8]


@pytest.mark.parametrize("counts", CASES[::3])
def test_slack_against_every_change_of_votes(counts: tuple[int, ...]) -> None:
    labels, slack = label_and_slack(np.array([counts]))
    assert labels[0] == label(np.array(counts))
    kept = {label(np.array(c)) for c in reachable(counts, int(slack[0]))}
    assert kept <= {labels[0]}
    broken = {label(np.array(c)) for c in reachable(counts, int(slack[0]) + 1)}
    assert broken != {labels[0]}


@pytest.mark.parametrize("counts", [c for c in itertools.product(range(4), repeat=4) if 0 < sum(c) <= 6][::5])
@pytest.mark.parametrize("top", [1, 2, 3])
def test_staying_among_the_first(counts: tuple[int, ...], top: int) -> None:
    for of in range(4):
        slack = int(top_slack(np.array([counts]), [of], top)[0])
        assert slack == _largest(counts, of, top)


def _largest(counts: tuple[int, ...], of: int, top: int) -> int:
    def among(c: tuple[int, ...]) -> bool:
        ahead = sum(v > c[of] or (v == c[of] and b < of) for b, v in enumerate(c) if b != of)
        return ahead < top and sum(c) > 0  # without a vote there is no label

    for changes in range(sum(counts) + 2):
        if not all(among(c) for c in reachable(counts, changes)):
            return changes - 1
    return sum(counts) + 1


@pytest.mark.parametrize(
    ("counts", "expected", "views"),
    [([441, 0, 0], 0, 220), ([300, 141, 0], 0, 79), ([220, 221, 0], 1, 0), ([100, 100, 241], 2, 70)],
)
def test_published_counts(counts: list[int], expected: int, views: int) -> None:
    labels, slack = label_and_slack(np.array([counts]))
    assert (labels[0], slack[0]) == (expected, views)
    assert top_slack(np.array([counts]), labels, 1)[0] == views


def test_one_class_and_all_abstaining() -> None:
    assert [x.tolist() for x in label_and_slack(np.array([[3], [5], [0]]))] == [[0, 0, -1], [2, 4, 0]]
    assert [x.tolist() for x in certify_partitions([[0, -1], [0, 0], [0, -1]], 1)] == [[0, 0], [2, 0]]
    assert top_slack([[1, 0, 0, 0, 0], [2, 0, 0, 0, 0]], [0, 0], 4).tolist() == [0, 1]  # all may abstain
    assert [x.tolist() for x in label_and_slack(np.zeros((2, 3), dtype=int))] == [[-1, -1], [0, 0]]


def test_partitions_depend_on_content_alone() -> None:
    import torch

    images = torch.rand(200, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    parts = partition(images, 7)
    order = torch.randperm(200)
    np.testing.assert_array_equal(partition(images[order], 7), parts[order.numpy()])
    assert set(parts) == set(range(7))
    answers = np.array([[0, 1], [0, 1], [0, -1], [1, 0], [0, 1]])
    labels, examples = certify_partitions(answers, 3)
    assert (labels.tolist(), examples.tolist()) == ([0, 1], [1, 0])


@pytest.mark.parametrize("votes", [[1, 2], [[0.5, 1]], [[-1, 2]], np.zeros((2, 0), dtype=int)])
def test_refusals(votes) -> None:
    with pytest.raises(InputError, match="votes must be integers"):
        label_and_slack(votes)
    with pytest.raises(InputError, match="top must be at most 1, got 2"):
        top_slack([[1, 2]], [0], 2)
    with pytest.raises(InputError, match="answers must be labels from -1 to 1"):
        certify_partitions([[2]], 2)
