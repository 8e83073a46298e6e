"""Scalars of a training for TensorBoard; the only file that imports it."""

from pathlib import Path

from wulff.errors import InputError
from wulff.training import Epoch


class Scalars:
    """Writes loss and noisy accuracy of every epoch into `tensorboard/` of a folder.

    Raises:
        InputError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise InputError("--tensorboard needs TensorBoard; pip install 'wulff[tensorboard]'.") from None
        self._open = lambda: SummaryWriter(str(folder / "tensorboard"))
        self._writer: SummaryWriter | None = None

    def add(self, epoch: Epoch) -> None:
        """Write an epoch's numbers; the files are made with the first."""
        self._writer = self._writer or self._open()
        self._writer.add_scalar("loss", epoch.loss, epoch.number)
        self._writer.add_scalar("noisy accuracy", epoch.noisy_accuracy, epoch.number)
        self._writer.flush()
