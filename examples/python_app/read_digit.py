"""Read a handwritten digit from a picture, with a dlspec bundle embedded in the application.

    python read_digit.py build/lenet seven.png

Needs dlspec (with NumPy and ONNX Runtime, no torch) and, for pictures, Pillow.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

import dlspec
from dlspec.runtime import Model


def pixels(path: Path, model: Model) -> np.ndarray:
    """What the model sees of a picture, with a batch of one: scaled, and turned to white ink on
    black as the digits that it has learnt. ``.npy`` is taken as it is."""
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False)[None]
    seen, note = dlspec.read_picture(path, model.inputs[0])
    if note is not None:
        print(f"{path.name}: {note}", file=sys.stderr)
    return seen


def bars(probabilities: np.ndarray, names: tuple[str, ...], width: int = 40) -> str:
    """One line a class, the longest bar for the most probable."""
    lines: list[str] = []
    for name, p in zip(names, probabilities, strict=True):
        mark = "←" if p == probabilities.max() else ""
        lines.append(f"  {name}  {'█' * round(float(p) * width):<{width}} {p:6.1%} {mark}".rstrip())
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Read a handwritten digit.")
    parser.add_argument("bundle", type=Path, help="a bundle, such as build/lenet")
    parser.add_argument("picture", type=Path, help="a .png, .jpg or .npy")
    args = parser.parse_args()
    try:
        model = dlspec.load(args.bundle)
        answer = model(image=pixels(args.picture, model))
    except (dlspec.DlspecError, OSError, ValueError) as error:  # the latter two of numpy.load
        print(error, file=sys.stderr)
        return 1
    print(f"{args.picture.name} shows a {answer.names('digit')[0]}")
    print(bars(answer.probability[0], answer.classes["digit"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
