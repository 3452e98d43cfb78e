"""The interactive prompt of `nightschool sql`: history, completion of tables, columns and functions, one SELECT at a time."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer

from storage.errors import NightschoolError
from storage.sql.describe import KEYWORDS, Relation, describe
from storage.sql.inspection import functions

HELP = """One SELECT, ended by ; and Enter (Alt-Enter runs it too). Tab completes, the arrows go through your history.
.tables           tables and views              .schema [TABLE]  their columns
.examples         questions people ask          .example NAME    run one
.mode [MODE]      auto, table, vertical, json or csv
.help             this                          .quit            leave, as Ctrl-D does"""
COMMANDS = (".help", ".tables", ".schema", ".examples", ".example", ".mode", ".quit")
LEAVE = frozenset({".quit", ".exit", ".q", "\\q", "quit", "exit"})
_ALIAS = re.compile(r"\b(?:from|join)\s+(\w+)(?:\s+as)?\s+(\w+)|,\s*(\w+)(?:\s+as)?\s+(\w+)", re.I)
_WORD = re.compile(r"\w*")


class SqlCompleter(Completer):
    """Completes commands, the lake's tables, the columns of those that the statement names, keywords and functions."""

    def __init__(self, relations: Iterable[Relation]) -> None:
        self._relations = {relation.name: relation for relation in relations}

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Yield what the word before the cursor may become, columns of the named tables first."""
        word = document.get_word_before_cursor(pattern=_WORD)
        before = document.text_before_cursor
        if before.lstrip().startswith("."):
            word = before.lstrip()
            choices = dict.fromkeys(COMMANDS, "")
        else:
            choices = self._choices(document.text, before[: len(before) - len(word)])
        for text, meaning in choices.items():
            if text.lower().startswith(word.lower()) and (word or before.endswith(".")):
                yield Completion(text, start_position=-len(word), display_meta=meaning[:60])

    def _choices(self, statement: str, before: str) -> dict[str, str]:
        if qualified := re.search(r"(\w+)\.$", before):
            relation = self._relations.get(self._aliases(statement).get(qualified[1].lower(), qualified[1].lower()))
            return {column.name: column.comment for column in relation.columns} if relation else {}
        tables = {name: relation.comment for name, relation in self._relations.items()}
        if re.search(r"\b(from|join|describe|summarize)\s*$", before, re.I):
            return tables
        named = [self._relations[word] for word in re.findall(r"\w+", statement.lower()) if word in self._relations]
        columns = {column.name: column.comment for relation in named for column in relation.columns}
        calls = {f"{name}(": "function" for name in functions("scalar") if name.isidentifier()}
        return {**columns, **dict.fromkeys(KEYWORDS, ""), **tables, **calls}

    def _aliases(self, statement: str) -> dict[str, str]:
        """What each alias of a statement stands for."""
        pairs = (match.group(1, 2) if match[1] else match.group(3, 4) for match in _ALIAS.finditer(statement))
        return {alias.lower(): name.lower() for name, alias in pairs if name.lower() in self._relations}


def lines_of(text: str) -> Iterator[str]:
    """Part a text into the statements and commands that somebody would enter at the prompt one after the other."""
    import duckdb

    def parted(statements: str) -> list[str]:
        try:
            return [statement.query for statement in duckdb.extract_statements(statements)]
        except duckdb.Error:
            return [statements]  # whoever runs it says what is wrong

    gathered = ""
    for line in text.splitlines():
        if line.lstrip().startswith(".") and gathered.rstrip()[-1:] in ("", ";"):
            yield from parted(gathered)
            yield line.strip()
            gathered = ""
        else:
            gathered += line + "\n"
    if gathered.strip():
        yield from parted(gathered)


def run_prompt(run: Callable[[str], None], history: Path, say: Callable[[str], None], **terminal: Any) -> None:
    """Read statements until the user leaves, and run each; an error is said, and the prompt goes on.

    Args:
        run: Runs a statement or a command that begins with a dot, and prints its rows.
        history: File of the history.
        say: Prints a line.
        terminal: Input and output for `PromptSession`, for tests.
    """
    session: PromptSession[str] = PromptSession(
        "lake> ", history=FileHistory(str(history)), completer=SqlCompleter(_known()), complete_while_typing=True,
        lexer=PygmentsLexer(SqlLexer), multiline=True, key_bindings=_keys(), prompt_continuation="   -> ", **terminal,
    )  # fmt: skip
    say(HELP)
    while True:
        try:
            text = session.prompt().strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if text.rstrip("; ").lower() in LEAVE:
            return
        if not text:
            continue
        try:
            run(text.rstrip(";"))
        except KeyboardInterrupt:
            say("stopped")
        except NightschoolError as error:
            say(f"error: {error}")


@cache
def _known() -> tuple[Relation, ...]:
    return tuple(describe())


def _keys() -> KeyBindings:
    """Enter runs a finished statement or a command, and begins a new line within one that is not."""
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        text = event.current_buffer.text.strip()
        if not text or text.endswith(";") or text.startswith("."):
            event.current_buffer.validate_and_handle()
        else:
            event.current_buffer.insert_text("\n")

    return keys
