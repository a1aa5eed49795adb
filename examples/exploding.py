"""The cliff of recurrent training, drawn from the network that `specs/exploding.dl` compiles to.

    python examples/exploding.py [PICTURE]        (exploding.png without a name)

Left, what a thousand steps make of an input of 1, and how that changes with the weight w.
Right, gradient descent from w = 1.01 on the surface of the loss, with clipped gradients and
without. Needs dlspec with PyTorch, and matplotlib.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from dlspec.driver import open_spec
from dlspec.targets.torch_source import load_module, module_source

SPEC = Path(__file__).resolve().parent.parent / "specs" / "exploding.dl"
BLUE, ORANGE, GREY = "#2563eb", "#ea580c", "#6b7280"
Answer = Callable[[float], tuple[float, float]]


def compiled() -> Answer:
    """A function of w: what the network makes of an input of 1, and how that changes with w."""
    graph = open_spec(SPEC).networks["chain"].graph
    with tempfile.TemporaryDirectory() as folder:
        source = module_source("chain", {"engine": graph})
        module = load_module(source, Path(folder) / "chain.py")()
    (weight,) = module.parameters()

    def answer(w: float) -> tuple[float, float]:
        with torch.no_grad():
            weight.fill_(w)
        y = module.engine(torch.ones(1))
        (gradient,) = torch.autograd.grad(y, weight)
        return float(y.detach()), float(gradient)

    return answer


def descent(answer: Answer, clip: float | None, steps: int = 40) -> list[tuple[float, float]]:
    """The weights that gradient descent on (y - 1)² goes through from w = 1.01, and the loss at
    each, while it is finite."""
    w, path = 1.01, []
    for step in range(steps):
        y, slope = answer(w)
        loss, gradient = (y - 1) ** 2, 2 * (y - 1) * slope
        path.append((w, loss))
        if not abs(gradient) < float("inf"):
            break
        if clip is not None:
            gradient = max(-clip, min(clip, gradient))
        w -= 0.002 * (1 - step / steps) * gradient
    return path


def draw(path: Path) -> None:
    """Draw the picture into a file."""
    from matplotlib.figure import Figure

    answer = compiled()
    figure = Figure(figsize=(11.5, 4.4), layout="constrained", facecolor="white")
    figure.suptitle(
        "One linear neuron, a thousand steps: y = w⁹⁹⁹", x=0.01, ha="left", fontweight="bold"
    )
    left, right = figure.subplots(1, 2)

    weights = [round(0.95 + 0.001 * i, 3) for i in range(101)]
    found = [answer(w) for w in weights]
    left.plot(weights, [y for y, _ in found], color=BLUE, lw=2, label="y")
    left.plot(weights, [slope for _, slope in found], color=ORANGE, lw=2, label="∂y / ∂w")
    for w, text, place in (
        (0.99, "vanishes", (0.955, 1e7)),
        (1.0, "right", (0.984, 1e12)),
        (1.01, "explodes", (1.011, 1e-6)),
    ):
        y, slope = answer(w)
        left.plot([w, w], [y, slope], "o", color=GREY, ms=4)
        told = f"w = {w:g} {text}:\ny = {y:.3g}, ∂y / ∂w = {slope:.3g}"
        line = {"arrowstyle": "-", "color": GREY, "lw": 0.8}
        left.annotate(told, (w, slope), place, fontsize=8.5, arrowprops=line, color="#374151")
    left.set(yscale="log", xlabel="w", title="the answer and its gradient")
    left.legend(frameon=False, loc="upper left", fontsize=9)

    near = [round(0.986 + 0.0002 * i, 4) for i in range(136)]
    right.plot(near, [(answer(w)[0] - 1) ** 2 + 1e-7 for w in near], color="#d1d5db", lw=5)
    tame, wild = descent(answer, clip=1.0), descent(answer, clip=None)
    points = [(w, loss + 1e-7) for w, loss in tame]
    right.plot(*zip(*points, strict=True), "o", color=BLUE, ms=4, alpha=0.7)
    right.plot(*zip(*points[:6], strict=True), color=BLUE, lw=1)
    right.text(
        1.0035, 30, "clip = norm(1): 40 small steps\nto the right weight", color=BLUE, fontsize=9
    )
    (w, loss), (thrown, _) = wild[:2]
    arrow = {"arrowstyle": "->", "color": ORANGE, "lw": 2}
    right.annotate("", (0.9862, loss), (w, loss), arrowprops=arrow)
    told = f"not clipped: the first step lands at w = {thrown:.2g}"
    right.text(0.9866, loss * 3, told, color=ORANGE, fontsize=9)
    right.set(
        yscale="log", ylim=(1e-8, 1e12), xlabel="w", title="the loss (y - 1)², and the way down"
    )

    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#e5e7eb", lw=0.8)
        axes.set_axisbelow(True)
        axes.title.set_fontsize(10)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", nargs="?", type=Path, default=Path("exploding.png"))
    target = parser.parse_args().picture
    draw(target)
    print(target)
