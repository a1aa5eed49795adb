"""Whether a graph computes each example of a batch by itself.

Where it does, the exact answer to a batch is the answers to its examples, so that a few examples
tell the answers to batches of every size. Where this is not known for sure, batches are computed
whole: an op that is not listed here is taken to mix examples.
"""

from __future__ import annotations

from dlspec.ir.graph import Graph, Node, Value

_ALONE = frozenset(
    [
        "erf",
        "relu",
        "sigmoid",
        "tanh",
        "softplus",
        "gelu",
        "leaky_relu",
        "add",
        "sub",
        "mul",
        "div",
        "mod",
        "floor_div",
        "pow",
        "maximum",
        "minimum",
        "neg",
        "exp",
        "log",
        "sqrt",
        "abs",
        "clip",
        "equal",
        "not_equal",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "logical_and",
        "logical_or",
        "logical_xor",
        "logical_not",
        "isnan",
        "isinf",
        "where",
        "cast",
        "embed",
        "one_hot",
        "silu",
        "mish",
        "softsign",
        "log_sigmoid",
        "hard_sigmoid",
        "hard_swish",
        "dense",
        "square",
        "reciprocal",
        "rsqrt",
        "expm1",
        "log1p",
        "prelu",
        "elu",
        "selu",
        "celu",
        "relu6",
        "hard_tanh",
        "threshold",
        "floor",
        "ceil",
        "round",
        "trunc",
        "sign",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "sinh",
        "cosh",
        "asinh",
        "acosh",
        "atanh",
        "conv",
        "conv_transpose",
        "global_avg_pool",
        "global_max_pool",
        "global_lp_pool",
        "adaptive_avg_pool",
        "adaptive_max_pool",
        "max_pool",
        "avg_pool",
        "lp_pool",
        "depth_to_space",
        "space_to_depth",
        "batch_norm",
        "group_norm",
        "instance_norm",
        "layer_norm",
        "rms_norm",
        "lrn",
        "resize",
        "matmul",
        "flatten",
        "unflatten",
        "reshape",
        "unsqueeze",
        "squeeze",
        "concat",
        "stack",
        "pad",
        "split",
        "chunk",
        "slice",
        "crop",
        "softmax",
        "softmin",
        "log_softmax",
        "glu",
        "normalize",
        "sum",
        "mean",
        "max",
        "min",
        "prod",
        "argmax",
        "argmin",
        "logsumexp",
        "var",
        "std",
        "norm",
        "top_k",
    ]
)
"""Ops that compute each example by itself unless their axis is the examples'."""


def example_symbol(graph: Graph) -> str | None:
    """The symbol of the axis of examples, if every example is computed by itself; else None.

    Every input and output, and every value that depends on an input, has this symbol as its first
    dimension and nowhere else.
    """
    if graph.kind != "inference" or graph.updates or not graph.inputs:
        return None
    first = graph.inputs[0].type.shape
    symbol = first[0].symbol if first else None
    if symbol is None or not all(_begins(v, symbol) for v in graph.inputs):
        return None
    depends: set[Value] = set(graph.inputs)
    for node in graph.nodes:
        read = [v for v in node.inputs if v is not None and v in depends]
        if not read:
            continue
        if not _is_alone(node) or not all(_begins(v, symbol) for v in node.outputs):
            return None
        depends.update(node.outputs)
    return symbol if all(o.value in depends for o in graph.outputs) else None


def _begins(value: Value, symbol: str) -> bool:
    shape = value.type.shape
    return (
        bool(shape)
        and shape[0].symbol == symbol
        and not any(symbol in dim.symbols for dim in shape[1:])
    )


def _is_alone(node: Node) -> bool:
    op = node.op
    if op.name not in _ALONE:
        return False
    first = node.inputs[0]
    rank = first.type.rank if first is not None else 0
    for name in ("axis", "axes"):
        given = getattr(op, name, ())
        axes = given if isinstance(given, tuple) else (given,)
        if any(a is None or (isinstance(a, int) and a in (0, -rank)) for a in axes):
            return False
    return True
