"""The pages `/docs` and `/dashboard` work in a browser that reaches no host but the receiver."""

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from harness.browser import CHROMIUM, NAME, Browser, click, text
from harness.pipeline import Pipeline
from harness.roles import wait_until
from telemetry.domain.contract.moment import HOUR_MS, format_hour, format_timestamp, hour_of
from telemetry.domain.figures.hour import Aggregated, decode
from tests.builders import a_message

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

THIS_HOUR = hour_of(time.time_ns() // 1_000_000)
H = format_hour(THIS_HOUR - 1)  # type: ignore[arg-type]  # an hour less is an hour
TITLE = f"{H[:10]} {H[11:]}:00"
RECORDS = 40
LIVE = "document.querySelector('#link')?.dataset.state === 'live'"


def square(hour: str) -> str:
    return f"document.querySelector('#grid [data-hour=\"{hour}\"]')"


def load(pipeline: Pipeline) -> None:
    """Post an hour of two vehicles, of which one has a gap, and a record that came twice."""
    first_ms = (THIS_HOUR - 1) * HOUR_MS
    body = [
        a_message(vehicle_id=f"veh-{vehicle}", timestamp=format_timestamp(first_ms + 90_000 * n))
        for vehicle in range(2)
        for n in range(RECORDS)
        if not (vehicle and 10 < n < 20)
    ]
    headers = {"X-API-Key": pipeline.environment["API_KEY"]}
    answer = httpx.post(f"{pipeline.url}/ingest", json=[*body, body[0]], headers=headers, trust_env=False)
    assert answer.json()["rejected"] == []


def figures(pipeline: Pipeline) -> Aggregated:
    (file,) = pipeline.data.glob(f"aggregated/**/hour={H[-2:]}/aggregated-*.json")
    return decode(file.read_bytes())


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """All roles, the receiver with two workers, and an hour whose figures are there."""
    pipeline = Pipeline(tmp_path_factory.mktemp("pages"), SHUTDOWN_TIMEOUT="600")
    pipeline.start("receiver", "--workers", "2")
    pipeline.start("consumer")
    load(pipeline)
    pipeline.start("aggregator")
    wait_until(lambda: bool(list(pipeline.data.glob("aggregated/**/*.json"))), "the figures of the hour")
    yield pipeline
    pipeline.stop_all()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture
def page(pipeline: Pipeline, browser: Browser) -> Browser:
    """The live page, on which numbers, hours and fleet are shown."""
    browser.show(1280, 900)
    browser.open(f"{pipeline.url}/dashboard")
    browser.wait_for(f"{LIVE} && document.querySelectorAll('#numbers li').length === 6")
    browser.wait_for("document.querySelector('#fleet .bars') && document.querySelector('#detail dl') && true")
    return browser


def check_hosts(browser: Browser, pipeline: Pipeline) -> None:
    """Hold that the page asked nobody but the receiver, and complained of nothing."""
    asked = {urlsplit(url).netloc for url in browser.requested() if not url.startswith("data:")}
    assert asked == {urlsplit(pipeline.url).netloc}
    assert browser.complaints() == []


def test_docs_show_how_to_send_and_load_everything_from_the_receiver(pipeline: Pipeline, browser: Browser):
    browser.open(f"{pipeline.url}/docs")
    browser.wait_for(f"{text('#operations-records-ingest .opblock-summary-path')}.includes('ingest')")
    check_hosts(browser, pipeline)


def test_a_record_is_sent_from_docs_with_a_key_that_is_typed_into_it(pipeline: Pipeline, browser: Browser):
    browser.open(f"{pipeline.url}/docs")
    browser.wait_for("document.querySelector('button.authorize') !== null")
    browser.evaluate(click("button.authorize"))
    browser.wait_for("document.querySelector('.auth-container input') !== null")
    browser.evaluate("document.querySelector('.auth-container input').focus()")
    browser.call("Input.insertText", text=pipeline.environment["API_KEY"])
    browser.evaluate(click(".auth-container button.authorize"))
    browser.wait_for("document.querySelector('.auth-container input') === null")
    browser.evaluate(click(".btn-done"))
    browser.evaluate(click("#operations-records-ingest .opblock-summary-control"))
    browser.wait_for("document.querySelector('.try-out__btn') !== null")
    browser.evaluate(click(".try-out__btn"))
    assert "battery_soc" in browser.wait_for("document.querySelector('.body-param__text')?.value")
    browser.wait_for("document.querySelector('.execute') !== null")
    browser.evaluate(click(".execute"))
    answered = browser.wait_for(text(".live-responses-table .response .response-col_status"))
    assert answered.split()[0] == "202", answered
    assert browser.complaints() == []


def test_the_page_shows_what_the_store_has_and_loads_everything_from_the_receiver(
    pipeline: Pipeline, page: Browser
):
    stored = figures(pipeline)
    assert stored.certificate
    label = page.wait_for(f"{square(H)}.dataset.state && {square(H)}.getAttribute('aria-label')")
    assert f"{stored.unique} records of {len(stored.vehicles)} vehicles" in label
    assert f"revision {stored.certificate.revision}" in label
    page.evaluate(f"({square(H)}.click(), true)")
    detail = page.wait_for(f"{text('#detail-title')}.startsWith({TITLE!r}) && {text('#detail-body')}")
    assert stored.certificate.state in detail
    assert f"telemetry hours show {H}" in detail
    everybody = (
        "[...document.querySelectorAll('#fleet .counts b')].slice(0, 2).map((each) => +each.innerText)"
    )
    seen, silent = page.evaluate(everybody)
    assert seen + silent == len(stored.vehicles)
    assert page.evaluate(text("#fleet td.number")) == f"{3.45:.3f} V"  # the lowest cell of all that was sent
    last = max(each.last for each in stored.vehicles.values())
    assert page.evaluate(text("#fleet-note")) >= f"as of {last[:10]} {last[11:19]}"
    titles = page.evaluate("[...document.querySelectorAll('#numbers h2')].map((each) => each.innerText)")
    status = pipeline.begin("status", "--json")
    told = msgspec.json.decode(status.communicate(timeout=90)[0])
    shown = page.evaluate("[...document.querySelectorAll('#numbers li')].map((each) => each.dataset.name)")
    assert (len(titles), shown) == (6, [each["name"] for each in told["vitals"]])
    triggers = page.wait_for(text("#triggers-table"))
    assert all(name in triggers for name in ("sustained rate", "duplicates", "month on AWS", "aggregation"))
    assert "▲ duplicates" in triggers  # one of the records came twice
    check_hosts(page, pipeline)


def test_the_hour_of_one_vehicle_is_drawn_from_its_records(pipeline: Pipeline, page: Browser):
    page.evaluate(f"({square(H)}.click(), true)")
    page.wait_for(
        f"{text('#detail-title')}.startsWith({TITLE!r}) && document.querySelector('#vehicle') !== null"
    )
    page.evaluate("(document.querySelector('#vehicle').focus(), true)")
    page.call("Input.insertText", text="veh-0")
    page.press("Enter")
    note = page.wait_for(f"document.querySelectorAll('#panels canvas').length && {text('#course-note')}")
    assert note.startswith(f"{figures(pipeline).vehicles['veh-0'].count} records in ")
    titles = page.evaluate("[...document.querySelectorAll('#panels h3')].map((each) => each.innerText)")
    assert titles == [
        "battery soc, %",
        "battery voltage, V",
        "battery current, A",
        "cell voltage, V",
        "cell temp, °C",
    ]
    assert page.evaluate("document.querySelector('.panel').getAttribute('aria-label')") == (
        "battery soc, %: from 85.5 to 85.5"
    )
    check_hosts(page, pipeline)


def test_hours_are_chosen_by_keys_alone(page: Browser):
    page.evaluate(f"({square(H)}.click(), {square(H)}.focus(), true)")
    page.press("ArrowLeft")
    before = page.wait_for("document.activeElement.dataset.hour")
    assert before < H
    page.press("Enter")
    page.wait_for(f"{square(before)}.getAttribute('aria-pressed') === 'true'")
    page.wait_for(f"{text('#detail-body')}.includes('telemetry hours show {before}')")
    page.press("ArrowDown")
    assert page.wait_for("document.activeElement.dataset.hour")[:10] < before[:10]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_follows_the_colours_of_the_system(page: Browser, scheme: str):
    page.show(390, 844, scheme)
    assert page.wait_for("innerWidth === 390 && document.documentElement.scrollWidth") == 390
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    channels = [int(each) for each in back[back.index("(") + 1 : -1].split(",")[:3]]
    assert (max(channels) < 64) == (scheme == "dark")


def test_who_comes_by_a_name_types_a_key_once_and_it_is_in_no_address(pipeline: Pipeline, browser: Browser):
    url, key = f"http://{NAME}:{pipeline.port}", pipeline.environment["API_KEY"]
    browser.open(f"{url}/dashboard")
    browser.wait_for("document.activeElement?.id === 'key'")
    browser.call("Input.insertText", text=key)
    browser.press("Enter")
    browser.wait_for(f"{LIVE} && document.querySelectorAll('#numbers li').length === 6")
    assert [address for address in browser.requested() if key in address] == []
    (cookie,) = browser.call("Network.getCookies", urls=[f"{url}/dashboard"])["cookies"]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/dashboard")
    assert key not in cookie["value"]
    assert browser.evaluate("document.cookie") == ""
    for _ in range(10):  # both workers know the session
        assert httpx.get(
            f"{pipeline.url}/dashboard/parts",
            headers={"Cookie": f"{cookie['name']}={cookie['value']}", "X-Forwarded-For": "10.0.0.1"},
            trust_env=False,
        ).is_success
    browser.evaluate("(document.querySelector('header button').click(), true)")
    browser.wait_for("document.querySelector('#key') !== null")
    assert browser.complaints() == []


def test_where_events_do_not_come_it_asks_again_and_again(pipeline: Pipeline, browser: Browser):
    browser.call("Network.setBlockedURLs", urls=["*/dashboard/feed"])
    try:
        browser.open(f"{pipeline.url}/dashboard")
        browser.wait_for(f"{text('#link')}.startsWith('live, asks every')")
        assert browser.evaluate("document.querySelectorAll('#numbers li').length") == 6
    finally:
        browser.call("Network.setBlockedURLs", urls=[])


def test_it_goes_on_after_the_receiver_was_started_again(pipeline: Pipeline, page: Browser):
    pipeline.stop("receiver")  # which does not wait for viewers, or it would do so for SHUTDOWN_TIMEOUT
    page.wait_for("document.querySelector('#link').dataset.state !== 'live'")
    pipeline.start("receiver", "--workers", "2")
    page.wait_for(LIVE)
    second = page.evaluate(text("#numbers time"))
    page.wait_for(f"{text('#numbers time')} > {second!r}")
    assert [each for each in page.events if "exceptionDetails" in each.get("params", {})] == []


def test_a_number_that_is_wrong_is_red_with_the_command_that_helps(pipeline: Pipeline, page: Browser):
    pipeline.stop("consumer")
    wrong = page.wait_for(text("#numbers li[data-name=stored].wrong"))
    assert "no consumer runs" in wrong
    assert "telemetry consumer" in wrong
    assert page.evaluate("document.title").endswith(" telemetry")
    pipeline.start("consumer")
    page.wait_for("document.querySelector('#numbers li[data-name=stored].wrong') === null")
    assert page.complaints() == []
