"""Families of views: the published numbers, and what perturbations can change, by enumeration."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor

from wulff.errors import InputError
from wulff.views import Bands, Blocks, Splitting, label_and_slack, parse


def all_views(views, x: Tensor) -> Tensor:
    return views.views(x, torch.arange(views.count(tuple(x.shape))))


def changed(views, x: Tensor, y: Tensor) -> int:
    return int((all_views(views, x) != all_views(views, y)).flatten(1).any(dim=1).sum())


@pytest.mark.parametrize(("sigma", "splits"), [(0.5, 441), (1.0, 883), (2.0, 1766), (3.5, 3091)])
def test_number_of_splits(sigma: float, splits: int) -> None:
    assert Splitting(sigma).splits == splits


def test_published_offsets_and_counts() -> None:
    views = Splitting(0.5)
    assert views.offsets(8).tolist() == [172, 47, 117, 192, 323, 251, 195, 359]
    x = torch.from_numpy(np.random.RandomState(7).randint(0, 256, 64)) / 255
    votes = (all_views(views, x).sum(dim=1) > 32).long()
    counts = np.array([[int((votes == 0).sum()), int((votes == 1).sum())]])
    assert sorted(counts[0].tolist()) == [177, 264]
    _, slack = label_and_slack(counts)
    reach = views.reach(int(slack[0]), (64,))
    assert reach.inclusive
    assert Fraction(reach.radius) <= Fraction(43, 255) < Fraction(np.nextafter(reach.radius, 1))


def reference_view(k: int, i: int, n: int, q: int) -> float:
    """One coordinate of one view, in floating point, as the paper writes it."""
    split = (i + 0.5) / q
    if n >= q:
        return (min(split, 1.0) + (k / q > split)) / 2
    width = n / q
    c = np.ceil((k / q - split) / width)
    return (min(split + c * width, 1.0) + max(split + (c - 1) * width, 0.0)) / 2


@pytest.mark.parametrize(("sigma", "levels"), [(0.5, 255), (0.3, 15), (0.1, 16), (0.02, 255), (2.0, 7)])
def test_views_are_those_of_the_paper(sigma: float, levels: int) -> None:
    views = Splitting(sigma, levels, seed=3)
    n = views.splits
    steps = torch.arange(levels + 1)
    found = all_views(views, steps / levels)
    offsets = views.offsets(levels + 1).tolist()
    for t in range(0, n, max(1, n // 20)):
        expected = [reference_view(k, (t + offsets[k]) % n, n, levels) for k in steps.tolist()]
        np.testing.assert_allclose(found[t].numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("levels", [1, 3, 7, 16])
@pytest.mark.parametrize("sigma", [0.1, 0.3, 0.9])
def test_a_step_changes_one_view_at_most(levels: int, sigma: float) -> None:
    views = Splitting(max(sigma, 0.3 / levels), levels, seed=1)  # one view at least
    rng = np.random.default_rng(levels)
    for _ in range(20):
        x = torch.from_numpy(rng.integers(0, levels + 1, 3))
        y = torch.from_numpy(rng.integers(0, levels + 1, 3))
        assert changed(views, x / levels, y / levels) <= int((x - y).abs().sum())


def test_no_neighbour_on_the_grid_breaks_a_random_classifier_and_some_break_it_just_beyond() -> None:
    rng = np.random.default_rng(0)
    flips = 0
    for case in range(60):
        levels = int(rng.integers(1, 5))
        views = Splitting(float(rng.uniform(0.4, 1.2)), levels, seed=case)
        grid = [torch.tensor(k) / levels for k in itertools.product(range(levels + 1), repeat=2)]
        answers: dict[bytes, int] = {}

        def label_of(x: Tensor, answers=answers, views=views) -> tuple[int, int]:
            votes = [
                answers.setdefault(view.numpy().tobytes(), int(rng.integers(3)))
                for view in all_views(views, x)
            ]
            labels, slack = label_and_slack(np.bincount(votes, minlength=3)[None])
            return int(labels[0]), int(slack[0])

        x = grid[int(rng.integers(len(grid)))]
        label, slack = label_of(x)
        for y in grid:
            distance = round(float((x - y).abs().sum()) * levels)
            other = label_of(y)[0]
            assert other == label or distance > slack
            flips += other != label and distance == slack + 1
    assert flips > 0


@pytest.mark.parametrize("views", [Bands(1), Bands(3), Blocks(2), Blocks(3)], ids=str)
@pytest.mark.parametrize("shape", [(1, 4, 5), (2, 5, 4)])
def test_every_place_of_every_patch(views, shape: tuple[int, int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(shape, generator=generator)
    most = {}
    for side in (1, 2, 3, 4):
        found = []
        for top, left in itertools.product(range(shape[1] - side + 1), range(shape[2] - side + 1)):
            y = x.clone()
            y[:, top : top + side, left : left + side] = torch.rand((), generator=generator)
            found.append(changed(views, x, y))
        most[side] = max(found)
        assert views.changed(side, *shape[1:]) == most[side] or side + 1 > min(shape[1:])
        assert most[side] <= views.changed(side, *shape[1:])
    for slack in range(views.count(shape) + 1):
        side = int(views.reach(slack, shape).radius)
        assert side == 0 or views.changed(side, *shape[1:]) <= slack
        assert side >= max(shape[1:]) or views.changed(side + 1, *shape[1:]) > slack


@pytest.mark.parametrize("views", [Bands(1), Bands(2), Blocks(1), Blocks(2)], ids=str)
def test_no_patch_within_the_radius_breaks_a_random_classifier_and_larger_ones_do(views) -> None:
    """Every place and every content of patches of black and white pixels, for classifiers drawn at random."""
    rng = np.random.default_rng(1)
    largest, flips = 0, 0
    for _ in range(4):
        answers: dict[bytes, int] = {}

        def label_of(x: Tensor, answers=answers) -> tuple[int, int]:
            votes = [
                answers.setdefault(view.numpy().tobytes(), int(rng.choice(3, p=[0.9, 0.05, 0.05])))
                for view in all_views(views, x)
            ]
            labels, slack = label_and_slack(np.bincount(votes, minlength=3)[None])
            return int(labels[0]), int(slack[0])

        x = torch.from_numpy(rng.integers(0, 2, (1, 3, 6))).float()
        label, slack = label_of(x)
        radius = int(views.reach(slack, tuple(x.shape)).radius)
        largest = max(largest, radius)
        for side in (1, 2):
            contents = [
                torch.tensor(c).view(side, side) for c in itertools.product((0.0, 1.0), repeat=side**2)
            ]
            for top, left, content in itertools.product(range(4 - side), range(7 - side), contents):
                y = x.clone()
                y[0, top : top + side, left : left + side] = content
                assert label_of(y)[0] == label or side > radius
                assert changed(views, x, y) <= views.changed(side, 3, 6)
        # Just beyond, the views that some patch changes are enough to end the label.
        if (beyond := radius + 1) <= 3 and views.changed(beyond, 3, 6) < views.count(tuple(x.shape)):
            y = x.clone()
            y[0, :beyond, 1 : 1 + beyond] = 1 - y[0, :beyond, 1 : 1 + beyond]
            moved = [
                view
                for view, old in zip(all_views(views, y), all_views(views, x), strict=True)
                if not torch.equal(view, old)
            ]
            if len(moved) > slack:
                for other in range(3):
                    worst = answers | {view.numpy().tobytes(): other for view in moved}
                    flips += label_of(y, worst)[0] != label
    assert largest > 0
    assert flips > 0


def test_null_is_no_pixel_and_the_window_is_kept() -> None:
    x = torch.rand(1, 4, 5)
    view = Bands(2).views(x, torch.tensor([4]))[0]  # columns 4 and 0
    kept = view.sum(dim=0) > 0
    assert kept[:, [4, 0]].all()
    assert not kept[:, 1:4].any()
    torch.testing.assert_close(view[0, :, [0, 4]], x[0, :, [0, 4]])
    torch.testing.assert_close(view[1, :, [0, 4]], 1 - x[0, :, [0, 4]])


@pytest.mark.parametrize("views", [Splitting(0.5), Bands(2), Blocks(2)], ids=str)
def test_training_sees_the_views_of_certification(views) -> None:
    x = torch.randint(0, 256, (6, 1, 5, 5)) / 255
    which = torch.arange(6) * 3 % views.count((1, 5, 5))
    rows = views.random_views(x, which)
    for i in range(6):
        assert torch.equal(rows[i], views.views(x[i], which[i : i + 1])[0])


@pytest.mark.parametrize(
    "text",
    ["splitting(sigma=0.5)", "splitting(sigma=2, levels=15, seed=4)", "bands(width=4)", "blocks(size=12)"],
)
def test_spec_strings(text: str) -> None:
    assert parse(str(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("splitting(sigma=-1)", "sigma must be positive and finite"),
        ("splitting(sigma=nan)", "sigma must be positive and finite"),
        ("splitting(sigma=0.0001)", "would have 0 views"),
        ("splitting(sigma=1, levels=0)", "levels must be a positive integer, got 0"),
        ("splitting()", "splitting needs sigma, levels, seed"),
        ("bands(width=0)", "width must be a positive integer, got 0"),
        ("bands(width=x)", "width must be a number, got 'x'"),
        ("bands(size=2)", "bands takes width"),
        ("gaussian(sigma=1)", "cannot read the views"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(text)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="keeps 4×9 pixels, but the images have 4×5"):
        Bands(9).check((1, 4, 5))
    with pytest.raises(InputError, match="needs images"):
        Blocks(2).check((16,))
    with pytest.raises(InputError, match="multiples of 1/255, got 0"):
        Splitting(0.5).steps(torch.tensor([0.1234]))
