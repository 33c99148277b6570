"""How easily simulated drives are distinguished from real ones, by half a minute of current and voltage.

A classifier (boosted trees) is trained on windows of 30 s of some drives, and classifies the windows of the
others. Its AUC is 0.5 if it cannot distinguish them, and 1.0 if it always can. No drive is on both sides,
because its SoC and its weather would identify it. There are as many simulated trips as real ones, and they
are as long.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from model.trips import SAMPLING_S
from telemetry.domain.vehicle.battery.parameters import Floats

_WINDOW: Final = round(30 / SAMPLING_S)
_QUANTILES: Final = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_LAGS: Final = (1, 3, 10, 25, 50)  # moments
_PARTS: Final = 6
_HALVES: Final = 11  # random halves, of which the median counts


class Drive(NamedTuple):
    """One drive; each column is (moments,), one every 200 ms."""

    current: Floats  # A
    voltage: Floats  # V


def auc(real: Sequence[Drive], simulated: Sequence[Drive]) -> float:
    """Return the AUC with which simulated windows are distinguished from real ones."""
    return _auc(list(map(_features, real)), list(map(_features, simulated)))


def floor(real: Sequence[Drive], seed: int = 1) -> float:
    """Return the AUC of one random half of the real drives against the other, the median of several."""
    rng, windows = np.random.default_rng(seed), list(map(_features, real))
    found = []
    for _ in range(_HALVES):
        order = rng.permutation(len(windows))
        half = len(windows) // 2
        found.append(_auc([windows[n] for n in order[:half]], [windows[n] for n in order[half:]]))
    return float(np.median(found))


def _auc(ones: Sequence[Floats], others: Sequence[Floats]) -> float:
    """Return the AUC of a classifier of two groups of drives, each given by the features of its windows."""
    drives = [*ones, *others]
    lengths = [len(windows) for windows in drives]
    belongs: npt.NDArray[np.intp] = np.repeat(np.arange(len(drives)), lengths)
    is_other = belongs >= len(ones)
    chances = cross_val_predict(
        HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, random_state=0),
        np.concatenate(drives),
        is_other,
        groups=belongs,
        cv=GroupKFold(_PARTS),
        method="predict_proba",
    )
    return float(roc_auc_score(is_other, chances[:, 1]))


def _features(drive: Drive) -> Floats:
    """Return the features of each whole window of a drive, rounded as on the wire, (windows, features)."""
    whole = len(drive.current) // _WINDOW * _WINDOW
    current, voltage = (np.round(column[:whole], 1).reshape(-1, _WINDOW) for column in drive)
    steps, sags = np.diff(current, axis=1), np.diff(voltage, axis=1)
    columns = []
    for values in (current, voltage, steps, sags):
        columns += [values.mean(axis=1), values.std(axis=1), *np.quantile(values, _QUANTILES, axis=1)]
    for values in (current, steps):
        columns += [_autocorrelation(values, lag) for lag in _LAGS]
    columns.append((steps * sags).sum(axis=1) / (np.square(steps).sum(axis=1) + 1e-6))  # ohm
    return np.stack(columns, axis=1)


def _autocorrelation(values: Floats, lag: int) -> Floats:
    centred = values - values.mean(axis=1, keepdims=True)
    correlation: Floats = (centred[:, :-lag] * centred[:, lag:]).mean(axis=1) / (values.var(axis=1) + 1e-6)
    return correlation
