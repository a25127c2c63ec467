"""torch by the elements of a tensor and the parts of a module: no strides, storages or addresses.

Runs in the flow's own interpreter, Python 3.8 syntax. A rule gives `Parts`, or None.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from _flowrepro.libraries.helpers import (
    Fields,
    attributes,
    extra,
    made,
    numpy_if_installed,
    public_first,
)

if TYPE_CHECKING:
    from _flowrepro.kinds import Parts


def of_torch(value: Any) -> Parts | None:
    """Return the parts of tensors, modules, optimizers and generators."""
    torch: Any = sys.modules["torch"]
    if isinstance(value, torch.Tensor):
        return _tensor(value, torch)
    if isinstance(value, torch.nn.Module):
        return None if isinstance(value, torch.jit.ScriptModule) else _module(value, torch)
    if isinstance(value, torch.optim.Optimizer):
        state = value.state_dict()
        return made("optimizer", value, [(name, state[name]) for name in sorted(state)])
    if isinstance(value, torch.Generator):
        return made("random", value, [("state", value.get_state())])
    return None


def _tensor(value: Any, torch: Any) -> Parts | None:
    """Return dtype and values; device and `requires_grad` where they are not the default."""
    if value.is_quantized:
        return None
    fields: Fields = [("dtype", str(value.dtype))]
    if value.device.type != "cpu":
        fields.append(("device", value.device.type))
    if value.requires_grad:
        fields.append(("requires_grad", True))
    plain = value.detach()
    if type(plain) is not torch.Tensor:
        plain = plain.as_subclass(torch.Tensor)
    if value.is_sparse:
        plain = plain.coalesce()
        layout = [("shape", list(value.shape)), ("indices", plain.indices())]
        fields += [*layout, ("values", plain.values())]
    elif value.layout is not torch.strided:
        return None
    elif value.device.type == "meta":
        fields.append(("shape", list(value.shape)))
    else:
        fields.append(("values", _elements(plain.cpu(), torch)))
    return made("tensor", value, fields + extra(attributes(value)))


def _elements(tensor: Any, torch: Any) -> Any:
    """Return a numpy array that shares the tensor's memory where numpy has the dtype."""
    tensor = tensor.resolve_conj().resolve_neg()
    if numpy_if_installed() is None:
        return tensor.tolist()
    try:
        return tensor.numpy()
    except TypeError:  # bfloat16, float8 and others: exact in the next wider one
        return tensor.to(torch.complex64 if tensor.is_complex() else torch.float32).numpy()


def _module(value: Any, torch: Any) -> Parts:
    """Return parameters, buffers and modules by name in their order, then attributes.

    Hooks are left out: they are functions, under numbers that count all hooks of a process.
    """
    state = attributes(value)
    of_every_module = attributes(torch.nn.Module())
    fields: Fields = []
    for group in ("_parameters", "_buffers", "_modules"):
        fields += state[group].items()
    rest = {name: item for name, item in state.items() if name not in of_every_module}
    return made("module", value, [*fields, *public_first(rest), ("training", value.training)])
