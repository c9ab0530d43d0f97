"""What the query languages share: lark behind it, and errors that say where they are."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import LarkError, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from callpost.errors import CallpostError

_QUOTES = "\"'\u201c\u2018"
_END = "$END"


class Misread(CallpostError):
    """A text that is not in the language. line, column: from 1, where it stops being so."""

    def __init__(self, message: str, line: int, column: int) -> None:
        self.message, self.line, self.column = message, line, column
        super().__init__(f"line {line}, column {column}: {message}")


def misread_at(token: Token, message: str) -> Misread:
    """What is wrong with a token that fits the grammar."""
    return Misread(message, token.line or 1, token.column or 1)


class Language:
    """A grammar and what becomes of its rules. names: terminals as a reader should be told of them."""

    def __init__(
        self, package: str, grammar: str, builder: Transformer[Token, Any], names: Mapping[str, str]
    ) -> None:
        text = files(package).joinpath(grammar).read_text(encoding="utf-8")
        # With its transformer in it the parser builds bottom-up: no depth of nesting is a depth of calls.
        self._parser = Lark(text, parser="lalr", transformer=builder, maybe_placeholders=True)
        self._names = names

    def read(self, text: str) -> Any:  # noqa: ANN401 - whatever the builder makes of the start rule
        """What the builder makes of the text. Raises Misread."""
        try:
            return self._parser.parse(text)
        except UnexpectedCharacters as error:
            raise Misread(self._strange(text, error), error.line, error.column) from None
        except UnexpectedToken as error:
            raise self._misplaced(text, error) from None
        except UnexpectedInput as error:
            raise Misread("this is not understood", error.line, error.column) from None
        except LarkError:
            raise Misread("this is not understood", 1, 1) from None

    def _strange(self, text: str, error: UnexpectedCharacters) -> str:
        character = text[error.pos_in_stream :][:1]
        if character in _QUOTES:
            return "this quotation mark is never closed"
        return f"'{character}' cannot stand here; expected {self._expected(error.allowed or set())}"

    def _misplaced(self, text: str, error: UnexpectedToken) -> Misread:
        expected = self._expected(error.accepts or error.expected)
        if error.token.type == _END:
            lines = text.split("\n")
            return Misread(f"the end comes too early; expected {expected}", len(lines), len(lines[-1]) + 1)
        found = str(error.token)[:40]
        return Misread(f"'{found}' cannot stand here; expected {expected}", error.line, error.column)

    def _expected(self, terminals: set[str]) -> str:
        names = {self._names.get(terminal, terminal) for terminal in terminals}
        *first, last = sorted(names) or ["nothing more"]
        return f"{', '.join(first)} or {last}" if first else last
