"""Pictures of quantities over time. Only this module uses matplotlib."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

_INCHES: Final = (9.0, 2.1)  # a panel
_DPI: Final = 110

Lines = Mapping[str, ArrayLike]
"""The lines of one panel by their names in the legend."""


def panels(file: Path, time_s: Sequence[float], drawn: Mapping[str, Lines], title: str) -> None:
    """Draw panels below each other, by the labels of their axes, over `time_s`; the suffix names the format.

    Between the lines `..._min` and `..._max` of one panel, the band is filled. The legend is beside the
    panel.
    """
    width, height = _INCHES
    figure = Figure(figsize=(width, height * len(drawn)), layout="constrained")
    axes = figure.subplots(len(drawn), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (label, lines) in zip(axes, drawn.items(), strict=True):
        for name, values in lines.items():
            axis.plot(time_s, values, linewidth=0.8, label=name)
            if name.endswith("_min") and (highest := lines.get(f"{name.removesuffix('min')}max")) is not None:
                axis.fill_between(time_s, values, highest, alpha=0.25, linewidth=0)
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
        axis.margins(x=0)
        if len(lines) > 1:
            axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)
    axes[0].set_title(title, fontsize="medium")
    axes[-1].set_xlabel("time in s")
    figure.savefig(file, dpi=_DPI)
