"""Training: a recipe and data in, weights out.

``train(plan, splits, TrainOptions(run_dir=…))`` carries a `dlspec.ir.plan.RecipePlan` out in plain
PyTorch; nothing here imports PyTorch before it is called.
"""

from dlspec.train.evaluation import evaluate
from dlspec.train.events import Event, Listener
from dlspec.train.options import TrainOptions, TrainResult, hash_weights
from dlspec.train.training import train

__all__ = ["Event", "Listener", "TrainOptions", "TrainResult", "evaluate", "hash_weights", "train"]
