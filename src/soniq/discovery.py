"""Import job modules and find the application object in them."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from soniq.errors import DiscoveryError

T = TypeVar("T")


def add_folder(folder: Path) -> None:
    """Let modules be imported from ``folder``, before any installed one of the same name."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def find(target: str, kind: type[T]) -> T:
    """Return the object of class ``kind`` that ``module:name`` or ``module`` names.

    Raises:
        DiscoveryError: the module can't be imported, or it holds no such object, or several.
    """
    name, _, attribute = target.partition(":")
    module = import_module(name)
    return pick(module, attribute, kind) if attribute else find_in([name], kind)


def find_in(names: Sequence[str], kind: type[T]) -> T:
    """Import all these modules and return the one object of class ``kind`` that they hold.

    Raises:
        DiscoveryError: a module can't be imported, or there is no such object, or several.
    """
    modules = [import_module(name) for name in names]
    found = objects(modules, kind)
    if len(found) == 1:
        return next(iter(found.values()))[1]
    where = ", ".join(names)
    if found:
        several = " or ".join(place for place, _ in found.values())
        message = f"Several {kind.__name__} objects in {where}: say which one, {several}."
    else:
        message = (
            f"No {kind.__name__} object in {where}: make one at the top level of the module, "
            f"such as `app = {kind.__name__}()`."
        )
    raise DiscoveryError(message)


def import_module(name: str) -> ModuleType:
    """Return the module of that dotted name.

    Raises:
        DiscoveryError: it is missing, or it raised while it was imported.
    """
    if not all(part.isidentifier() for part in name.split(".")):
        message = (
            f"{name!r} is no module name: give dotted words such as shop.jobs{script_hint(name)}."
        )
        raise DiscoveryError(message)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise broken(name, error) from error
        message = f"No module {error.name!r} to import {name!r} from.{neighbours(error.name)}"
        raise DiscoveryError(message) from error
    except Exception as error:
        raise broken(name, error) from error


def pick(module: ModuleType, path: str, kind: type[T]) -> T:
    """Return the object at a dotted path inside of a module, or raise DiscoveryError."""
    value: object = module
    for part in path.split("."):
        if not hasattr(value, part):
            known = [place for place, _ in objects([module], kind).values()]
            wanted = f" It holds no {kind.__name__} object: name the one that does."
            hint = f" Did you mean {known[0]!r}?" if known else wanted
            message = f"Module {module.__name__!r} has no {path!r}.{hint}"
            raise DiscoveryError(message)
        value = getattr(value, part)
    if not isinstance(value, kind):
        message = (
            f"{module.__name__}:{path} is of class {type(value).__name__}, not {kind.__name__}: "
            f"name the {kind.__name__} object."
        )
        raise DiscoveryError(message)
    return value


def objects(modules: Sequence[ModuleType], kind: type[T]) -> dict[int, tuple[str, T]]:
    """Return the objects of a class at the top of modules, each once, with where they stand."""
    found: dict[int, tuple[str, T]] = {}
    for module in modules:
        for name, value in vars(module).items():
            if isinstance(value, kind):
                found.setdefault(id(value), (f"{module.__name__}:{name}", value))
    return found


def broken(name: str, error: Exception) -> DiscoveryError:
    """Return the error for a module that exists but can't be imported."""
    return DiscoveryError(
        f"Module {name!r} raised while it was imported: {type(error).__name__}: {error}. "
        "Mend it so that `python -c 'import "
        f"{name}'` works."
    )


def neighbours(name: str) -> str:
    """Return the sentence that may cure a missing module: the nearest name, or where was sought."""
    package, _, last = name.rpartition(".")
    spec = importlib.util.find_spec(package) if package else None
    folders = list(spec.submodule_search_locations or ()) if spec else [str(Path.cwd())]
    known = sorted({path.stem for folder in folders for path in importable(Path(folder))})
    close = difflib.get_close_matches(last, known, n=1)
    if close:
        nearest = f"{package}.{close[0]}" if package else close[0]
        return f" Did you mean {nearest!r}?"
    return f" Start the command in the folder that holds it (this is {Path.cwd()})."


def importable(folder: Path) -> list[Path]:
    """Return the modules and packages that lie in a folder."""
    if not folder.is_dir():
        return []
    inside = [path for path in folder.iterdir() if path.stem.isidentifier()]
    return [path for path in inside if path.suffix == ".py" or (path / "__init__.py").exists()]


def script_hint(name: str) -> str:
    """Return `` (not …)`` advice for what looks like a file path, or nothing."""
    if not name.endswith(".py"):
        return ""
    return f": {'.'.join(Path(name).with_suffix('').parts)} instead of the path of the file"
