"""pyarrow by logical values: chunks, offsets, codes and data under a null are left out.

Runs in the flow's own interpreter, Python 3.8 syntax. A rule gives `Parts`, or None.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from _flowrepro.kinds import Parts
from _flowrepro.libraries.helpers import Fields, made, numpy_if_installed, positions, times


def of_pyarrow(value: Any) -> Parts | None:  # noqa: PLR0911  one per type
    """Return the parts of arrays, tables, schemas, types, scalars and buffers."""
    pyarrow: Any = sys.modules["pyarrow"]
    if isinstance(value, (pyarrow.Table, pyarrow.RecordBatch)):
        return made("arrow", value, _table(value))
    if isinstance(value, (pyarrow.Array, pyarrow.ChunkedArray)):
        kind = "pyarrow.ChunkedArray" if hasattr(value, "chunks") else "pyarrow.Array"
        return Parts("arrow", kind, _column(value, pyarrow))
    if isinstance(value, pyarrow.Schema):
        fields = [_field(value.field(i)) for i in range(len(value.names))]
        return made("arrow", value, [("fields", fields), *_metadata(value.metadata)])
    if isinstance(value, pyarrow.Field):
        name, properties = _field(value)
        return made("arrow", value, [("name", name), *properties.items()])
    if isinstance(value, pyarrow.DataType):
        return Parts("arrow", "pyarrow.DataType", [("type", str(value))])
    if isinstance(value, pyarrow.Scalar):
        return Parts("arrow", "pyarrow.Scalar", [("value", pyarrow.repeat(value, 1))])
    numpy = numpy_if_installed()
    if isinstance(value, pyarrow.Buffer) and numpy is not None:
        return made("arrow", value, [("(bytes)", numpy.frombuffer(value, dtype=numpy.uint8))])
    return None


def _table(value: Any) -> Fields:
    """Return the columns, and the schema if it has more information than they do."""
    schema, names = value.schema, value.schema.names
    fields: Fields = [("(shape)", [value.num_rows, value.num_columns])]
    unique = len(set(names)) == len(names)
    for i, name in enumerate(names):
        fields.append((name if unique else "%s at %d" % (name, i), value.column(i)))
    if not unique or schema.metadata or not all(_is_plain(schema.field(n)) for n in names):
        fields.append(("(schema)", schema))
    return fields


def _is_plain(field: Any) -> bool:
    return bool(field.nullable) and not field.metadata


def _field(field: Any) -> tuple[str, dict[str, Any]]:
    properties = {"type": str(field.type), "nullable": field.nullable}
    return field.name, {**properties, **dict(_metadata(field.metadata))}


def _metadata(metadata: Any) -> Fields:
    """Return metadata without the versions of pandas and pyarrow that wrote a table."""
    if not metadata:
        return []
    entries = dict(metadata)
    try:
        signed = json.loads(entries[b"pandas"])
        entries[b"pandas"] = {
            name: item for name, item in signed.items() if name not in ("creator", "pandas_version")
        }
    except (KeyError, ValueError, AttributeError):
        pass  # not a table of pandas
    return [("metadata", entries)]


def _column(value: Any, pyarrow: Any) -> Fields:
    """Return the type, the positions of nulls, and the other values."""
    kind, types = value.type, pyarrow.types
    fields: Fields = [("type", str(kind))]
    if types.is_dictionary(kind):
        fields = [("type", "dictionary<%s, ordered=%d>" % (kind.value_type, kind.ordered))]
        value = value.cast(kind.value_type)
        kind = value.type
    if hasattr(value, "chunks"):
        value = _combined(value, pyarrow)
    numpy = numpy_if_installed()
    if value.null_count:
        nulls = value.is_null()
        fields.append(("(length)", len(value)))
        fields += positions(nulls.to_numpy(zero_copy_only=False) if numpy else nulls.to_pylist())
    if types.is_null(kind):
        return fields
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        value = value.drop_null()
        lengths = value.value_lengths().cast(pyarrow.int64())
        return [*fields, ("(lengths)", _values(lengths, numpy)), ("items", value.flatten())]
    if types.is_struct(kind):
        inner = value.drop_null().flatten()
        names = [kind.field(i).name for i in range(kind.num_fields)]
        return fields + [(names[i], part) for i, part in enumerate(inner)]
    if types.is_temporal(kind) and not types.is_interval(kind):
        value = value.cast(pyarrow.int64() if kind.bit_width == 64 else pyarrow.int32())
        return [*fields, ("values", times(_values(value, numpy), *_time_of(kind, types)))]
    return [*fields, ("values", _values(value, numpy))]


def _time_of(kind: Any, types: Any) -> tuple[str, str]:
    """Return numpy's code for moments or durations, and the unit."""
    if types.is_date32(kind):
        return "M8", "D"
    if types.is_date64(kind):
        return "M8", "ms"
    return "M8" if types.is_timestamp(kind) else "m8", str(kind.unit)


def _combined(value: Any, pyarrow: Any) -> Any:
    """Return one array, without a copy where there is one already."""
    if value.num_chunks == 1:
        return value.chunk(0)
    if value.num_chunks == 0:
        return pyarrow.array([], type=value.type)
    return pyarrow.concat_arrays(value.chunks)


def _values(value: Any, numpy: Any) -> Any:
    """Return a numpy array of the type's kind: nulls are None, or 0 where it has no None."""
    types: Any = sys.modules["pyarrow"].types
    kind = value.type
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    if numpy is None or types.is_nested(kind):
        return value.to_pylist()
    if number and value.null_count:
        if types.is_float16(kind):
            return value.to_pylist()
        value = value.fill_null(False if types.is_boolean(kind) else 0)
    return value.to_numpy(zero_copy_only=False)
