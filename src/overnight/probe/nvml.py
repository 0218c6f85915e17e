"""What NVIDIA's driver says of the card that torch computes on, beyond what torch says.

In: torch's first device. Out: power limit, driver version, memory of other processes; nothing where
nvidia-ml-py is not installed (extra `gpu`) or the driver does not answer. Never: a setting changed.
"""

import os
from dataclasses import dataclass
from typing import Any

SOURCE = "the driver (nvidia-ml-py)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """None, or an empty string, for what the driver does not say."""

    power_watts: float | None = None
    driver: str = ""
    others_bytes: int | None = None


def ask(uuid: str) -> Told:
    """The driver's facts about the card of this UUID (as torch writes it, without `GPU-`)."""
    try:
        import pynvml
    except ImportError:
        return Told()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return Told()
    try:
        card = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid.removeprefix('GPU-')}")
        watts = _or_none(pynvml, pynvml.nvmlDeviceGetEnforcedPowerLimit, card)
        return Told(
            power_watts=None if watts is None else watts / 1000,
            driver=str(pynvml.nvmlSystemGetDriverVersion()),
            others_bytes=_others(
                _or_none(pynvml, pynvml.nvmlDeviceGetComputeRunningProcesses, card)
            ),
        )
    except pynvml.NVMLError:  # a slice of a card (MIG) has a UUID of another kind
        return Told()
    finally:
        pynvml.nvmlShutdown()


def _or_none(pynvml: Any, question: Any, card: Any) -> Any:
    """Not every card and not every user gets every answer."""
    try:
        return question(card)
    except pynvml.NVMLError:
        return None


def _others(processes: Any) -> int | None:
    """Bytes of all processes but this; None where this one is not among them.

    A container numbers processes otherwise than the driver, and then nobody can be told apart.
    """
    if processes is None or os.getpid() not in {process.pid for process in processes}:
        return None
    held = [one.usedGpuMemory for one in processes if one.pid != os.getpid()]
    return None if None in held else sum(held)
