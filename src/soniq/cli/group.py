"""A group of commands that shows its help without anything heavy."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class Group(TyperGroup):
    """A group whose options are flags: they need no check, and so no pydantic."""

    def get_help_option(self, ctx: Any) -> Any:
        """Return the option that asks for help."""
        option = super().get_help_option(ctx)
        if option is not None:
            # Left at None Typer would load all of pydantic to see that this is no boolean either.
            option.default = False
        return option
