"""The statements of a DBC file that say where signals lie and what they mean.

The others (comments, nodes, attributes for other tools) are passed over. So is what cannot be understood;
`unread` has the lines of those messages and signals.
"""

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Final

import msgspec

NUMBER: Final = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_KEYWORD: Final = r"(?:BA|BO|BS|BU|CAT|CM|ENVVAR|EV|NS|SG|SGTYPE|SIG|SIGTYPE|VAL)_\w*|FILTER|VERSION"
_STRING: Final = re.compile(r'"((?:\\"|[^"])*)"')
_COMMENT: Final = re.compile(r"//[^\n]*")
_TEXT: Final = r'"\d+"'  # a string of the file, as its number
# A message or a signal may begin anywhere, and every other statement at a line's begin or after another.
_START: Final = re.compile(
    rf"(?m)(?:^|;)[^\S\n]*(?=(?:{_KEYWORD})(?!\w))"
    r"|(?<!\w)(?<!SG_ )(?=BO_\s+\d+\s+\S+?\s*:\s*\d|SG_\s+\S+?\s*(?:\s[mM]\w*\s*)?:\s*\d+\s*\|)"
)
_MESSAGE: Final = re.compile(r"BO_\s+(\d+)\s+(\S+?)\s*:\s*(\d+)\b")
_SIGNAL: Final = re.compile(
    r"SG_\s+(\S+?)\s*(?:\s(M|m\d*M?))?\s*:\s*(\d{1,5})\s*\|\s*(\d{1,5})\s*@\s*([01])\s*([-+])\s*"
    rf"\(\s*({NUMBER})\s*,\s*({NUMBER})\s*\)\s*(?:\[([^|\]]*)\|([^\]]*)\])?"
)
_STATES: Final = re.compile(r"VAL_\s+(\d+)\s+(\S+)\s(.*)", re.DOTALL)
_STATE: Final = re.compile(rf"([-+]?\d+)\s*({_TEXT})")
_TYPE: Final = re.compile(r"SIG_VALTYPE_\s+(\d+)\s+(\S+?)\s*:?\s*([0-3])\s*;")
_PAGES: Final = re.compile(r"SG_MUL_VAL_\s+(\d+)\s+(\S+)\s+(\S+)\s+(.*)", re.DOTALL)
_RANGE: Final = re.compile(r"(\d+)\s*-\s*(\d+)")
_ATTRIBUTE: Final = re.compile(
    rf"BA_\s*({_TEXT})\s*(?:BO_|SG_)\s+(\d+)(?:\s+(\S+))?\s+({NUMBER}|{_TEXT})\s*;"
)
_CHOICES: Final = re.compile(rf"BA_DEF_\s+BO_\s*({_TEXT})\s*ENUM\s*([^;]*)")
_DEFAULT: Final = re.compile(rf"BA_DEF_DEF_\s*({_TEXT})\s*({NUMBER}|{_TEXT})")

_SHOWN: Final = 60  # characters of a statement that cannot be understood


class SignalStatement(msgspec.Struct):
    """One signal, as it is written; `marker` is M, m0, m0M or m, if it is multiplexed or a multiplexer."""

    name: str
    marker: str
    start: int
    length: int
    order: str
    sign: str
    scale: str
    offset: str
    low: str
    high: str


class MessageStatement(msgspec.Struct):
    """One message; `number` is its id, with the highest bit set if it is extended."""

    number: int
    name: str
    size: int
    signals: list[SignalStatement] = msgspec.field(default_factory=list)


class Statements(msgspec.Struct):
    """What a file says; signals are named by the number of their message and their name."""

    messages: list[MessageStatement] = msgspec.field(default_factory=list)
    states: dict[tuple[int, str], list[tuple[int, str]]] = msgspec.field(default_factory=dict)
    types: dict[tuple[int, str], str] = msgspec.field(default_factory=dict)
    pages: dict[tuple[int, str], tuple[str, list[tuple[int, int]]]] = msgspec.field(default_factory=dict)
    """The multiplexer of a signal, and the ranges of its values."""
    attributes: dict[str, dict[tuple[int, str | None], str]] = msgspec.field(default_factory=dict)
    choices: dict[str, list[str]] = msgspec.field(default_factory=dict)
    defaults: dict[str, str] = msgspec.field(default_factory=dict)
    unread: list[str] = msgspec.field(default_factory=list)


def read(text: str) -> Statements:
    """Read the text of a file."""
    reader = _Reader()
    # Without its strings, nothing in the text looks like something else. Lines keep their numbers.
    plain = _COMMENT.sub("", _STRING.sub(reader.numbered, text))
    starts = [each.end() for each in _START.finditer(plain)]
    for start, end in pairwise([*starts, len(plain)]):
        if not reader.take(plain[start:end]):
            line = plain.count("\n", 0, start) + 1
            reader.statements.unread.append(f"line {line}: {_shown(plain[start:end])}")
    return reader.statements


class _Reader:
    """Takes statements, in their order: a signal belongs to the message before it."""

    def __init__(self) -> None:
        self.statements = Statements()
        self._strings: list[str] = []
        self._signals: list[SignalStatement] = []
        self._takers: Mapping[re.Pattern[str], Callable[..., None]] = {
            _MESSAGE: self._message,
            _SIGNAL: self._signal,
            _STATES: self._states,
            _TYPE: self._type,
            _PAGES: self._pages,
            _ATTRIBUTE: self._attribute,
            _CHOICES: self._choices,
            _DEFAULT: self._default,
        }

    def numbered(self, string: re.Match[str]) -> str:
        """Keep a string, and return its number as one, followed by its ends of line."""
        self._strings.append(string[1])
        return f'"{len(self._strings) - 1}"' + "\n" * string[0].count("\n")

    def take(self, statement: str) -> bool:
        """Take a statement; return False if it is a message or a signal that cannot be understood."""
        for pattern, taker in self._takers.items():
            if match := pattern.match(statement):
                taker(*match.groups())
                return True
        if is_message := statement.startswith("BO_ "):
            self._signals = []  # of no message
        return not (is_message or statement.startswith("SG_ "))

    def _text(self, number: str) -> str:
        """Return the string of a number, or what is no string as it is."""
        return self._strings[int(number[1:-1])] if number.startswith('"') else number

    def _message(self, number: str, name: str, size: str) -> None:
        self._signals = []
        self.statements.messages.append(MessageStatement(int(number), name, int(size), self._signals))

    def _signal(self, *parts: str | None) -> None:
        name, marker, start, length, *rest = (part or "" for part in parts)
        self._signals.append(SignalStatement(name, marker, int(start), int(length), *rest))

    def _states(self, number: str, name: str, pairs: str) -> None:
        states = [(int(raw), self._text(label)) for raw, label in _STATE.findall(pairs)]
        self.statements.states[int(number), name] = states

    def _type(self, number: str, name: str, kind: str) -> None:
        self.statements.types[int(number), name] = kind

    def _pages(self, number: str, name: str, multiplexer: str, ranges: str) -> None:
        pages = [(int(low), int(high)) for low, high in _RANGE.findall(ranges)]
        self.statements.pages[int(number), name] = multiplexer, pages

    def _attribute(self, attribute: str, number: str, name: str | None, value: str) -> None:
        of_one = self.statements.attributes.setdefault(self._text(attribute), {})
        of_one[int(number), name] = self._text(value)

    def _choices(self, attribute: str, choices: str) -> None:
        self.statements.choices[self._text(attribute)] = list(map(self._text, re.findall(_TEXT, choices)))

    def _default(self, attribute: str, value: str) -> None:
        self.statements.defaults[self._text(attribute)] = self._text(value)


def _shown(statement: str) -> str:
    """Return the first line of a statement, cut."""
    return statement.strip().splitlines()[0][:_SHOWN]
