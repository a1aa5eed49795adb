"""The parts of a module: which layer owns which parameters, and how `__init__` makes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from keyword import iskeyword

from dlspec.ir.graph import Buffer, Graph, Node, Parameter, Value
from dlspec.ir.types import DType
from dlspec.targets.torch_source.names import MODULE_ATTRIBUTES


@dataclass
class Part:
    """A place in the tree of names: a layer (``module`` constructs it), a tensor, or only a
    scope."""

    children: dict[str, Part] = field(default_factory=dict[str, "Part"])
    module: str | None = None
    weight: Parameter | Buffer | None = None
    text: str = "self"


class Tree:
    """All parameters and buffers of some graphs, under the names that their `state_dict` keys ask
    for."""

    def __init__(self, graphs: Iterable[Graph], methods: Iterable[str]) -> None:
        self.methods = frozenset(methods)
        self.root = Part()
        self.layers: dict[str, str] = {}
        self._places: dict[str, str] = {}
        all_graphs = list(graphs)
        weights = {w.name: w for g in all_graphs for w in g.weights}
        self._find_layers([n for g in all_graphs for n in all_nodes(g)])
        owned = {f"{prefix}." for prefix in self.layers}
        for name, weight in weights.items():
            prefix = name.rpartition(".")[0]
            if f"{prefix}." in owned:
                self._part(prefix).module = self.layers[prefix]
            else:
                self._part(name).weight = weight
        self._place(self.root)
        for name in weights:
            prefix, _, last = name.rpartition(".")
            if f"{prefix}." in owned:
                self._places[name] = f"{self._part(prefix).text}.{last}"
            else:
                self._places[name] = self._part(name).text

    def weight(self, name: str) -> str:
        """The text of a parameter or buffer, `self.maps.weight`."""
        return self._places[name]

    def layer(self, node: Node) -> str | None:
        """The text of the layer that a node is a call of, None where its op is a function of
        tensors."""
        prefix = layer_prefix(node)
        return self._part(prefix).text if prefix is not None and prefix in self.layers else None

    def statements(self) -> Iterator[str]:
        """The body of `__init__`, after `super().__init__()`."""
        yield from self._statements(self.root)

    def _find_layers(self, nodes: Iterable[Node]) -> None:
        refused: set[str] = set()
        for node in nodes:
            prefix = layer_prefix(node)
            if prefix is None:
                continue
            text = node.op.torch_module(*(None if v is None else v.type for v in node.inputs))
            if text is None or self.layers.setdefault(prefix, text) != text:
                refused.add(prefix)
        for prefix in refused:
            self.layers.pop(prefix, None)

    def _part(self, name: str) -> Part:
        part = self.root
        for key in name.split("."):
            part = part.children.setdefault(key, Part())
        return part

    def _place(self, part: Part) -> None:
        for key, child in part.children.items():
            child.text = self._access(part, key, child)
            self._place(child)

    def _access(self, parent: Part, key: str, child: Part) -> str:
        if child.weight is None and _is_dict(parent):
            return f'{parent.text}["{key}"]'
        if (
            key.isidentifier()
            and key not in MODULE_ATTRIBUTES | self.methods
            and not iskeyword(key)
        ):
            return f"{parent.text}.{key}"
        if child.weight is None:
            return f'{parent.text}._modules["{key}"]'
        kind = "_buffers" if isinstance(child.weight, Buffer) else "_parameters"
        return f'{parent.text}.{kind}["{key}"]'

    def _statements(self, part: Part) -> Iterator[str]:
        for key, child in part.children.items():
            if isinstance(child.weight, Buffer):
                yield f'{part.text}.register_buffer("{key}", {_filled(child.weight)})'
            elif child.weight is not None:
                yield f"{child.text} = nn.Parameter({_filled(child.weight)})"
            elif child.module is not None:
                yield f"{child.text} = {child.module}"
            else:
                yield f"{child.text} = nn.{'ModuleDict' if _is_dict(child) else 'Module'}()"
            yield from self._statements(child)


def _is_dict(part: Part) -> bool:
    """Rounds of a loop, `h.3`: attributes cannot be numbers, so these are the keys of a
    dictionary."""
    keys = [k for k, c in part.children.items() if c.weight is None]
    return bool(keys) and part.module is None and all(k.isdigit() for k in keys)


def all_nodes(graph: Graph) -> Iterator[Node]:
    """The nodes of a graph and of the bodies of its loops."""
    for node in graph.nodes:
        yield node
        body = getattr(node.op, "body", None)
        if isinstance(body, Graph):
            yield from all_nodes(body)


def node_weights(node: Node) -> Mapping[str, Value]:
    """The parameters that a node reads, by their names in the op's signature."""
    slots = node.op.rule.parameters
    tail = node.inputs[len(node.inputs) - len(slots) :] if slots else ()
    return {s.name: v for s, v in zip(slots, tail, strict=True) if v is not None}


def layer_prefix(node: Node) -> str | None:
    """`maps` for a node whose parameters are exactly `maps.weight` and `maps.bias`."""
    weights = node_weights(node)
    prefixes = {v.name.removesuffix(f".{slot}") for slot, v in weights.items()}
    if len(prefixes) != 1 or any(not isinstance(v, (Parameter, Buffer)) for v in weights.values()):
        return None
    (prefix,) = prefixes
    return prefix if all(v.name == f"{prefix}.{slot}" for slot, v in weights.items()) else None


def _filled(weight: Parameter | Buffer) -> str:
    make = "ones" if weight.init.kind == "ones" else "zeros"
    sizes = ", ".join(str(d) for d in weight.type.shape) or "()"
    dtype = "" if weight.type.dtype is DType.float32 else f", dtype=torch.{weight.type.dtype}"
    return f"torch.{make}({sizes}{dtype})"
