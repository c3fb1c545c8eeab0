"""What keeps the content of a catalog file from being a model, by key: told from the types, not from messages.

Only a file that could not be converted comes here, so that a good one does not pay for a second look.
"""

from __future__ import annotations

import datetime
import reprlib
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import inspect

from batchgen.core.suggest import did_you_mean

Keys = tuple[str, ...]

_PYTHON_TYPES: Mapping[type[inspect.Type], tuple[type, ...]] = {
    inspect.StrType: (str,),
    inspect.IntType: (int,),
    inspect.FloatType: (int, float),
    inspect.BoolType: (bool,),
    inspect.DateType: (datetime.date,),
    inspect.StructType: (dict,),
    inspect.DictType: (dict,),
    inspect.VarTupleType: (list,),
    inspect.ListType: (list,),
    inspect.AnyType: (object,),
}

_WORDS: Mapping[type[inspect.Type], str] = {
    inspect.StrType: "text",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.BoolType: "true or false",
    inspect.DateType: "a date like 2026-08-01",
    inspect.StructType: "a table",
    inspect.DictType: "a table",
    inspect.VarTupleType: "a list",
    inspect.ListType: "a list",
    inspect.AnyType: "any value",
}


def mistakes(content: Mapping[str, object], kind: type, more_keys: Keys = ()) -> Iterator[str]:
    """Yield each mistake as `key: what is wrong and what to write`.

    Args:
        content: a table, as TOML gives it.
        kind: the msgspec Struct that it should become.
        more_keys: keys that the table may have beside those of the struct.
    """
    for keys, words in _in_table(content, inspect.type_info(kind), (), more_keys):
        yield f"{'.'.join(keys)}: {words}"


def _in_table(content: Mapping[str, object], kind: Any, keys: Keys, more_keys: Keys = ()) -> Iterator[tuple[Keys, str]]:
    fields = {field.name: field for field in kind.fields}
    known = (*fields, *more_keys)
    for key, value in content.items():
        if key in fields:
            yield from _in_value(value, fields[key].type, (*keys, key))
        elif key not in known:
            advice = did_you_mean(key, known) or f"known are {', '.join(known)}"
            yield (*keys, key), f"no key has this name; {advice}"
    for name, field in fields.items():
        if field.required and name not in content:
            yield (*keys, name), f"is missing; write {_words(field.type)}"


def _in_value(value: Any, kind: inspect.Type, keys: Keys) -> Iterator[tuple[Keys, str]]:
    if isinstance(kind, inspect.UnionType):
        kinds = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
        if len(kinds) == 1:
            yield from _in_value(value, kinds[0], keys)
        elif all(any(_in_value(value, one, keys)) for one in kinds):
            yield keys, _must(kind, value)
    elif not _is(value, kind):
        yield keys, _must(kind, value)
    elif isinstance(kind, inspect.StructType):
        yield from _in_table(value, kind, keys)
    elif isinstance(kind, inspect.DictType):
        for key, item in value.items():
            yield from _in_value(item, kind.value_type, (*keys, key))
    elif isinstance(kind, inspect.VarTupleType):
        for item in value:
            yield from _in_value(item, kind.item_type, keys)
    elif isinstance(kind, inspect.TupleType):
        for item, item_kind in zip(value, kind.item_types, strict=True):
            yield from _in_value(item, item_kind, keys)


def _is(value: object, kind: inspect.Type) -> bool:
    """Whether a value is of a kind, its items left aside."""
    match kind:
        case inspect.LiteralType():
            return value in kind.values
        case inspect.TupleType():
            return isinstance(value, list) and len(value) == len(kind.item_types)
    types = _PYTHON_TYPES[type(kind)]
    is_exact = bool in types or object in types or not isinstance(value, bool)
    return isinstance(value, types) and is_exact


def _must(kind: inspect.Type, value: object) -> str:
    return f"must be {_words(kind)}, not {reprlib.repr(value)}"


def _words(kind: inspect.Type) -> str:
    match kind:
        case inspect.LiteralType():
            return f"one of {', '.join(map(str, kind.values))}"
        case inspect.TupleType():
            return f"a list of {len(kind.item_types)} whole numbers"
        case inspect.UnionType():
            return " or ".join(sorted({_words(one) for one in kind.types if not isinstance(one, inspect.NoneType)}))
    return _WORDS[type(kind)]
