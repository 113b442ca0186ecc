"""How does an optimizer declare what it takes? As typed fields, so that editors and type checkers see its constructor.

A field's annotation carries its check (see `onepass.checks`), its value is the default.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from onepass.checks import checks_of

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:  # new in Python 3.11, and without effect at run time

    def dataclass_transform(**_: Any) -> Any:
        return lambda cls: cls


Class = TypeVar("Class")
Given = TypeVar("Given", contravariant=True)
Read = TypeVar("Read", covariant=True)


@dataclass(frozen=True)
class _KeywordOnly:
    default: Any


def option(*, default: Any, kw_only: Literal[True]) -> Any:
    """A field that is given by name only; type checkers want to read `kw_only=True` in the call."""
    return _KeywordOnly(default)


@dataclass_transform(field_specifiers=(option,))
class Fields:
    """Type checkers read the constructors of subclasses from their fields."""

    def __init_subclass__(cls, *, kw_only: bool = False) -> None:
        """Takes `kw_only`, which is for type checkers."""


def frozen(cls: type[Class]) -> type[Class]:
    """A dataclass of keywords that cannot be set. Type checkers know it as `Fields`, as they know optimizers."""
    return dataclass(frozen=True, kw_only=True)(cls)


class Taken(Generic[Given, Read]):
    """The type of a field that is given as one type and read as another; for type checkers alone."""

    def __set__(self, instance: Any, value: Given) -> None: ...

    def __get__(self, instance: Any, owner: Any) -> Read:
        raise NotImplementedError


@dataclass(frozen=True)
class Field:
    """A hyper-parameter as an attribute: on the class its default; on an optimizer what all groups have."""

    name: str
    default: Any
    kw_only: bool

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self.default
        value, *others = [group[self.name] for group in instance.param_groups]
        if any(other != value for other in others):
            raise AttributeError(
                f"{owner.__name__}: the groups differ in {self.name}; read param_groups[...][{self.name!r}]"
            )
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        instance.assign({self.name: value})


class OptionView:
    """An option as an attribute, to be read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self if instance is None else getattr(instance.options, self._name)

    def __set__(self, instance: Any, value: Any) -> None:
        raise AttributeError(
            f"{type(instance).__name__}: {self._name} is fixed; build a new optimizer, or give it to a single step"
        )


def declare(cls: Any, base: Mapping[str, Field]) -> dict[str, Field]:
    """The fields of a class: those of its base, and its own, which become descriptors."""
    own: dict[str, Field] = {}
    for name in inspect.get_annotations(cls):
        default = cls.__dict__.get(name)
        if name in checks_of(cls):
            kw_only = isinstance(default, _KeywordOnly)
            own[name] = Field(name, default.default if kw_only else default, kw_only)
            setattr(cls, name, own[name])
    declared = {**base, **own}
    return {name: field for kw_only in (False, True) for name, field in declared.items() if field.kw_only == kw_only}


def bound(
    owner: str, declared: Mapping[str, Field], positional: Sequence[Any], given: dict[str, Any]
) -> dict[str, Any]:
    """The value of each field; what is no field stays in `given`.

    Raises:
        TypeError: naming the argument that is one too many.
    """
    names = [name for name, field in declared.items() if not field.kw_only]
    if len(positional) > len(names):
        raise TypeError(
            f"{owner}: takes params, {', '.join(names)} by position, and got {len(positional) - len(names)} more; "
            "name the others"
        )
    by_position = dict(zip(names, positional, strict=False))
    if twice := by_position.keys() & given.keys():
        raise TypeError(f"{owner}: {', '.join(map(repr, sorted(twice)))} is given by position and by name")
    by_name = {name: given.pop(name) for name in declared.keys() & given.keys()}
    return {name: field.default for name, field in declared.items()} | by_position | by_name


def signature(declared: Mapping[str, Field], options: Mapping[str, Any]) -> inspect.Signature:
    """What a constructor takes, for help() and editors."""
    kinds = {False: inspect.Parameter.POSITIONAL_OR_KEYWORD, True: inspect.Parameter.KEYWORD_ONLY}
    return inspect.Signature(
        [
            inspect.Parameter("params", kinds[False]),
            *(inspect.Parameter(f.name, kinds[f.kw_only], default=f.default) for f in declared.values()),
            *(inspect.Parameter(name, kinds[True], default=default) for name, default in options.items()),
        ]
    )


_ARGUMENTS_BEFORE = """\
    params: arrays of float32, float64, float16 or bfloat16, updated in place: one, a sequence, a dict by name, or a
        list of group dicts.
"""
_ARGUMENTS_BEHIND = """
    maximize: ascend instead.
    options: storage, clipping, averaging and so on, alike in every optimizer: see `onepass.Options`.

Raises:
    TypeError, ValueError: naming the argument and its range.
"""


def whole_docstring(doc: str) -> str:
    """An optimizer's docstring, with what stands in all of them: params, maximize, options and errors."""
    before, title, behind = inspect.cleandoc(doc).partition("Args:\n")
    arguments, gap, rest = behind.partition("\n\n")
    if not title:
        return before
    return f"{before}{title}{_ARGUMENTS_BEFORE}{arguments}{_ARGUMENTS_BEHIND}{gap[1:]}{rest}"
