"""Parses the text of a rule into sqlglot's SQL tree.

Only the SQL keywords in `WORDS` are keywords, so a column may be called date, order or left. The functions of
SQL are unknown; only those of the vocabulary exist.
"""

from typing import Any, TypeAlias

from sqlglot import Token, Tokenizer, TokenType
from sqlglot.errors import ParseError, TokenError
from sqlglot.parser import Parser

from erblock.rules.source import Source

WORDS = frozenset({"AND", "OR", "NOT", "BETWEEN", "IN", "IS", "NULL", "TRUE", "FALSE"})
_SIGNS = frozenset({"(", ")", ",", ".", "=", "==", "!=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/"})
_LITERALS = (TokenType.STRING, TokenType.NUMBER, TokenType.IDENTIFIER)

SqlTree: TypeAlias = Any
"""A node of sqlglot's tree; its base class has another name from version 30 on."""


class _PlainParser(Parser):
    """sqlglot's parser without SQL functions."""

    FUNCTIONS = {}  # noqa: RUF012
    FUNCTION_PARSERS = {}  # noqa: RUF012
    NO_PAREN_FUNCTIONS = {}  # noqa: RUF012
    NO_PAREN_FUNCTION_PARSERS = {}  # noqa: RUF012


def sql_tree(source: Source) -> SqlTree:
    """Return the SQL tree of a rule.

    Raises:
        RuleError: if the text is empty or is not one SQL expression.
    """
    tokens = [_plain(token, source) for token in _tokens(source)]
    if not tokens:
        source.fail(0, "the rule is empty; write a condition such as jaro_winkler(name) >= 0.9")
    try:
        trees = _PlainParser(error_message_context=len(source.text)).parse(tokens, source.text)
    except ParseError as error:
        source.fail(*_explained(error))
    except RecursionError:
        source.fail(0, "the rule is nested too deeply; split it into several rules")
    tree = trees[0]
    if tree is None:
        source.fail(0, "expected a condition such as jaro_winkler(name) >= 0.9")
    return tree


def start_of(tree: SqlTree) -> int:
    """Return the offset in the rule's text at which a part of the tree begins."""
    return min((node.meta["start"] for node in tree.walk() if "start" in node.meta), default=0)


def _tokens(source: Source) -> list[Token]:
    try:
        return list(Tokenizer().tokenize(source.text))
    except TokenError:
        at = max(source.text.rfind("'"), source.text.rfind('"'), 0)
        source.fail(at, "this quote is not closed; a text is written 'so' and a column \"so\"")


def _plain(token: Token, source: Source) -> Token:
    """Return the token; an SQL keyword that is not in `WORDS` becomes a name."""
    if token.token_type in _LITERALS or token.text in _SIGNS or token.text.upper() in WORDS:
        return token
    if not (token.text[:1].isalpha() or token.text.startswith("_")):
        known = "AND OR NOT BETWEEN IN IS NULL, comparisons, + - * /, functions and columns"
        source.fail(token.start, f"unexpected {token.text!r}; a rule is made of {known}")
    return Token(TokenType.VAR, token.text, token.line, token.col, token.start, token.end)


def _explained(error: ParseError) -> tuple[int, str]:
    """Return the offset and a message for an error of sqlglot."""
    first = error.errors[0] if error.errors else {}
    at, found = len(first.get("start_context", "")), first.get("highlight", "")
    complaint = str(first.get("description", error))
    if complaint.startswith("Required keyword"):
        return at, f"something is missing after {found}"
    if complaint.startswith("Expecting )"):
        return at, f"a closing bracket is missing near {found!r}"
    return at, f"unexpected {found!r}; is AND, OR or a comparison missing before it?"
