"""The training engine of stacks: as `models.engine`, for many networks of one shape at once.

The same configuration, seed, device, instruction set and torch version give the same numbers, bit for bit, whatever
else is in the stack, and in whatever order; they agree with those of `models.engine` to rounding.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Generic, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's own abbreviation

from models.device_data import DeviceData, Part
from models.engine import Training, check, ends_with
from models.learner import TrainedEpoch, batch_bounds, now
from models.objectives import build_objective
from models.protocols import TrainingData
from models.reproducible import reproducible
from models.stacking.batch_step import BatchStep
from models.stacking.member import Member, Request
from models.stacking.shape import LEAST_WIDTH, WIDTH, Shape, alignment, padded_size, shape_of
from models.stacking.stack import Stack
from models.user_code import normalises_batches

T = TypeVar("T")


def train_stacked(
    requests: Iterable[tuple[T, Request]],
    *,
    width: int = WIDTH,
    places: int = 0,
    device: str = "cpu",
    graphs: bool = True,
) -> Iterator[tuple[T, Training]]:
    """Train networks of one shape together.

    Each takes a place of the stack as one becomes free, at the end of an epoch.

    Args:
        requests: what to train, each with a tag; all of one `shape_of`. The next is taken when there is a place for it.
        width: how many train at once.
        places: how many the stack has, if more; the rest stay empty. On CUDA a member's bits may depend on it. Unless
            told, the stack gets fewer on the CPU when members have ended and nobody waits.
        device: "cpu", "cuda" or "cuda:1".
        graphs: whether CUDA may replay the steps from graphs, which changes no bit.

    Yields:
        The tag of each request, with the trained network and its history, in the order in which they end.

    Raises:
        ModelError: as `models.engine.train`.
        ValueError: a request has another shape, or does not stack.
    """
    waiting = iter(requests)
    first = next(waiting, None)
    if first is None:
        return
    shape = shape_of(first[1].config, first[1].data)
    if shape is None:
        raise ValueError("the first of the requests does not stack")
    with reproducible(1, torch.device(device)):
        room = _Room(width, max(width, places), narrows=device == "cpu" and not places)
        stacked = _Stacked(shape, first, waiting, room, torch.device(device), graphs=graphs)
        yield from stacked.run()


@dataclass(frozen=True)
class _Room:
    """How many members a stack trains at once, how many places for them it has, and whether they may become fewer."""

    members: int
    places: int
    narrows: bool


@dataclass
class _Running(Generic[T]):
    """A member in its place, and the tag of its request."""

    tag: T
    member: Member
    index: int


class _Stacked(Generic[T]):
    """A stack in training."""

    def __init__(
        self,
        shape: Shape,
        first: tuple[T, Request],
        waiting: Iterator[tuple[T, Request]],
        room: _Room,
        device: torch.device,
        *,
        graphs: bool,
    ) -> None:
        self._shape, self._waiting, self._device = shape, waiting, device
        self._room, self._graphs = room, graphs
        self._data = _SharedData(device, alignment(shape))
        _, request = first
        example = Member(request, self._data.of(request), 1)
        rows = len(request.data.train_inputs)
        self._bounds = batch_bounds(rows, request.config.batch_size, normalises_batches(example.network))
        self._stack = self._stack_for(example)
        # By the rows of a batch.
        self._steps: dict[int, BatchStep] = {}
        self._running: list[_Running[T]] = []
        self._all_entered = False
        self._enter(*first, 0)

    def run(self) -> Iterator[tuple[T, Training]]:
        """Train until all have ended."""
        while True:
            yield from self._refill()
            if not self._running:
                return
            if self._all_entered and self._room.narrows:
                self._narrow()
            for one, trained in self._epoch():
                member = one.member
                if ends_with(trained, member, member.trajectory, member.data, member.request.control):
                    yield self._finish(one)
                else:
                    member.keep_snapshot()

    def _refill(self) -> Iterator[tuple[T, Training]]:
        """Give the free places to those that wait, and their results at once to those with nothing left to train."""
        free = sorted(set(range(self._room.members)) - {one.index for one in self._running})
        for index in free:
            # One that was resumed after its last epoch leaves at once.
            while (request := next(self._waiting, None)) is not None:
                self._enter(*request, index)
                if self._running[-1].member.trajectory.epochs_left:
                    break
                yield self._finish(self._running[-1])
            self._all_entered = request is None
        for one in list(self._running):
            if not one.member.trajectory.epochs_left:
                yield self._finish(one)

    def _narrow(self) -> None:
        """Move the members to a stack with fewer places, if some are free."""
        places = max(LEAST_WIDTH, len(self._running))
        if places < self._room.places:
            self._room, self._steps = _Room(places, places, narrows=True), {}
            self._stack = self._stack_for(self._running[0].member)
            for index, one in enumerate(self._running):
                one.member.move(self._stack, index)
                one.index = index

    def _stack_for(self, example: Member) -> Stack:
        """Make a stack of networks like that of a member."""
        return Stack(self._shape, example.request.config, example.network, example.data.objective, self._room.places)

    def _enter(self, tag: T, request: Request, index: int) -> None:
        check(request.config, [request.seed], request.data, request.plan, request.control)
        if shape_of(request.config, request.data) != self._shape:
            raise ValueError("a request has another shape than those before it")
        member = self._placed(request, index)
        if not member.resume():
            member = self._placed(request, index)
        limit = request.control.time_limit_seconds
        member.deadline = None if limit is None else perf_counter() + limit
        self._running.append(_Running(tag, member, index))

    def _placed(self, request: Request, index: int) -> Member:
        member = Member(request, self._data.of(request), len(self._bounds))
        member.enter(self._stack, index)
        return member

    def _finish(self, one: _Running[T]) -> tuple[T, Training]:
        self._running.remove(one)
        one.member.leave(self._stack, one.index)
        return one.tag, Training(one.member.network.eval(), one.member.trajectory.history)

    def _epoch(self) -> list[tuple[_Running[T], TrainedEpoch | None]]:
        """Train every batch once; None for a member that ran out of time."""
        running, places = list(self._running), self._stack.places
        inputs, encoded, starts = self._data.joined(one.member.data.train for one in running)
        rows, seen = self._shape.inputs[0], self._bounds[-1][1]
        orders = [torch.randperm(rows, generator=one.member.shuffle) for one in running]
        late: set[int] = set()

        start = now(self._device)
        # Places without a member compute on the first rows of the first.
        order = torch.zeros((places, rows), dtype=torch.int64)
        for one, own, begin in zip(running, orders, starts, strict=True):
            order[one.index] = own + begin
        made: list[tuple[Tensor, Tensor]] = []
        for wanted, chosen in zip(self._hyperparameters(running), self._by_batch(order.to(self._device)), strict=True):
            late |= {one.index for one in running if _is_late(one.member)}
            if len(late) == len(running):
                break
            count = len(chosen) // places
            if count not in self._steps:
                step = BatchStep(self._stack, count, inputs, encoded, wanted, graphs=self._graphs)
                self._steps[count] = step
            made.append(self._steps[count](inputs, encoded, chosen, wanted))
        seconds = (now(self._device) - start) / len(running)

        if len(late) == len(running):
            return [(one, None) for one in running]
        outputs = torch.cat([one for one, _ in made], dim=1)
        losses = torch.stack([one for _, one in made]).cpu().double()
        sizes = torch.tensor([last - first for first, last in self._bounds], dtype=torch.float64)
        return [
            (
                one,
                None
                if one.index in late
                else TrainedEpoch(
                    losses=losses[:, one.index],
                    sizes=sizes,
                    outputs=outputs[one.index],
                    targets=one.member.data.train.targets[own[:seen].to(self._device)],
                    learning_rate=one.member.rate_of_epoch,
                    seconds=seconds,
                ),
            )
            for one, own in zip(running, orders, strict=True)
        ]

    def _by_batch(self, order: Tensor) -> list[Tensor]:
        """Divide the order of the rows, [places, n], into that of each batch, [places * batch]."""
        size, (first, last) = self._bounds[0][1], self._bounds[-1]
        whole = first + size if last - first == size else first
        batches = order[:, :whole].view(len(order), -1, size).transpose(0, 1).flatten(start_dim=1).unbind()
        return [*batches] if whole == last else [*batches, order[:, first:last].flatten()]

    def _hyperparameters(self, running: Sequence[_Running[T]]) -> Iterable[Tensor]:
        """Give what the update needs of the hyperparameters for each batch; the schedules follow the batches."""
        by_batch = self._prepared(running)
        if not self._stack.updates_together:
            return by_batch
        # All at once: CUDA would wait for each.
        return torch.stack(list(by_batch)).to(self._device)

    def _prepared(self, running: Sequence[_Running[T]]) -> Iterator[Tensor]:
        changing = [one for one in running if one.member.schedule.by_batch]
        self._set_rates(running)
        for _, last in self._bounds:
            yield self._stack.prepared()
            for one in changing:
                one.member.schedule.after_batch()
            if last < self._bounds[-1][1]:
                self._set_rates(changing)

    def _set_rates(self, running: Sequence[_Running[T]]) -> None:
        for one in running:
            self._stack.given.learning_rate[one.index] = one.member.learning_rate
            one.member.rate_of_epoch = one.member.learning_rate


def _is_late(member: Member) -> bool:
    return member.deadline is not None and perf_counter() > member.deadline


class _SharedData:
    """Datasets on the device, each once however many members train on it.

    Args:
        device: to train on.
        multiple: what the inputs are padded to a multiple of.
    """

    def __init__(self, device: torch.device, multiple: int) -> None:
        self._device, self._multiple = device, multiple
        self._known: list[tuple[TrainingData, DeviceData]] = []
        self._joined: tuple[list[Part], Tensor, Tensor] | None = None

    def of(self, request: Request) -> DeviceData:
        """The data of a request on the device, with the objective that it is scored by."""
        objective = build_objective(request.config, request.data)
        for source, known in self._known:
            if source is request.data:
                return replace(known, objective=objective)
        made = DeviceData.on_device(request.config, request.data, objective, self._device)
        self._known.append((request.data, made))
        return made

    def joined(self, parts: Iterable[Part]) -> tuple[Tensor, Tensor, list[int]]:
        """Return all inputs and all encoded targets, each dataset once, and where in them each part begins."""
        wanted = list(parts)
        # What no member trains on any more may go.
        self._known = [(source, known) for source, known in self._known if any(known.train is part for part in wanted)]
        distinct: list[Part] = []
        for part in wanted:
            if not any(part.inputs is one.inputs for one in distinct):
                distinct.append(part)
        if self._joined is None or [id(one.inputs) for one in self._joined[0]] != [id(one.inputs) for one in distinct]:
            alone = len(distinct) == 1
            rows = [one.inputs.flatten(start_dim=1) for one in distinct]
            inputs = rows[0] if alone else torch.cat(rows)
            missing = padded_size(inputs.shape[1], self._multiple) - inputs.shape[1]
            inputs = F.pad(inputs, (0, missing)) if missing else inputs.contiguous()
            encoded = distinct[0].encoded if alone else torch.cat([one.encoded for one in distinct])
            self._joined = distinct, inputs, encoded
        _, inputs, encoded = self._joined
        begins, begin = {}, 0
        for part in distinct:
            begins[id(part.inputs)] = begin
            begin += len(part.inputs)
        return inputs, encoded, [begins[id(part.inputs)] for part in wanted]
