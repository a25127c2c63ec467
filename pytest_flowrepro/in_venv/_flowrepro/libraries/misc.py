"""Rules for libraries of one or two classes: images, figures, graphs, and models of data.

Run in the flow's own interpreter: Python 3.8 syntax.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from _flowrepro.kinds import Parts
from _flowrepro.libraries.helpers import (
    attributes,
    extra,
    library_name,
    made,
    module_of,
    mro,
    numpy_if_installed,
    public_first,
    root_of,
)


def of_pillow(value: Any) -> Parts | None:
    """Return the pixels of an image, not the file that it came from or that file's format."""
    if not isinstance(value, sys.modules["PIL.Image"].Image):
        return None
    value.load()
    numpy = numpy_if_installed()
    pixels = value.tobytes() if numpy is None else numpy.asarray(value)
    fields = [("mode", value.mode), ("size", tuple(value.size)), ("pixels", pixels)]
    if value.mode in ("P", "PA"):
        fields.append(("palette", value.getpalette()))
    if "transparency" in value.info:
        fields.append(("transparency", value.info["transparency"]))
    if root_of(type(value)) == "PIL":  # a class per file format
        return Parts("image", "PIL.Image.Image", fields)
    return made("image", value, fields)


def of_matplotlib(value: Any) -> Parts | None:
    """Return the picture of a figure, its texts and the numbers behind lines and images."""
    figures: Any = sys.modules["matplotlib.figure"]
    if isinstance(value, sys.modules["matplotlib.axes"].Axes):
        place = value.figure.axes.index(value)
        return made("axes", value, [("number", place), ("figure", value.figure)])
    if not isinstance(value, figures.Figure):
        return None
    np, agg, text = map(
        importlib.import_module, ("numpy", "matplotlib.backends.backend_agg", "matplotlib.text")
    )
    canvas = agg.FigureCanvasAgg(value)
    canvas.draw()
    picture = np.asarray(canvas.buffer_rgba())
    texts = [item.get_text() for item in value.findobj(text.Text) if item.get_text()]
    axes = [_axes(plot, np) for plot in value.axes]
    return made("figure", value, [("axes", axes), ("texts", texts), ("picture", picture)])


def _axes(axes: Any, numpy: Any) -> dict[str, Any]:
    shown = {
        "lines": [numpy.asarray(line.get_xydata()) for line in axes.lines],
        "images": [numpy.asarray(image.get_array()) for image in axes.images],
        "points": [numpy.asarray(dots.get_offsets()) for dots in axes.collections],
    }
    return {name: arrays for name, arrays in shown.items() if arrays}


def of_networkx(value: Any) -> Parts | None:
    """Return a graph as `networkx.utils.graphs_equal` sees it: no order, no cached views."""
    networkx: Any = sys.modules["networkx"]
    if not isinstance(value, networkx.Graph):
        return None
    ends = tuple if value.is_directed() else frozenset
    edges: dict[Any, Any] = {}
    for start, neighbours in value._adj.items():  # noqa: SLF001  .adj would cache a view
        for end, data in neighbours.items():
            edges[ends((start, end))] = data
    fields = [("graph", value.graph), ("nodes", dict(value._node)), ("edges", edges)]  # noqa: SLF001
    return made("graph", value, fields + extra(attributes(value, without=_GRAPH)))


_GRAPH = (
    *("graph", "_graph", "_node", "_adj", "_succ", "_pred", "__networkx_cache__"),
    *("adj", "nodes", "edges", "degree", "succ", "pred"),
    *("in_edges", "out_edges", "in_degree", "out_degree"),
)
"""Attributes that networkx itself keeps in a graph, cached views included."""


def of_pydantic(value: Any) -> Parts | None:
    """Return the fields, extra and private values of a model, which its `==` compares."""
    cls = type(value)
    if not any(base.__name__ == "BaseModel" and root_of(base) == "pydantic" for base in mro(cls)):
        return None
    state = attributes(value)
    declared = _class_attribute(cls, "__pydantic_fields__", "model_fields", "__fields__")
    fields = [(name, state[name]) for name in declared if name in state]
    if hasattr(cls, "__pydantic_core_schema__"):
        extras = object.__getattribute__(value, "__pydantic_extra__")
        private = object.__getattribute__(value, "__pydantic_private__")
    else:  # version 1 keeps extra values among the fields
        extras = {name: item for name, item in state.items() if name not in declared}
        private = _slots(value, _class_attribute(cls, "__private_attributes__"))
    fields += [("(extra)", extras)] if extras else []
    fields += [("(private)", private)] if private else []
    return made("model", value, fields)


def _slots(value: object, names: Any) -> dict[str, Any]:
    values = {}
    for name in names:
        try:
            values[name] = object.__getattribute__(value, name)
        except AttributeError:  # declared, and never set
            continue
    return values


def _class_attribute(cls: type, *names: str) -> Any:
    for base in mro(cls):
        for name in names:
            attribute = type.__dict__["__dict__"].__get__(base).get(name)
            if isinstance(attribute, dict):
                return attribute
    return {}


def attrs_names(cls: type) -> tuple[str, ...]:
    for base in mro(cls):
        declared = type.__dict__["__dict__"].__get__(base).get("__attrs_attrs__")
        if declared is not None:
            return tuple(attribute.name for attribute in declared)
    return ()


def of_attrs(value: Any) -> Parts | None:
    """Return the fields of an attrs class, and the other entries of the instance's `__dict__`."""
    cls = type(value)
    if any(issubclass(cls, base) for base in (dict, list, tuple, set, BaseException)):
        return None
    names = attrs_names(cls)
    fields = list(_slots(value, names).items())
    rest = attributes(value, without=(*names, "_attrs_cached_hash"))
    return Parts("attrs", library_name(cls), fields + public_first(rest))


def of_metaflow(value: Any) -> Parts | None:
    """Return the path of a flow, run, step, task or artifact, without the ids of one run."""
    if not any(base.__name__ == "MetaflowObject" for base in mro(type(value))):
        return None
    if module_of(type(value)) != "metaflow.client.core":
        return None
    path = value.pathspec.split("/")
    for position, shown in ((1, "<run>"), (3, "<task>")):
        if position < len(path):
            path[position] = shown
    name = type(value).__name__
    return Parts("reference", "metaflow." + name, [("pathspec", "/".join(path))])
