"""`dlspec predict`: what a model answers for files or values, for people or as JSON."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dlspec.bundle.manifest import OutputSpec
    from dlspec.cli.predict_inputs import Question
    from dlspec.runtime import Answer, Model

_WIDTH = 80
_MOST_ROWS = 10
_SUMMARISED = 1000
"""How many numbers NumPy prints at most."""


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    from dlspec.cli.paths import whole

    parser: argparse.ArgumentParser = verbs.add_parser(
        "predict",
        help="answer for an image, array or JSON file",
        description="Answer for texts, pictures, .wav, .npy, .npz or .json files, or values: "
        "\"a dull film\", image=seven.png, x=0.5, x='[1, 2]'; - is standard input. Several are "
        "several examples.",
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="build/lenet")
    parser.add_argument("given", nargs="+", metavar="FILE", help="a file or a text, or name=it")
    parser.add_argument("--engine", help="an engine of the bundle (its first)")
    parser.add_argument("--seed", type=whole(0), help="of a noise that the network draws")
    parser.add_argument("--all", action="store_true", help="all of long answers, on many lines")
    parser.add_argument("--json", action="store_true", help="one JSON object for each example")


def run(args: argparse.Namespace) -> int:
    """Print the answers."""
    import tempfile
    import warnings
    from pathlib import Path

    from dlspec.cli.standard_input import told
    from dlspec.diagnostics.core import DlspecError
    from dlspec.runtime import ProvedLessWarning, UntrainedWarning, load

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UntrainedWarning)  # said below, in the answer's words
        warnings.simplefilter("ignore", ProvedLessWarning)
        model = load(args.bundle, engine=args.engine)
    untrained = not model.trained and model.manifest.parameters > 0
    if untrained:
        print("warning: the model is not trained; these answers are noise", file=sys.stderr)
    if model.manifest.less:
        print(f"warning: the model is proved less (fast): {model.manifest.less}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        try:
            _answer(args, model, Path(folder))
        except DlspecError as error:
            raise DlspecError(*(told(d, Path(folder)) for d in error.diagnostics)) from error
    return 0


def _answer(args: argparse.Namespace, model: Model, folder: Path) -> None:
    """Print an answer to each question; what comes in on standard input lies in ``folder``."""
    from dlspec.cli.predict_inputs import questions
    from dlspec.cli.standard_input import as_it_came_in, is_standard_input, with_standard_input

    def takes_texts(name: str) -> bool:
        free = [i for i in model.inputs if i.origin == "data" and name in ("", i.name)]
        return bool(free) and all(i.by is not None for i in free)

    given: list[str] = args.given
    if any(is_standard_input(text) for text in given):
        given = with_standard_input(given, sys.stdin.buffer.read(), folder, takes_texts)
    is_cut = False
    for index, question in enumerate(questions(model.inputs, given)):
        question.title = as_it_came_in(question.title, folder)
        answer = model(question.feeds, seed=args.seed)
        for note in question.notes:
            print(f"note: {as_it_came_in(note, folder)}", file=sys.stderr)
        if args.json:
            print(_json(model, question, answer))
        else:
            lines, cut = _lines(model, question, answer, whole=args.all)
            print(("\n" if index else "") + "\n".join(lines))
            is_cut = is_cut or cut
    if is_cut:
        sys.stdout.flush()
        print("note: not all is shown: `--all` shows it, `--json` as JSON", file=sys.stderr)


def _json(model: Model, question: Question, answer: Answer) -> str:
    import json

    outputs = {
        name: [row.tolist() for row in answer.rows(name)] if array.ndim else array.item()
        for name, array in answer.items()
    }
    names = {name: answer.names(name) for name in answer.classes}
    told = {"given": question.title, "answer": outputs, "names": names}
    texts = {o.name: answer.text(o.name) for o in model.outputs if _is_text(o)}
    return json.dumps(told | ({"texts": texts} if texts else {}), default=str)


def _is_text(output: OutputSpec) -> bool:
    """Whether an output is a text for each example: ids in steps, of a vocabulary that is known.
    Where nothing has been learnt there is none yet, and the ids are told."""
    return output.by is not None and output.classes is not None and len(output.dims) == 2


def _lines(
    model: Model, question: Question, answer: Answer, *, whole: bool
) -> tuple[list[str], bool]:
    """An answer for people, and whether some of it was left out for want of room."""
    from dlspec.cli.predict_scores import shares_of

    lines = [question.title]
    is_cut = False
    texts = {o.name for o in model.outputs if _is_text(o)}
    counted = {f"{d}_lengths" for o in model.outputs for d in o.dims}
    for output in model.outputs:
        if output.name in texts:
            lines += [f"  {output.name}: {text}" for text in answer.text(output.name)]
        elif output.classes is not None and _is_one(answer, output.name):
            lines.append(f"  {output.name}: {_first(answer.names(output.name))}")
    scores = shares_of(model.outputs, answer, lambda name: _short(answer, name) is not None)
    for shown in scores:
        lines.append(f"  {shown.title}:")
        most = len(shown.values) if whole else _MOST_ROWS
        is_cut |= len(shown.values) > most
        lines += _bars(shown.values, shown.labels, most)
    barred = {name for shown in scores for name in shown.outputs}
    for output in model.outputs:
        if output.name in texts | counted | barred:
            continue
        told = output.classes is not None and _is_one(answer, output.name)
        array = answer[output.name]
        if not told:
            text = _values(answer, output)
            room = _WIDTH - len(output.name) - 4
            if len(text) <= room and array.size <= _SUMMARISED:
                lines.append(f"  {output.name}: {text}")
            elif whole:
                lines += [f"  {output.name}:", *_rows(answer, output)]
            else:
                lines.append(f"  {output.name}: {text[: room - 1]}…")
                is_cut = True
    return lines, is_cut


def _is_one(answer: Answer, output: str) -> bool:
    """Whether an output is one value, and no padding."""
    return answer[output].size == 1 and _short(answer, output) is None


def _short(answer: Answer, output: str) -> list[NDArray[Any]] | None:
    """The examples of an output without what stands behind them; None where nothing does."""
    array = answer[output]
    rows = answer.rows(output) if array.ndim > 1 else []
    return rows if any(len(row) < array.shape[1] for row in rows) else None


def _values(answer: Answer, output: OutputSpec) -> str:
    """The values of an output on one line, ids as their names."""
    if output.classes is not None and answer[output.name].size <= _SUMMARISED:
        return _nested(answer.names(output.name))
    rows = _short(answer, output.name)
    text = str(answer[output.name]) if rows is None else f"[{' '.join(map(str, rows))}]"
    return " ".join(text.split())


def _rows(answer: Answer, output: OutputSpec) -> list[str]:
    """All of an output, over as many lines as it takes."""
    import textwrap

    import numpy as np

    lines: list[str] = []
    room = _WIDTH - 4
    if output.classes is not None:
        for row in answer.names(output.name):
            lines += textwrap.wrap(_nested(row), room, subsequent_indent=" ") or [""]
    else:
        for part in _short(answer, output.name) or [answer[output.name]]:
            text = np.array2string(part, threshold=part.size + 1, max_line_width=room)
            lines += text.splitlines()
    return [f"    {line}".rstrip() for line in lines]


def _nested(names: Any) -> str:
    """Names in brackets as an array is shown; those with spaces in quotes."""
    if isinstance(names, list):
        return f"[{' '.join(_nested(n) for n in cast('list[Any]', names))}]"
    text = str(names)
    return f'"{text}"' if not text or " " in text else text


def _first(names: Any) -> Any:
    while isinstance(names, list):
        names = names[0]
    return names


def _bars(values: list[float], labels: list[str], most: int) -> list[str]:
    """In falling order where there are more than ten, at most so many; else all in their order."""
    order = range(len(values))
    if len(values) > _MOST_ROWS:
        order = sorted(order, key=lambda i: -values[i])[:most]
    width = min(24, max(len(labels[i]) for i in order))
    room = _WIDTH - width - 15
    best = max(values)
    lines: list[str] = []
    for i in order:
        bar = _bar(values[i], room)
        mark = " ◂" if values[i] == best else ""
        label = labels[i] if len(labels[i]) <= width else labels[i][: width - 1] + "…"
        lines.append(f"    {label:<{width}} {100 * values[i]:5.1f} % {bar}{mark}")
    return lines


def _bar(share: float, room: int) -> str:
    eighths = round(share * room * 8)
    return "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8]).strip()
