"""The arguments of one handler: bound to its signature, encoded and restored by its types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, cast

from pydantic import ValidationError

from soniq.arguments.adapter import Adapter, Exact, exact_types
from soniq.arguments.difference import find_difference
from soniq.arguments.flaws import Flaw, Step, format_path, refuse_flaws
from soniq.arguments.jsontext import STURDY, canonical, decode, is_plain, write, write_sturdy
from soniq.arguments.kinds import is_dict, is_list, is_sequence
from soniq.arguments.signature import Signature
from soniq.arguments.steady import steady, zulu
from soniq.arguments.untyped import find_unknown
from soniq.errors import InvalidArguments

# The names of arguments and the types of their values.
Shape = tuple[tuple[str, ...], tuple[type, ...]]
# How many shapes a codec keeps: a handler that takes any names may meet a new one each time.
MOST_SHAPES = 256


class ArgumentCodec:
    """Turns the arguments of one handler into JSON text and back.

    The handler is looked at when first needed, not before: its annotations may name classes that
    are defined further down in its module.
    """

    def __init__(self, handler: Callable[..., Any]) -> None:
        self._handler = handler
        # What was found to fit is not looked at again: no value of these types can be at fault,
        # but for what `write_sturdy` sees.
        self._fitting: set[Shape] = set()

    @cached_property
    def signature(self) -> Signature:
        """The handler's parameters."""
        return Signature.of(self._handler)

    @cached_property
    def context_parameters(self) -> tuple[str, ...]:
        """Names of the parameters that take the JobContext."""
        return self.signature.context

    @cached_property
    def _exact(self) -> Exact | None:
        return exact_types(self.signature)

    @cached_property
    def _adapter(self) -> Adapter:
        return Adapter(self.signature)

    def bind(self, arguments: Mapping[str, Any], name: str) -> None:
        """Check that the names of the arguments fit the signature of task ``name``.

        Raises:
            TypeError: a missing or unexpected argument, with the nearest name.
        """
        self.signature.bind(arguments, name)

    def bind_and_encode(self, arguments: Mapping[str, Any], name: str, *, max_bytes: int) -> str:
        """Return what ``encode`` does for arguments that ``bind`` has let pass."""
        given = cast("dict[str, Any]", arguments) if type(arguments) is dict else dict(arguments)
        shape = (tuple(given), tuple(map(type, given.values())))
        if shape in self._fitting:
            known = write_sturdy(given, max_bytes)
            if known is not None:
                return known
        self.bind(given, name)
        text = self.encode(given, max_bytes=max_bytes)
        if STURDY.issuperset(shape[1]) and self._fits_exactly(given):
            self._remember(shape)
        return text

    def encode(self, arguments: Mapping[str, Any], *, max_bytes: int) -> str:
        """Return the arguments as JSON text from which ``restore`` gives equal ones.

        Plain JSON is taken for a richer type (the text of a UUID) where it is written again as the
        same JSON: callers in other languages have nothing else.

        Raises:
            InvalidArguments: with the path of what would not arrive as it was given, and the cure.
            ArgumentsTooLarge: the text takes more than ``max_bytes`` bytes of UTF-8.
        """
        given = dict(arguments)
        if is_plain(given, max_bytes):
            text = write(given, root="args", max_bytes=max_bytes)
            if self._fits_exactly(given):
                return text
        else:
            refuse_flaws(given, root="args", limit=max_bytes, any_key=True)
            text = write(self._dump(given), root="args", max_bytes=max_bytes)
        self._check_return(given, self._load(text), max_bytes)
        return text

    def restore(self, text: str) -> dict[str, Any]:
        """Return the arguments in a stored text, in the types that the handler asks for.

        Raises:
            InvalidArguments: a name is missing or unexpected, or a value has the wrong type.
        """
        if self._exact is not None:
            data = decode(text)
            if self._fits_exactly(data):
                return data
        return self._load(text)

    def _fits_exactly(self, data: Mapping[str, Any]) -> bool:
        exact = self._exact
        if exact is None or not self.signature.fits(data):
            return False
        for name, value in data.items():
            allowed = exact.get(name)
            if allowed and type(value) not in allowed:
                return False
        return True

    def _remember(self, shape: Shape) -> None:
        if len(self._fitting) == MOST_SHAPES:
            self._fitting.clear()
        self._fitting.add(shape)

    def _dump(self, given: Mapping[str, Any]) -> dict[str, Any]:
        try:
            dumped = self._adapter.dump(given)
        except Exception:  # noqa: BLE001 - serializers are user code
            flaw = find_unknown(given)
            if flaw is None:
                name = self._adapter.find_undumpable(given)
                flaw = Flaw("can't be turned into JSON by its type", [name] if name else [])
            path = flaw.path("args")
            message = f"{path} {flaw.reason}."
            raise InvalidArguments(message, path=path) from None
        return {name: steady(given[name], form) for name, form in dumped.items()}

    def _load(self, text: str) -> dict[str, Any]:
        try:
            return self._adapter.load(text)
        except ValidationError as error:
            raise misfit(error, decode(text)) from None
        except Exception as error:
            message = f"args: a validator of the handler's types raised {type(error).__name__}."
            raise InvalidArguments(message) from error

    def _check_return(self, given: dict[str, Any], back: dict[str, Any], limit: int) -> None:
        if find_difference(given, back) is None:
            return
        again: dict[str, Any] = {}
        misfits = self._adapter.misfits(given)
        for name, value in given.items():
            difference = find_difference(value, back[name])
            if difference is None:
                continue
            again = again or self._dump(back)
            # A value that is of the right type already was meant as it is, and has changed.
            is_json = name in misfits and is_plain(value, limit)
            if not is_json or not is_same_json(value, back[name], again[name]):
                difference.steps.append(name)
                raise difference.refusal(self._adapter.unusable.get(name))


def is_same_json(given: Any, back: Any, again: Any) -> bool:
    """Tell whether plain JSON is what its restored form ``back`` is written as ``again``."""
    if has_text_for_bytes(given, back):
        return False
    return canonical(steady(back, zulu(given))) == canonical(again)


def has_text_for_bytes(given: Any, back: Any) -> bool:
    """Tell whether text became bytes: much text happens to be base64, so nobody would notice."""
    if isinstance(given, str):
        return isinstance(back, bytes)
    if is_list(given) and is_sequence(back):
        return any(map(has_text_for_bytes, given, back))
    if is_dict(given) and is_dict(back):
        return any(key in back and has_text_for_bytes(given[key], back[key]) for key in given)
    return False


def misfit(error: ValidationError, data: Any) -> InvalidArguments:
    """Return the error for arguments that do not fit, by their places, without their values."""
    problems: list[str] = []
    paths: list[str] = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        paths.append(format_path("args", real_steps(problem["loc"], data, problem["type"])))
        problems.append(f"{paths[-1]}: {problem['msg']}")
    return InvalidArguments("; ".join(problems) + ".", path=paths[0])


def real_steps(location: tuple[Step, ...], data: Any, kind: str) -> list[Step]:
    """Return the steps of a pydantic location that exist in the data: some name union members."""
    steps: list[Step] = []
    for position, step in enumerate(location):
        is_missing = kind == "missing" and position == len(location) - 1
        try:
            data = data[step]
        except (LookupError, TypeError):
            if not is_missing:
                continue
        steps.append(step)
    return steps
