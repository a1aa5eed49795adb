"""A training in a process of its own, to be killed: ``worker.py FOLDER EPOCHS [resume] [slow]``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from dlspec.train import TrainOptions, train
from dlspec.train.events import Event, Progressed
from tests.train.recipes import classifier, splits


def main() -> None:
    folder, epochs, *flags = sys.argv[1:]

    def tell(event: Event) -> None:
        print(type(event).__name__, flush=True)
        if isinstance(event, Progressed) and "slow" in flags:
            time.sleep(0.05)

    options = TrainOptions(
        run_dir=Path(folder),
        quiet=True,
        threads=1,
        matmul="highest",
        resume="resume" in flags,
        save_seconds=0.2,
    )
    plan = classifier(dropout=0.25, norm=True, units=64, batch=20, epochs=int(epochs))
    result = train(plan, splits(train=20_000), options, on_event=tell)
    print("hash", result.weight_hash)


if __name__ == "__main__":
    main()
