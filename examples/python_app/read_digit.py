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


def picture(path: Path, size: tuple[int, int]) -> np.ndarray:
    """A picture as white ink on black, uint8 of the given height and width.

    ``.npy`` is taken as it is; anything else is opened with Pillow, scaled, and inverted where the
    paper is white.
    """
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False)
    from PIL import Image

    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L").resize(size[::-1]))
    return 255 - pixels if pixels.mean() > 127 else pixels


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
        height, width = (int(d) for d in model.inputs[0].dims[1:])
        answer = model(image=picture(args.picture, (height, width))[None])
    except dlspec.DlspecError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{args.picture.name} shows a {answer.names('digit')[0]}")
    print(bars(answer.probability[0], answer.classes["digit"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
