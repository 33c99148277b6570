"""Draws scenes as one SVG that moves by CSS alone, in light and in dark colours.

Each scene is a group that is visible while it lasts. What appears within it is a group that is visible from
its moment on, and where an answer is longer than the screen, the scene moves up. Who asks for less motion
sees the first scene as it ends.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final
from xml.sax.saxutils import escape

from harness.recording.scenes import Scene
from harness.recording.script import COLUMNS, ROWS

_FONT: Final = 12.0
_CHARACTER: Final = 7.2  # of a font of that size, as most that have one width are
_LINE: Final = 16
_EDGE: Final = 14
_ABOVE: Final = 3  # lines that stay: the caption, and space around it

_STYLE: Final = """\
:root{color-scheme:light dark}
.b{fill:#f6f8fa;stroke:#d0d7de}text{fill:#24292f;white-space:pre}.c{fill:#0550ae;font-weight:700}
.p{font-weight:700}.y{fill:#116329;font-weight:700}.s,.t{opacity:0}
.s,.t,.m{animation-duration:DURATIONs;animation-iteration-count:infinite;animation-timing-function:step-end}
@media(prefers-color-scheme:dark){.b{fill:#0d1117;stroke:#30363d}text{fill:#e6edf3}.c{fill:#79c0ff}.y{fill:#7ee787}}
@media(prefers-reduced-motion:reduce){.s,.t,.m{animation:none}.f,.f .t{opacity:1}.f .m{transform:translateY(LASTpx)}}
"""


def draw(watched: Sequence[Scene], title: str) -> str:
    """Spell the SVG."""
    width, height = round(COLUMNS * _CHARACTER) + 2 * _EDGE, ROWS * _LINE + 2 * _EDGE
    total = watched[-1].ends_s
    rules: list[str] = []
    body = [_scene(scene, rules, total, is_first=scene is watched[0]) for scene in watched]
    style = _STYLE.replace("DURATION", f"{total:g}").replace("LAST", str(-_moved(_lines(watched[0]))))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="t" '
        f"font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" "
        f'font-size="{_FONT:g}">'
    )
    above = _EDGE + _ABOVE * _LINE
    screen = f'<clipPath id="k"><rect y="{above}" width="{width}" height="{height - above - 2}"/></clipPath>'
    frame = f'<rect class="b" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8"/>'
    named = f'<title id="t">{escape(title)}</title>'
    styled = f"<style>{style}{''.join(rules)}</style>"
    return "\n".join([head, named, styled, screen, frame, *body, "</svg>", ""])


def _scene(scene: Scene, rules: list[str], total: float, *, is_first: bool) -> str:
    own = _during(rules, scene.starts_s, scene.ends_s, total)
    caption = _text(f"# {scene.step.caption}", _EDGE + _LINE, "c")
    lines = count(_ABOVE)
    parts = [_group(rules, scene.typed_s, scene.ends_s, total, _texts(scene.command, lines))]
    moves = [(scene.starts_s, 0)]
    shown = len(scene.command)
    for each in scene.answer:
        parts.append(_group(rules, each.at_s, scene.ends_s, total, _texts(each.lines, lines)))
        shown += len(each.lines)
        moves.append((each.at_s, _moved(shown)))
    moving = _rule(rules, [(at, f"transform:translateY({-by}px)") for at, by in moves], total)
    first = " f" if is_first else ""
    inner = f'<g clip-path="url(#k)"><g class="m" style="animation-name:{moving}">{"".join(parts)}</g></g>'
    return f'<g class="s{first}" style="animation-name:{own}">{caption}{inner}</g>'


def _lines(scene: Scene) -> int:
    return len(scene.command) + sum(len(each.lines) for each in scene.answer)


def _moved(lines: int) -> int:
    """Return how far a scene with so many lines is moved up, so that its last line is seen."""
    return max(0, lines + _ABOVE - ROWS) * _LINE


def _texts(lines: Sequence[str], numbers: Iterator[int]) -> str:
    return "".join(_text(line, _EDGE + _LINE * (next(numbers) + 1), _class(line)) for line in lines)


def _class(line: str) -> str:
    return "p" if line.startswith("$ ") else "y" if line.startswith("proof:") else ""


def _text(line: str, y: int, kind: str) -> str:
    if not line.strip():
        return ""
    named = f' class="{kind}"' if kind else ""
    long = f"{len(line) * _CHARACTER:g}"
    return f'<text{named} x="{_EDGE}" y="{y}" textLength="{long}" xml:space="preserve">{escape(line)}</text>'


def _group(rules: list[str], starts: float, ends: float, total: float, inner: str) -> str:
    return f'<g class="t" style="animation-name:{_during(rules, starts, ends, total)}">{inner}</g>'


def _during(rules: list[str], starts: float, ends: float, total: float) -> str:
    """Return the name of an animation that shows something from one moment to another."""
    return _rule(rules, [(0.0, "opacity:0"), (starts, "opacity:1"), (ends, "opacity:0")], total)


def _rule(rules: list[str], steps: Sequence[tuple[float, str]], total: float) -> str:
    name = f"a{len(rules)}"
    # Of two steps at one moment the later counts, as of two rules in CSS.
    inner = "".join(f"{min(at / total, 1) * 100:.4g}%{{{what}}}" for at, what in steps)
    rules.append(f"@keyframes {name}{{{inner}}}")
    return name
