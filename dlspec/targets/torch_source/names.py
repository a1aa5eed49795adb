"""Python names for a graph's names."""

from __future__ import annotations

import builtins
import keyword
import re

from dlspec.ir.graph import Value

_BUILTINS = frozenset(dir(builtins)) - {"input", "id"}
RESERVED = frozenset(keyword.kwlist) | _BUILTINS | {"torch", "F", "nn", "Tensor", "self", "math"}
"""Names that no local variable may have: keywords, the built-ins that emitted code calls, the
imports."""

_ATTRIBUTES = """
    T_destination add_module apply bfloat16 buffers call_super_init children clear compile copy
    cpu cuda double dump_patches eval extra_repr float forward fromkeys get get_buffer
    get_extra_state get_parameter get_submodule half ipu items keys load_state_dict modules mtia
    named_buffers named_children named_modules named_parameters parameters pop popitem
    register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module
    register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule setdefault share_memory state_dict to to_empty train training
    type update values xpu zero_grad
"""

MODULE_ATTRIBUTES = frozenset(_ATTRIBUTES.split())
"""Attributes of `nn.Module` and its containers, behind which a part of the same name could not be
reached."""


def identifier(name: str) -> str:
    """A Python identifier like a name of the graph: `h.sampler.u` is `h_sampler_u`."""
    text = re.sub(r"\W", "_", name).replace("'", "_")
    if not text or text[0].isdigit():
        text = f"_{text}"
    return f"{text}_" if text in RESERVED else text


def class_name(name: str) -> str:
    """`my_net` is `MyNet`."""
    text = "".join(part[:1].upper() + part[1:] for part in re.split(r"[\W_]+", name) if part)
    return f"Net{text}" if not text or text[0].isdigit() or text in RESERVED else text


def is_bound(value: Value) -> bool:
    """Whether the spec gave the value a name (`logits = …`): a nameless link of a chain is called
    as its node."""
    return value.producer is not None and value.name != value.producer.path


def local_name(value: Value) -> str:
    """What a Value is called in a method: as the spec does (`logits`, also within an application,
    `reader.logits`, and in a round of a loop, `h.2`), and `x` for a nameless link of a chain
    (`logits.relu`)."""
    parts = [p for p in value.name.split(".") if not p.isdigit()]
    if is_bound(value) or len(parts) == 1:
        return identifier(parts[-1])
    return "x"
