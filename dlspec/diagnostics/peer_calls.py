"""Advice for what was written in another framework's words: the same in a spec's words.

All functions read the text at a place; none needs it to parse.
"""

from __future__ import annotations

import re

from dlspec.diagnostics.peers import (
    DIMENSIONS,
    FUNCTIONS,
    LAYERS,
    METHODS,
    NEEDLESS,
    OPTIMIZERS,
    PACKAGES,
    SETTINGS,
    STATEMENTS,
    VALUES,
    Peer,
)
from dlspec.source import SourceFile, Span

_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*")
_BEFORE = re.compile(r"([A-Za-z_]\w*)\s*\.\s*$")
_NAMED = re.compile(r"\s*([A-Za-z_]\w*)\s*=(?!=)\s*(.*)\Z", re.S)
_TUPLE = re.compile(r"[(\[]\s*([\w.]+)\s*(?:,\s*([\w.]+)\s*)*,?\s*[)\]]\Z")
_SIMPLE = re.compile(r"[\w.+\-*/ ]+\Z")
_ACTIVATIONS = frozenset(
    ["relu", "sigmoid", "tanh", "softmax", "gelu", "silu", "elu", "selu", "softplus", "leaky_relu"]
)
_FIRST = frozenset(["channels", "units", "count", "size", "rate", "groups", "slope"])
"""What our layers take by position."""
MAX_READ = 400


def name_advice(span: Span) -> str | None:
    """What to write instead of the unknown name at a place (``nn`` of ``nn.Linear(784, 10)``)."""
    written, arguments = _call_at(span)
    *packages, last = [part.strip() for part in written.split(".")]
    if packages and packages[0] not in PACKAGES:
        return None
    shown = ".".join([*packages, last])
    if arguments is not None and len(arguments) < 60:
        shown += f"({arguments})"
    elif arguments is not None:
        shown += "(…)"
    if last in LAYERS and (packages or LAYERS[last].name != last):
        translated = translation(LAYERS[last], arguments, functional=last[0].islower())
        return f"`{_on_one_line(shown)}` is written `{translated}`"
    if last in FUNCTIONS:
        advice = FUNCTIONS[last]
        return f"write {advice}" if advice.startswith("`") else advice
    if last.lower() in _ACTIVATIONS and packages:
        return f"write `{last.lower()}`"
    if packages and packages[0] == "self":
        return f"names need no `self`: write `{last}`"
    if packages:
        return f"ops need no package: write `{last}` if there is one of that name"
    if last in PACKAGES and last not in ("layers", "models", "optim", "math"):
        return "a spec needs no package: `dense`, `conv`, `relu`, … are there by name"
    return None


def translation(peer: Peer, arguments: str | None, *, functional: bool = False) -> str:
    """Our way to write a layer of a peer with these arguments (None: it is not called).

    A ``functional`` one takes its tensor first.
    """
    if arguments is None:
        return peer.name
    positional: list[str] = []
    named: dict[str, str] = {}
    activation = ""
    order = iter(peer.order)
    parts = split(arguments)
    if functional and parts:
        positional.append(parts.pop(0))
    tensors = len(positional)
    for part in parts:
        match = _NAMED.match(part)
        key = match.group(1) if match else next(order, "")
        text = (match.group(2) if match else part).strip()
        if key in ("activation", "act"):
            activation = text.strip("\"'").rsplit(".", 1)[-1].lower()
            continue
        if match:
            key = SETTINGS.get(key, "" if key in NEEDLESS else key)
            if key == "kernel" and peer.name.endswith("_pool"):
                key = "size"
        if key:
            named[key] = _value(text)
    _mend(named)
    for key in list(named):
        first = len(positional) == tensors
        sized = key == "size" and (peer.name == "embed" or peer.name.endswith("_pool"))
        if sized or (first and key in _FIRST):
            positional.append(named.pop(key))
    called = ", ".join([*positional, *(f"{k} = {v}" for k, v in named.items())])
    shown = f"{peer.name}({called})" if called else peer.name
    if activation and activation not in ("none", "linear", "None"):
        shown += f" -> {activation}"
    return shown


def _mend(named: dict[str, str]) -> None:
    """What is said in other words here: no padding, a bias that is not wanted."""
    pad = named.get("pad", "").strip("\"'").lower()
    if pad == "valid":
        del named["pad"]
    if named.get("bias") == "true":
        del named["bias"]
    elif named.get("bias") == "false":
        named["bias"] = "none"


def _value(text: str) -> str:
    if text in VALUES:
        return VALUES[text]
    match = _TUPLE.match(text)
    if match is not None:
        parts = [p.strip() for p in text[1:-1].split(",") if p.strip()]
        return parts[0] if len(set(parts)) == 1 else f"[{', '.join(parts)}]"
    if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]:
        return f'"{text[1:-1]}"'
    return text if _SIMPLE.match(text) else "…"


def setting_advice(name: str, of: str, span: Span, known: frozenset[str] | None) -> str | None:
    """What to write instead of a setting that ``of`` does not have; ``known`` are those it has."""
    rate = SETTINGS.get(name, name) == "lr"
    if rate and known is not None and "lr" not in known and "optimizer" in known:
        return "the rate belongs to the optimiser: `optimizer = adam(0.001)`"
    unit = re.match(r"(?:\w+_)?(step|epoch)s?\Z", name)
    if unit and known is not None and known & {"over", "warm_up"}:
        match = _NAMED.match(span.text)
        length = match.group(2).strip() if match else "400"
        return f"a length is a number with its unit: `{min(known)} = {length} {unit.group(1)}s`"
    ours = SETTINGS.get(name)
    if ours is not None and (known is None or ours in known):
        match = _NAMED.match(span.text)
        value = _value(match.group(2).strip()) if match else None
        text = {ours: value or "…"}
        _mend(text)
        if ours == "pad" and value is not None and value.strip("\"'").lower() == "valid":
            return "leave it out: there is no padding unless `pad` gives some"
        if ours == "minimize":
            return "a goal is a statement: `minimize cross_entropy(logits, label)`"
        if not text:
            return "leave it out: that is the default"
        return f"it is called `{ours}` here: `{ours} = {text[ours]}`"
    advice = NEEDLESS.get(name)
    if advice is not None and name in ("activation", "act"):
        match = _NAMED.match(span.text)
        wanted = match.group(2).strip().strip("\"'").lower() if match else "relu"
        return f"an activation is applied after: `{of}(…) -> {wanted}`"
    return advice


def optimizer_advice(text: str) -> str | None:
    """An optimiser of a peer, `optim.Adam(model.parameters(), lr=0.001)`, in our words."""
    match = re.match(r"[\"']?([\w.]+)[\"']?\s*(?:\((.*)\))?\s*\Z", text, re.S)
    if match is None:
        return None
    kind = match.group(1).rsplit(".", 1)[-1]
    ours = kind if kind in OPTIMIZERS.values() else OPTIMIZERS.get(kind)
    if ours is None:
        return None
    named: dict[str, str] = {}
    for part in split(match.group(2) or ""):
        given = _NAMED.match(part)
        if given:
            named[SETTINGS.get(given.group(1), given.group(1))] = _value(given.group(2).strip())
        elif re.match(r"[\d.e+-]+\Z", part):
            named.setdefault("lr", part)
    rate = named.pop("lr", "0.001")
    called = ", ".join([rate, *(f"{k} = {v}" for k, v in named.items())])
    return f"write `{ours}({called})`"


def statement_advice(text: str) -> str | None:
    """What a statement that stands alone (`model.add(Dense(10))`) would be here."""
    match = re.match(r"[\w.]*\.(\w+)\s*\(", text)
    if match is not None and match.group(1) in STATEMENTS:
        return STATEMENTS[match.group(1)]
    match = re.match(r"[\w.]+", text)
    if match is None:
        return None
    name = match.group().rsplit(".", 1)[-1]
    if name in STATEMENTS:
        return STATEMENTS[name]
    if re.match(r"(dense|conv|relu|max_pool|dropout|flatten|batch_norm|softmax)\b", text) or (
        name in LAYERS
    ):
        return "layers are applied by arrows and named: `h = x -> dense(100) -> relu`"
    return None


def value_advice(source: SourceFile, start: int) -> tuple[str, str] | None:
    """The name and the advice, where a value after ``start`` is of another framework."""
    match = re.compile(r"\s*([A-Za-z_][\w.]*)").match(source.text, start)
    if match is None:
        return None
    name = match.group(1)
    advice = name_advice(Span(source, match.start(1), match.end(1)))
    return (name, advice) if advice else None


def method_advice(name: str, span: Span) -> str | None:
    """What to write instead of a method of a tensor; the span is the method's name."""
    template = METHODS.get(name)
    if template is None:
        if span.source.text[span.end : span.end + 1] != "(":
            return None
        template = "{of} -> {name}(…)"
    before = _BEFORE.search(span.source.text[max(0, span.start - 80) : span.start])
    of = before.group(1) if before else "x"
    return f"tensors have no methods: `{template.format(of=of, name=name)}`"


def dimension_advice(name: str) -> str | None:
    """The letter that specs use for a dimension."""
    letter = DIMENSIONS.get(name)
    if letter == "N":
        return "the batch is `N`: any number of examples"
    return f"a free dimension is a capital letter: `{letter}`" if letter else None


def peer_call_at(span: Span) -> str | None:
    """Advice if a call of another framework's layer begins at a place."""
    written, arguments = _call_at(span)
    parts = [p.strip() for p in written.split(".")]
    if arguments is None or parts[-1] not in LAYERS:
        return None
    if LAYERS[parts[-1]].name == parts[-1] and len(parts) == 1:
        return None
    return name_advice(span)


def _call_at(span: Span) -> tuple[str, str | None]:
    """The dotted name that begins at a span, and the text of its arguments if it is called."""
    text = span.source.text
    match = _DOTTED.match(text, span.start)
    if match is None:
        return span.text, None
    end = match.end()
    if text[end : end + 1] != "(":
        return match.group(), None
    close = _closing(text, end)
    return match.group(), text[end + 1 : close] if close is not None else None


def _closing(text: str, opening: int) -> int | None:
    depth = 0
    for position in range(opening, min(len(text), opening + MAX_READ)):
        depth += (text[position] in "([{") - (text[position] in ")]}")
        if depth == 0:
            return position
    return None


def split(arguments: str) -> list[str]:
    """Arguments at their commas, but for commas in brackets and quotes."""
    parts, depth, quote, part = list[str](), 0, "", ""
    for character in arguments:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        if character == "," and depth == 0 and not quote:
            parts.append(part)
            part = ""
        else:
            part += character
    return [p.strip() for p in [*parts, part] if p.strip()]


def _on_one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)
