"""Data sources, fields, splits and batches: NumPy arrays, in memory or mapped from disk.

``open_data(plan, folder=…)`` carries a `dlspec.ir.data_plan.DataPlan` out.
"""

from dlspec.data.batches import batches, epoch_order
from dlspec.data.dataset import Dataset, Field, Splits
from dlspec.data.opening import open_data, open_source
from dlspec.data.sources import RawSource, load_source

__all__ = [
    "Dataset",
    "Field",
    "RawSource",
    "Splits",
    "batches",
    "epoch_order",
    "load_source",
    "open_data",
    "open_source",
]
