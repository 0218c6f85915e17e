"""What several processes of one night must agree on.

In: an accelerator and this process's own view. Out: the same on all of them. Never: launches one.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from overnight.training import meeting
from overnight.values.errors import OvernightError

T = TypeVar("T")


def accelerator(mixed_precision: str, wanted: int) -> Any:
    """Accelerate's view of devices and processes, with as many processes as were asked for.

    Without an accelerator it must be told so: else every process believes that it is alone.

    Raises:
        OvernightError: there are more or fewer of them.
    """
    import torch
    from accelerate import Accelerator

    meeting.join()
    alone = not (torch.cuda.is_available() or torch.backends.mps.is_available())
    found = Accelerator(mixed_precision=mixed_precision, cpu=alone)
    if found.num_processes != wanted:
        raise OvernightError(
            f"{wanted} processes were asked for and {found.num_processes} are running"
        )
    return found


def agreed(accelerator: Any, value: T) -> T:
    """What the main process holds; every process gets the same."""
    if accelerator.num_processes == 1:
        return value
    from accelerate.utils import broadcast_object_list

    told = [value]
    broadcast_object_list(told)
    return told[0]


def anywhere(accelerator: Any, trouble: bool) -> bool:
    """Whether any process is in trouble: one rank's trouble is every rank's decision."""
    if accelerator.num_processes == 1:
        return trouble
    import torch

    flag = torch.tensor(float(trouble), device=accelerator.device)
    return bool(accelerator.reduce(flag, "sum").item() > 0)


def largest(accelerator: Any, mine: tuple[int, ...]) -> tuple[int, ...]:
    """The largest of what the processes hold, compared from its first figure on."""
    if accelerator.num_processes == 1:
        return mine
    import torch

    told = torch.tensor([mine], device=accelerator.device)
    return max(tuple(one) for one in accelerator.gather(told).tolist())


def random_states(accelerator: Any, mine: dict[str, Any]) -> list[dict[str, Any]]:
    """The random state of every process, in their order."""
    if accelerator.num_processes == 1:
        return [mine]
    from accelerate.utils import gather_object

    return list(gather_object([mine]))


def sum_gradients(parameters: Sequence[Any]) -> None:
    """Adds up the gradients of all processes; one that had no rows brings zeros."""
    import torch

    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        torch.distributed.all_reduce(parameter.grad)
