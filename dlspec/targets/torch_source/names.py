"""Python names for a graph's names."""

from __future__ import annotations

import builtins
import keyword
import re

_BUILTINS = frozenset(dir(builtins)) - {"input", "id"}
RESERVED = frozenset(keyword.kwlist) | _BUILTINS | {"torch", "F", "nn", "Tensor", "self", "math"}
"""Names that no local variable may have: keywords, the built-ins that emitted code calls, the imports."""

MODULE_ATTRIBUTES = frozenset(
    """T_destination add_module apply bfloat16 buffers call_super_init children clear compile copy cpu cuda double
    dump_patches eval extra_repr float forward fromkeys get get_buffer get_extra_state get_parameter get_submodule half
    ipu items keys load_state_dict modules mtia named_buffers named_children named_modules named_parameters
    parameters pop popitem register_backward_hook register_buffer register_forward_hook
    register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module
    register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule setdefault share_memory state_dict to to_empty train training type
    update values xpu zero_grad""".split()
)
"""Attributes of `nn.Module` and its containers, behind which a part of the same name could not be reached."""


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


def local_name(name: str) -> str:
    """What a Value is called in a method: its own name where the spec gave one (`logits`), a round of a loop (`h.2`) by the name
    of the loop's variable, and `x` for a nameless link of a chain (`logits.relu`)."""
    first, _, rest = name.partition(".")
    if rest and not re.fullmatch(r"[\d.]+", rest):
        return "x"
    return identifier(first)
