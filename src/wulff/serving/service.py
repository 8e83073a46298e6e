"""The votes of inputs that arrive at any time, counted in one thread, in batches that all of them share."""

import dataclasses
import itertools
import math
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from scipy import special
from torch import Tensor

from wulff._quoting import shown
from wulff._typing import FloatArray, IntArray
from wulff.backends.base import first_line
from wulff.certificates import certified_radius
from wulff.errors import InputError, RunError, WulffError
from wulff.norms import Box, Room, Threat, parse_threat
from wulff.smoothing import Phase, Smoothed, Terms, certify_counts
from wulff.smoothing.checks import check_seed
from wulff.smoothing.smoothed import certification_counts
from wulff.smoothing.voting import Votes
from wulff.stats import ABSTAIN, check_alpha, check_sample_size
from wulff.stats.clopper_pearson import tail_accuracy
from wulff.stats.rank_test import p_value


class Overloaded(WulffError):
    """More inputs are waiting than the service takes.

    Attributes:
        seconds: After how long it is worth asking again.
    """

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"too many inputs are waiting; ask again in {seconds} seconds.")


@dataclasses.dataclass(frozen=True)
class Answer:
    """What is said of the inputs of one request.

    Attributes:
        label: The smoothed classifier's label, or -1 where it abstains; shape (rows,).
        votes: By class, of shape (rows, classes).
        p_value: Of the test that the label is the most probable one; it abstains above alpha. Shape (rows,).
        n: The number of noisy copies behind the votes.
        seed: The seed of the noise: `Smoothed.predict` and `certify` repeat the votes with it.
        radii: Certified radii of shape (rows,) by threat, where they were asked for; 0 where it abstains.
        not_a_number: For how many copies the model's output was not a number; shape (rows,).
        statement: What is guaranteed, in words.
    """

    label: IntArray
    votes: IntArray
    p_value: FloatArray
    n: int
    seed: int
    radii: Mapping[str, FloatArray]
    not_a_number: IntArray
    statement: str


@dataclasses.dataclass(eq=False)
class _Request:
    """The inputs of one request, while they are voted on."""

    x: Tensor
    threats: Sequence[Threat]
    seed: int
    answer: "Future[Answer]" = dataclasses.field(default_factory=Future["Answer"])
    votes: dict[int, Votes] = dataclasses.field(default_factory=dict[int, Votes])


class Service:
    """Answers requests about a smoothed classifier; every request gets noise of its own.

    Args:
        smoothed: The classifier. It is taken as it is at the first request.
        input_shape: The shape of one input.
        n: Noisy copies of each input.
        alpha: The probability, for each input, with which an answer may be wrong.
        n0: Noisy copies that choose the label where radii are asked for.
        threats: Against which radii may be asked for; their tables are made here.
        most_waiting: How many inputs may wait or be worked on; more are refused.

    Raises:
        InputError: A number is out of its range, or no theorem has radii against a threat.
    """

    def __init__(
        self,
        smoothed: Smoothed,
        input_shape: Sequence[int],
        *,
        n: int = 1_000,
        alpha: float = 1e-3,
        n0: int = 100,
        threats: Sequence[Threat | str] = (),
        most_waiting: int = 1_024,
    ) -> None:
        self.smoothed = smoothed
        self.input_shape = tuple(input_shape)
        self.n = check_sample_size(n)
        self.n0 = check_sample_size(n0, "n0")
        self.alpha = check_alpha(alpha)
        self.most_waiting = check_sample_size(most_waiting, "most_waiting")
        self.noise = smoothed.noise.in_dim(math.prod(self.input_shape))
        self.threats = {str(threat): threat for threat in map(parse_threat, threats)}
        for threat in self.threats.values():
            certified_radius(self.noise, [0.01, 0.4], threat)
        self.waiting = 0
        self._last: float | None = None  # when votes were finished, if others were still waiting
        self._seconds = 0.0  # per input, lately
        self._requests: dict[int, tuple[_Request, int]] = {}  # by the number of an input: whose, which row
        self._keys: dict[int, tuple[int, int]] = {}  # by the number of an input: seed and row
        self._arrived: queue.SimpleQueue[tuple[int, Tensor] | None] = queue.SimpleQueue()
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._closed = False
        self._closing = False
        self._proving = ThreadPoolExecutor(1, "wulff-radii")  # tables of radii may take a while: votes go on
        self._thread = threading.Thread(target=self._work, name="wulff-votes", daemon=True)
        self._thread.start()

    def submit(self, x: Tensor, threats: Sequence[str] = ()) -> "Future[Answer]":
        """Ask for the labels of some inputs, and for radii against these threats.

        Args:
            x: Inputs in [0, 1], of shape (rows, *input_shape), on any device.
            threats: Some of the service's own, by their names.

        Raises:
            InputError: The inputs cannot be smoothed, or a threat is none of the service's.
            Overloaded: Too many are waiting already.
        """
        if x.shape[1:] != self.input_shape or not len(x):
            raise InputError(
                f"inputs must have shape {('rows', *self.input_shape)} with at least one row, got "
                f"{tuple(x.shape)}.".replace("'", "")
            )
        if len(x) > self.most_waiting:
            raise InputError(
                f"one request may have {self.most_waiting:,} inputs, got {len(x):,}; send parts."
            )
        for name in threats:
            if name not in self.threats:
                known = ", ".join(self.threats) or "none"
                raise InputError(f"radii are certified against {known} here, not against {shown(name)}.")
        chosen = [self.threats[name] for name in threats]
        x = self.smoothed.check_inputs(x, quiet=True).float()  # noisy copies may be asked about, too
        if any(isinstance(threat, Box) for threat in chosen):
            Room.of(x.cpu())  # refuses inputs outside the box
        request = _Request(x, chosen, check_seed(None))
        with self._lock:
            if self._closed:
                raise Overloaded(1)
            if self.waiting + len(x) > self.most_waiting:
                raise Overloaded(self._seconds_until(len(x)))
            self.waiting += len(x)
            for row, number in zip(range(len(x)), self._numbers):  # noqa: B905 (numbers never end)
                self._requests[number] = request, row
                self._keys[number] = request.seed, row
                self._arrived.put((number, x[row]))
        return request.answer

    def close(self) -> None:
        """Finish what was begun, and take no more."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._arrived.put(None)
        self._thread.join()
        self._proving.shutdown()

    def wanted(self, index: int, votes: Votes | None) -> Mapping[Phase, int]:
        """Sample sizes by phase of an input: a label needs one sample, a radius two."""
        request, _ = self._requests[index]
        if request.threats:
            return {Phase.SELECTION: self.n0, Phase.ESTIMATION: self.n}
        return {Phase.PREDICTION: self.n}

    def _seconds_until(self, rows: int) -> int:
        excess = self.waiting + rows - self.most_waiting
        return max(1, min(60, math.ceil(excess * self._seconds)))

    def _work(self) -> None:
        """Count votes until the service is closed; what a model cannot answer fails alone."""
        loop = self.smoothed.vote_loop(self, seed=self._keys)
        while True:
            arrivals = self._arrivals()
            try:
                for votes in loop.run(arrivals):
                    self._deliver(votes)
                return
            except Exception as error:  # the model is other people's code
                self._fail(error)

    def _arrivals(self) -> Iterator[tuple[int, Tensor] | None]:
        """Inputs as they come; None while there is work but no new input; ends when the service does."""
        while True:
            try:
                arrived = self._arrived.get(block=not self._keys and not self._closing)
            except queue.Empty:
                if not self._keys:
                    return
                yield None
                continue
            if arrived is None:
                self._closing = True
            elif arrived[0] in self._keys:  # else its request has failed already
                yield arrived

    def _deliver(self, votes: Votes) -> None:
        with self._lock:
            request, row = self._requests.pop(votes.index)
            del self._keys[votes.index]
            self.waiting -= 1
            now = time.monotonic()
            if self._last is not None:
                self._seconds += (now - self._last - self._seconds) / 32
            self._last = now if self.waiting else None
        request.votes[row] = votes
        if len(request.votes) == len(request.x):
            self._proving.submit(self._answer, request)

    def _fail(self, error: Exception) -> None:
        """Refuse everything that the loop has begun."""
        with self._lock:
            failed = {id(request): request for request, _ in self._requests.values()}
            self._requests.clear()
            self._keys.clear()
            self.waiting = 0
        said = (
            first_line(error)
            if isinstance(error, WulffError)
            else f"{type(error).__name__}: {first_line(error)}"
        )
        for request in failed.values():
            request.answer.set_exception(RunError(f"the votes could not be counted: {said}."))

    def _answer(self, request: _Request) -> None:
        try:
            votes = [request.votes[row] for row in range(len(request.x))]
            answer = self._certified(request, votes) if request.threats else self._predicted(request, votes)
            request.answer.set_result(answer)
        except Exception as error:
            request.answer.set_exception(error)

    def _predicted(self, request: _Request, votes: Sequence[Votes]) -> Answer:
        counts = np.stack([vote.counts[Phase.PREDICTION] for vote in votes])
        p = p_value(counts, self.n - counts.sum(axis=1) if self.smoothed.grid else None)
        return Answer(
            label=np.where(p <= self.alpha, counts.argmax(axis=1), ABSTAIN),
            votes=counts,
            p_value=p,
            n=self.n,
            seed=request.seed,
            radii={},
            not_a_number=_not_a_number(votes),
            statement=f"A label other than -1 is g(x), the class that the base classifier returns most often "
            f"on x + Z, Z ~ {self.noise}, with probability at least 1 - {self.alpha:g} over the noise "
            f"samples, for each input separately [Cohen et al. 2019, Predict].",
        )

    def _certified(self, request: _Request, votes: Sequence[Votes]) -> Answer:
        selection, estimation = certification_counts(
            [dataclasses.replace(vote, index=row) for row, vote in enumerate(votes)], None
        )
        terms = Terms(
            noise=self.noise,
            n0=self.n0,
            n=self.n,
            alpha=self.alpha,
            seed=request.seed,
            grid=self.smoothed.grid,
        )
        found = {str(t): certify_counts(selection, estimation, terms, t) for t in request.threats}
        top = selection.top()
        hits = self.n - estimation.misses(top)
        # P[Binomial(n, ½) ≥ hits]: how likely so many are for a label that is not the most probable one.
        p = special.betainc(np.maximum(hits, 1), self.n - hits + 1.0, 0.5) * (1 + tail_accuracy(self.n))
        certain = next(iter(found.values())).label != ABSTAIN
        return Answer(
            label=np.where(certain, top, ABSTAIN),
            votes=estimation.votes,
            p_value=np.where(hits > 0, np.minimum(p, 1.0), 1.0),
            n=self.n,
            seed=request.seed,
            radii={name: proof.radius for name, proof in found.items()},
            not_a_number=_not_a_number(votes),
            statement=terms.statement(request.threats),
        )


def _not_a_number(votes: Sequence[Votes]) -> IntArray:
    return np.array([sum(vote.not_a_number.values()) for vote in votes], dtype=np.int64)
