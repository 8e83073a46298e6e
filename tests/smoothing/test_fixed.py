"""Votes are those of one fixed function, whatever the owner of the model does meanwhile."""

import copy
import functools
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import wulff
from wulff.attacks import EOTPGD, SoftSmoothed
from wulff.engines import LocalEngine, ProcessEngine
from wulff.errors import InputError
from wulff.smoothing import DevicePolicy, FixedQuota, Phase, evaluating

NOISE = "gaussian(sigma=0.5)"
X = torch.rand(3, 6, generator=torch.Generator().manual_seed(0))


def net(*, batch_norm: bool = False) -> nn.Sequential:
    """In training mode, with dropout that moves about a third of the labels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        middle = [nn.BatchNorm1d(32)] if batch_norm else []
        return nn.Sequential(nn.Linear(6, 32), *middle, nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 4))


def votes(model: Callable[[Tensor], Tensor], n: int = 500) -> np.ndarray:
    return wulff.Smoothed(model, NOISE, 4).counts(X, n).votes


EXPECTED = votes(copy.deepcopy(net()).eval())


def test_overlapping_calls_on_one_model_in_training_mode() -> None:
    model = net()
    smoothed = wulff.Smoothed(model, NOISE, 4)
    found: list[np.ndarray] = []
    inside = threading.Barrier(2, timeout=30)
    first = threading.local()

    def meet(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        if not hasattr(first, "seen"):  # both are in the midst of a call when the first batch is classified
            first.seen = inside.wait()

    model.register_forward_pre_hook(meet)

    def work(n: int) -> None:
        found.append(smoothed.counts(X, n).votes)
        if n == 500:
            done.set()

    done = threading.Event()
    threads = [threading.Thread(target=work, args=(n,)) for n in (20, 500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(max(found, key=np.sum), EXPECTED)
    assert model[2].training
    assert smoothed.training


def test_the_owners_module_stays_in_training_mode_while_votes_are_counted() -> None:
    model = net()
    modes = set()

    def look(module: nn.Module, args: object, output: object) -> None:
        modes.add((module.training, model[2].training))

    model[2].register_forward_hook(look)
    np.testing.assert_array_equal(votes(model), EXPECTED)
    assert modes == {(False, True)}


def test_a_hook_that_runs_a_module_in_training_mode_is_refused() -> None:
    model, dropout = net(), nn.Dropout(0.5)
    model.register_forward_hook(lambda module, args, output: dropout(output))
    with pytest.raises(InputError, match="runs a Dropout in training mode"):
        votes(model)
    dropout.eval()
    np.testing.assert_array_equal(votes(model), EXPECTED)
    assert not torch.nn.modules.module._global_forward_pre_hooks


def test_a_forward_that_was_replaced_by_one_that_calls_the_original() -> None:
    model = net()
    forward = model.forward
    model.forward = lambda batch: forward(batch)
    with pytest.raises(InputError, match="in training mode"):
        votes(model)
    model.eval()
    np.testing.assert_array_equal(votes(model), EXPECTED)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_model_that_another_thread_trains_meanwhile_is_refused(batch_norm: bool) -> None:
    model = net(batch_norm=batch_norm)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0 if batch_norm else 0.1)
    stepped, stop = threading.Event(), threading.Event()

    def wait(module: nn.Module, args: object) -> None:
        if not module.training:  # votes are counted: the other thread goes on training meanwhile
            stepped.clear()
            stepped.wait(30)

    handle = model.register_forward_pre_hook(wait)

    def train() -> None:
        while not stop.is_set():
            optimizer.zero_grad()
            model(X).logsumexp(dim=1).sum().backward()
            optimizer.step()
            stepped.set()

    trainer = threading.Thread(target=train)
    trainer.start()
    stepped.wait(30)
    try:
        with pytest.raises(InputError, match="changed while votes were counted"):
            votes(model)
    finally:
        stop.set()
        trainer.join()
    handle.remove()
    np.testing.assert_array_equal(votes(model), votes(copy.deepcopy(model)))


def test_weights_trained_between_calls_are_seen() -> None:
    model = net()
    smoothed = wulff.Smoothed(model, NOISE, 4)
    before = smoothed.counts(X, 500).votes
    with torch.no_grad():
        model[3].bias[2] += 100
    np.testing.assert_array_equal(before, EXPECTED)
    assert (smoothed.counts(X, 500).votes[:, 2] == 500).all()


CHANGES = {
    "in place": lambda m: m[0].weight.detach().zero_(),
    "in inference mode": torch.inference_mode()(lambda m: m[0].weight.zero_()),
    "another storage": lambda m: setattr(m[0].weight, "data", m[0].weight.data + 1),
    "another dtype": lambda m: m.double(),
    "another tensor": lambda m: m[0].load_state_dict(nn.Linear(6, 32).state_dict(), assign=True),
    "another module": lambda m: m.__setitem__(0, nn.Linear(6, 32)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("wrapped", [False, True])
def test_every_change_while_votes_are_counted_is_refused(change: str, wrapped: bool) -> None:
    model = net().eval()

    class Changing(torch.utils.data.IterableDataset):
        def __iter__(self):
            yield 0, X[0]
            CHANGES[change](model)
            yield 1, X[1]

    def wrapper(batch: Tensor) -> Tensor:
        return model(batch.to(model[0].weight.dtype))

    smoothed = wulff.Smoothed(wrapper if wrapped else model, NOISE, 4)
    quota = FixedQuota({Phase.ESTIMATION: 30})
    with pytest.raises(InputError, match="changed while votes were counted"):
        list(LocalEngine().map(smoothed, quota, 0, iter(Changing())))


def test_what_is_written_past_every_counter_is_refused_at_the_end() -> None:
    """Where the model is copied, the copy votes on as it was; other callables are refused."""
    model = net().eval()

    def changing():
        yield 0, X[0]
        model[0].weight.data.mul_(-1)
        yield 1, X[1]

    quota = FixedQuota({Phase.ESTIMATION: 30})
    before = [v.counts[Phase.ESTIMATION] for v in _votes(wulff.Smoothed(model, NOISE, 4), quota)]
    during = LocalEngine().map(wulff.Smoothed(model, NOISE, 4), quota, 0, changing())
    assert [v.counts[Phase.ESTIMATION].tolist() for v in during] == [v.tolist() for v in before]
    with pytest.raises(InputError, match="changed while votes were counted"):
        list(LocalEngine().map(wulff.Smoothed(lambda x: model(x), NOISE, 4), quota, 0, changing()))


def _votes(smoothed: wulff.Smoothed, quota: FixedQuota):
    return LocalEngine().map(smoothed, quota, 0, enumerate(X[:2]))


class Wrapper:
    def __init__(self, model: nn.Module) -> None:
        self.parts = {"net": [model]}

    def __call__(self, batch: Tensor) -> Tensor:
        return self.parts["net"][0](batch)


GLOBAL = net()


def with_a_global(batch: Tensor) -> Tensor:
    return torch.cat([GLOBAL(part) for part in batch.split(100)])


WRAPPED = {
    "closure": lambda m: lambda batch: m(batch),
    "method": lambda m: m.forward,
    "partial": lambda m: functools.partial(torch.func.functional_call, m, {}),
    "object": Wrapper,
    "default": lambda m: lambda batch, f=m: f(batch),
    "decorated": lambda m: functools.wraps(with_a_global)(lambda batch: Wrapper(m)(batch)),
}


@pytest.mark.parametrize("kind", WRAPPED)
def test_callables_that_use_modules_must_use_them_in_evaluation_mode(kind: str) -> None:
    model = net()
    call = WRAPPED[kind](model)
    with pytest.raises(InputError, match=r"in training mode.* call eval\(\)"):
        votes(call)
    model.eval()
    np.testing.assert_array_equal(votes(call), EXPECTED)
    with pytest.raises(InputError, match="in training mode"):
        wulff.Smoothed(lambda batch: call(model.train() and batch), NOISE, 4).predict(X)


def test_a_function_that_refers_to_a_global_module() -> None:
    with pytest.raises(InputError, match="in training mode"):
        votes(with_a_global)
    GLOBAL.eval()
    np.testing.assert_array_equal(votes(with_a_global), EXPECTED)
    GLOBAL.train()


def test_modules_in_lists_are_put_into_evaluation_mode_too() -> None:
    class Listed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = [net()]  # not registered, so that eval() does not reach it

        def forward(self, batch: Tensor) -> Tensor:
            return self.parts[0](batch)

    np.testing.assert_array_equal(votes(Listed()), EXPECTED)


def test_a_mode_kept_by_the_module_itself() -> None:
    class Custom(nn.Module):
        random = True

        def train(self, mode: bool = True) -> "Custom":
            self.random = mode
            return super().train(mode)

        def forward(self, batch: Tensor) -> Tensor:
            return (batch + self.random * torch.rand_like(batch))[:, :4]

    np.testing.assert_array_equal(votes(Custom()), votes(lambda batch: batch[:, :4]))


def test_hooks_are_part_of_the_model() -> None:
    model = net()
    model.register_forward_hook(lambda module, args, output: -output)
    model.register_forward_pre_hook(lambda module, args: (1 - args[0],))
    eager = copy.deepcopy(model).eval()
    np.testing.assert_array_equal(votes(model), votes(lambda batch: eager(batch)))
    assert (votes(model) != EXPECTED).any()


def test_a_hook_that_turns_dropout_on_is_refused() -> None:
    model = net()
    model.register_forward_pre_hook(lambda module, args: module.train() and None)
    with pytest.raises(InputError, match="in training mode"):
        votes(model)


def test_a_model_that_writes_to_its_own_weights_is_refused() -> None:
    class Drifting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, batch: Tensor) -> Tensor:
            self.calls += 1
            return batch[:, :4] * self.calls.cos()

    with pytest.raises(InputError, match="changed while votes were counted"):
        votes(Drifting())


def test_a_model_that_fills_a_cache_is_not() -> None:
    class Cached(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            self.register_buffer("cache", torch.ones(4), persistent=False)
            return batch[:, :4] * self.cache

    np.testing.assert_array_equal(votes(Cached()), votes(lambda batch: batch[:, :4]))


def test_what_cannot_be_copied_is_refused_with_a_remedy_that_works() -> None:
    model = net()
    model.lock = threading.Lock()
    with pytest.raises(InputError, match=r"cannot be copied .*`lambda x: model\(x\)`"):
        votes(model)
    model.eval()
    np.testing.assert_array_equal(votes(lambda x: model(x)), EXPECTED)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_weights_that_are_computed_from_others() -> None:
    model = net()
    nn.utils.weight_norm(model[0])
    nn.utils.parametrizations.spectral_norm(model[3])
    model(X).sum().backward()
    votes(model)
    with pytest.raises(InputError, match="LazyLinear '0' has no weights yet"):
        votes(nn.Sequential(nn.LazyLinear(4)))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
def test_compiled_by_torchscript_and_exported_programs() -> None:
    model = net().eval()
    for other in (torch.jit.script(model), torch.jit.freeze(torch.jit.script(model))):
        np.testing.assert_array_equal(votes(other), EXPECTED)
    rows = torch.export.Dim("rows", min=2)
    exported = torch.export.export(model, (X,), dynamic_shapes=({0: rows},)).module()
    np.testing.assert_array_equal(votes(exported), EXPECTED)
    np.testing.assert_array_equal(votes(torch.jit.script(net())), EXPECTED)


def test_models_that_were_made_or_are_used_in_inference_mode() -> None:
    with torch.inference_mode():
        model = net()
        np.testing.assert_array_equal(votes(model), EXPECTED)
    np.testing.assert_array_equal(votes(model), EXPECTED)
    SoftSmoothed(model, NOISE)(X.clone().requires_grad_()).sum().backward()


def test_a_deployed_copy_stays_in_evaluation_mode() -> None:
    smoothed = wulff.Smoothed(net(), NOISE, 4, policy=DevicePolicy())
    smoothed.train()
    np.testing.assert_array_equal(smoothed.counts(X, 500).votes, EXPECTED)
    smoothed.model.module.train()
    with pytest.raises(InputError, match="in training mode"):
        smoothed.counts(X, 500)


def test_inference_mode_ends_where_votes_are_handed_out() -> None:
    smoothed = wulff.Smoothed(net(), NOISE, 4)
    quota = FixedQuota({Phase.ESTIMATION: 10})
    for _ in LocalEngine().map(smoothed, quota, 0, enumerate(X)):
        assert not torch.is_inference_mode_enabled()


def test_attacks_use_the_same_copy() -> None:
    model = net()
    model.register_forward_pre_hook(lambda module, args: None if not module.training else 1 / 0)
    x = X.clone().requires_grad_()
    soft = SoftSmoothed(model, NOISE, copies=8)
    (gradient,) = torch.autograd.grad(soft(x).sum(), x)
    assert (gradient != 0).any()
    radius = torch.full((3,), 0.1)
    y = torch.zeros(3, dtype=torch.long)
    attack = EOTPGD(steps=2, copies=4, restarts=1)
    attack(model, wulff.noises.parse(NOISE), X, y, "l2", radius, generator=torch.Generator())
    assert model.training
    assert model[0].weight.requires_grad
    assert model[0].weight.grad is None


def test_memory_is_that_of_one_copy_and_only_while_votes_are_counted() -> None:
    model = net()
    with evaluating(model) as fixed:
        assert len(fixed._modules) == len(list(model.modules()))
        assert {p.data_ptr() for m in fixed._modules for p in m.parameters()}.isdisjoint(
            p.data_ptr() for p in model.parameters()
        )


def test_a_model_that_changes_while_it_is_sent_to_workers_is_refused() -> None:
    smoothed = wulff.Smoothed(Sent(), NOISE, 4)
    quota = FixedQuota({Phase.ESTIMATION: 10})
    with pytest.raises(InputError, match="changed while votes were counted"):
        list(ProcessEngine(1).map(smoothed, quota, 0, enumerate(X)))


class Sent(nn.Linear):
    def __init__(self) -> None:
        super().__init__(6, 4)

    def __reduce__(self) -> tuple[object, ...]:
        with torch.no_grad():
            self.bias += 1
        return Sent, ()

    def __deepcopy__(self, memo: object) -> "Sent":
        return Sent()
