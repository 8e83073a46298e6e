"""Several processes that train one model, as `torchrun` starts them: each takes its share of every batch."""

import os
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor


def rank_and_world(device: torch.device) -> tuple[int, int]:
    """The number of this process and how many there are: (0, 1) unless torchrun has started several.

    Args:
        device: Where this process trains, which decides how the processes talk.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return 0, 1
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return dist.get_rank(), world


def own_device(name: str) -> str:
    """The device of this process: `cuda` means the GPU with its number, where torchrun has given it one."""
    return f"cuda:{os.environ['LOCAL_RANK']}" if name == "cuda" and "LOCAL_RANK" in os.environ else name


def average(tensors: Iterable[Tensor]) -> None:
    """Replace tensors by their means over all processes, in one message."""
    kept = list(tensors)
    flat = torch.cat([tensor.reshape(-1) for tensor in kept])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for tensor, mean in zip(kept, flat.split([tensor.numel() for tensor in kept]), strict=True):
        tensor.copy_(mean.view_as(tensor))
