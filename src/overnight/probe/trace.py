"""What a piece of training takes from an allocator, storage by storage.

In: a function to run, with real tensors or fake ones that take no memory. Out: `Trace`: every
allocation and free in order, and what each one was. Never: knows a method, an optimizer or a loop;
what is run and what parts are called is the caller's.
"""

import gc
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from overnight.planning.allocator import rounded

if TYPE_CHECKING:
    import torch
    from torch import nn

Naming = Callable[["torch.Tensor"], str]
"""The part that a new tensor belongs to; empty where that shows later, or never."""
REST = "working set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """All allocations of a run; a key is one storage."""

    events: tuple[tuple[int, int], ...]
    """(key, bytes) is an allocation, (key, 0) frees that one."""
    names: dict[int, str]
    """Key -> part, where it has a name."""

    def peak(self) -> dict[str, int]:
        """Bytes by part at the moment when most is in use."""
        return _parts(self._alive_at(self._highest()), self.names)

    @property
    def peak_bytes(self) -> int:
        """The most in use at any moment."""
        return sum(self.peak().values())

    def _highest(self) -> int:
        """How many events lead to the peak."""
        sizes: dict[int, int] = {}
        now, most, at = 0, -1, 0
        for place, (key, size) in enumerate(self.events):
            now += size - (0 if size else sizes[key])
            sizes[key] = size
            if now > most:
                most, at = now, place + 1
        return at

    def _alive_at(self, events: int) -> dict[int, int]:
        alive: dict[int, int] = {}
        for key, size in self.events[:events]:
            alive[key] = size
        return {key: size for key, size in alive.items() if size}


def _parts(alive: dict[int, int], names: dict[int, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, size in alive.items():
        name = names.get(key) or REST
        found[name] = found.get(name, 0) + size
    return found


class Recorder:
    """Writes down every storage that comes and goes; a view or an in-place change is none."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._events: list[tuple[int, int]] = []
        self._names: dict[int, str] = {}
        self._known: dict[int, tuple[weakref.ref[Any], int]] = {}

    def see(self, tensor: "torch.Tensor") -> int:
        """The key of a tensor's storage, an allocation where it is new."""
        storage = tensor.untyped_storage()
        known = self._known.get(id(storage))
        if known is not None and known[0]() is storage:
            return known[1]
        size = storage.nbytes()
        if not size:
            return 0
        key = len(self._events) + 1
        self._known[id(storage)] = weakref.ref(storage, lambda _: self._freed(key)), key
        self._events.append((key, rounded(size)))
        name = self._naming(tensor)
        if name:
            self._names[key] = name
        return key

    def _freed(self, key: int) -> None:
        self._events.append((key, 0))

    def name(self, part: str, tensors: Iterable["torch.Tensor"]) -> None:
        """Says what these tensors are, whatever they were taken for before."""
        for tensor in tensors:
            self._names[self.see(tensor)] = part

    def name_alive(self, part: str) -> None:
        """Says what everything is that is in use now and has no name yet."""
        for reference, key in list(self._known.values()):
            if reference() is not None:
                self._names.setdefault(key, part)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While it lasts every operation's results are seen.

        Python's collector of cycles rests, since when it runs is no property of the step.
        """
        gc.collect()
        resting = gc.isenabled()
        gc.disable()
        try:
            with _mode(self):
                yield
        finally:
            if resting:
                gc.enable()

    def trace(self) -> Trace:
        """What has been seen."""
        return Trace(events=tuple(self._events), names=dict(self._names))


def _mode(recorder: Recorder) -> AbstractContextManager[Any]:
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            results = function(*args, **(kwargs or {}))
            for result in results if isinstance(results, tuple | list) else (results,):
                if isinstance(result, torch.Tensor):
                    recorder.see(result)
            return results

    return Mode()  # type: ignore[no-untyped-call]


def weightless() -> AbstractContextManager[Any]:
    """Inside it tensors have shapes, types and storages, and no memory behind them."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    return FakeTensorMode(allow_non_fake_inputs=True)


def filled(model: "nn.Module") -> None:
    """Gives a model from the `meta` device storages of their own, tied weights staying tied.

    To be called inside `weightless()`: nothing is allocated.
    """
    import torch

    new: dict[int, nn.Parameter] = {}
    for module in model.modules():
        for name, old in list(module._parameters.items()):
            if old is not None and id(old) not in new:
                empty = torch.empty(old.shape, dtype=old.dtype, device="cpu")
                new[id(old)] = torch.nn.Parameter(empty, requires_grad=old.requires_grad)
            if old is not None:
                module._parameters[name] = new[id(old)]
        for name, held in list(module._buffers.items()):
            if held is not None:
                module._buffers[name] = torch.empty(held.shape, dtype=held.dtype, device="cpu")


@contextmanager
def any_precision() -> Iterator[None]:
    """While it lasts experts in fp32 can be traced: their fast product says its shape in bf16 only.

    The other product that transformers has for them takes and gives the same.
    """
    from transformers.integrations import moe

    fast = moe._can_use_grouped_mm
    moe._can_use_grouped_mm = lambda *_: False
    try:
        yield
    finally:
        moe._can_use_grouped_mm = fast


@contextmanager
def unmasked() -> Iterator[None]:
    """While it lasts a model's rows are taken to be equally long, as on a device it would see.

    Without data transformers cannot see that no mask is needed and builds one, rows x length^2;
    layers with a window shorter than the row need it in any case.
    """
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS as MASKS

    masked = MASKS["sdpa"]

    def mask(*args: Any, local_size: int | None = None, **others: Any) -> Any:
        if local_size is None or others["kv_length"] < local_size:
            return None
        return masked(*args, local_size=local_size, **others)

    MASKS["sdpa"] = mask
    try:
        yield
    finally:
        del MASKS["sdpa"]


@contextmanager
def as_on_cuda() -> Iterator[None]:
    """While it lasts some functions of torch keep what they keep on a card, not on a CPU.

    Under autocast LayerNorm and softmax compute in fp32 there; a dropped tensor leaves a mask of a
    byte an element; attention that drops scores has a kernel of its own and writes none of them.
    """
    from torch.nn import functional

    changed = {
        "layer_norm": _wide_norm(functional.layer_norm),
        "softmax": _wide_softmax(functional.softmax),
        "dropout": _masked,
        "scaled_dot_product_attention": _whole(functional.scaled_dot_product_attention),
    }
    before = {name: getattr(functional, name) for name in changed}
    for name, function in changed.items():
        setattr(functional, name, function)
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(functional, name, function)


def _short(tensor: "torch.Tensor") -> bool:
    """Whether autocast would compute with it in 16 bits."""
    import torch

    return torch.is_autocast_enabled("cpu") and tensor.dtype is torch.bfloat16


def _wide_norm(norm: Callable[..., "torch.Tensor"]) -> Callable[..., "torch.Tensor"]:
    def in_fp32(input: "torch.Tensor", *args: Any, **kwargs: Any) -> "torch.Tensor":
        if not _short(input):
            return norm(input, *args, **kwargs)
        wide = dict(zip(kwargs, _in_fp32(kwargs.values()), strict=True))
        return norm(input.float(), *_in_fp32(args), **wide)

    return in_fp32


def _in_fp32(values: Iterable[Any]) -> tuple[Any, ...]:
    import torch

    return tuple(v.float() if isinstance(v, torch.Tensor) else v for v in values)


def _wide_softmax(softmax: Callable[..., "torch.Tensor"]) -> Callable[..., "torch.Tensor"]:
    def in_fp32(input: "torch.Tensor", *args: Any, **kwargs: Any) -> "torch.Tensor":
        wide = _short(input) and kwargs.get("dtype") is None
        return softmax(input.float() if wide else input, *args, **kwargs)

    return in_fp32


def _masked(
    input: "torch.Tensor", p: float = 0.5, training: bool = True, inplace: bool = False
) -> "torch.Tensor":
    import torch

    return torch.native_dropout(input, p, training)[0] if p and training else input


def _whole(attend: Callable[..., "torch.Tensor"]) -> Callable[..., "torch.Tensor"]:
    def without_dropping(*args: Any, dropout_p: float = 0.0, **kwargs: Any) -> "torch.Tensor":
        return attend(*args, **kwargs)

    return without_dropping
