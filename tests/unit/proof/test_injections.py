"""What was injected is summed up by kind, and a run that injected nothing, or was not told of it, fails."""

from telemetry.domain.proof import injections
from telemetry.domain.proof.injections import Injection, Summary

KILLS = [
    Injection("kill", recovered_s=1.5, told="ended"),
    Injection("kill", recovered_s=4.0),
    Injection("kill", why_not="there is none"),
]


def test_a_kind_is_summed_up_with_its_longest_recovery_and_the_first_line_that_was_told():
    assert injections.summarise([*KILLS, Injection("lock")]) == [
        Summary("kill", injected=3 - 1, recovered=2, worst_s=4.0, told="ended", why_not="there is none"),
        Summary("lock", injected=1, recovered=0, worst_s=0.0, told="", why_not=""),
    ]


def objections(*given: Injection) -> list[str]:
    return list(injections.objections(injections.summarise(given), {"kill": True, "lock": False}))


def test_a_run_in_which_all_was_injected_told_and_recovered_from_has_nothing_against_it():
    assert objections(*KILLS, Injection("lock", recovered_s=1.0)) == []


def test_a_run_that_injected_nothing_fails():
    assert objections() == ["nothing was injected"]
    assert objections(Injection("lock", why_not="it was away")) == [
        "nothing was injected",
        "lock: never injected: it was away",
    ]


def test_a_fault_that_was_not_recovered_from_fails():
    assert objections(Injection("lock"), Injection("lock", recovered_s=1.0)) == [
        "lock: not recovered from 1 of 2"
    ]


def test_a_fault_of_which_nobody_was_told_fails():
    assert objections(Injection("kill", recovered_s=1.0)) == ["kill: nobody was told of it"]
