"""Forming the process group again after torchrun has restarted the processes.

torchrun keeps one key-value store over all restarts (since torch 2.5, pytorch/pytorch#135712). A restarted process would read the
addresses that dead processes left there and wait for them in vain, so that the restart fails too.
"""

import os
import warnings

import torch.distributed as dist
from torch.distributed import PrefixStore, TCPStore  # pyright: ignore[reportPrivateImportUsage]

from gan_style.engine.agreement import PATIENCE
from gan_style.machine.device import choose_device


def rejoin() -> None:
    """After a restart under torchrun, form the process group under keys of this attempt; accelerate then uses that group.

    Only the processes of one node have the same count of restarts. On several nodes torchrun must make a store for each attempt, which
    TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 asks for.
    """
    attempt = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return
    if int(os.environ.get("GROUP_WORLD_SIZE", "1")) > 1:
        if os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0") != "0" and os.environ.get("RANK") == "0":
            warnings.warn(
                "restarts on several nodes fail while torchrun shares its store: export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 on each",
                stacklevel=2,
            )
        return
    if attempt and not dist.is_initialized():
        store = TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)
        dist.init_process_group(
            "nccl" if choose_device().type == "cuda" else "gloo",
            store=PrefixStore(f"attempt_{attempt}", store),
            rank=int(os.environ["RANK"]),
            world_size=int(os.environ["WORLD_SIZE"]),
            timeout=PATIENCE,
        )
