"""Where the processes of one night find each other: a file, and no address but the machine's own.

In: a folder of this one start. Out: torchrun's words and environment; in each process, a group.
Never: a port that another machine could reach, as torchrun's own way of meeting opens one.
"""

import os
import sys
from pathlib import Path

VARIABLE = "OVERNIGHT_MEETING"
LOOPBACK = {"linux": "lo", "darwin": "lo0"}
"""What each system calls the network that ends in the machine itself."""


def words(folder: Path, processes: int) -> list[str]:
    """What Python is started with, before the words of the module that each process runs."""
    return [
        "-m", "torch.distributed.run", "--nnodes=1", "--rdzv-backend=c10d",
        "--rdzv-conf=store_type=file", f"--rdzv-endpoint={folder / 'torchrun'}",
        "--rdzv-id=overnight", "--local-addr=127.0.0.1", f"--nproc_per_node={processes}",
    ]  # fmt: skip


def environment(folder: Path) -> dict[str, str]:
    """What torchrun and its processes are told beside; what a user has set for NCCL stays."""
    near = LOOPBACK.get(sys.platform)
    names = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME") if near else ()
    return {
        VARIABLE: str(folder / "processes"),
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
        **{name: os.environ.get(name, str(near)) for name in names},
    }


def join() -> None:
    """Makes this process one of the group that its parent began; nothing where it began none."""
    place = os.environ.get(VARIABLE)
    if place is None:
        return
    import torch
    from torch import distributed

    if distributed.is_initialized():
        return
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    store = distributed.FileStore(place, world)  # type: ignore[attr-defined]
    distributed.init_process_group(backend, store=store, rank=rank, world_size=world)
