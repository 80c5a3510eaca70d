"""The studio in a real browser: a prompt looked into, numbers clicked back to the token, a run watched as it trains."""

import threading
from collections.abc import Iterator

import pytest
from live_page import LivePage, live_page
from tiny_models import TEXTS, tiny_config, tiny_model

from textmill.config import TokenizerSettings
from textmill.inspect.explain import explain
from textmill.model.hub import save_model
from textmill.project import Project
from textmill.serve.protocol import listen
from textmill.serve.studio.run import RunningStudio
from textmill.tokenizer.train import SMALLEST_VOCABULARY, train_tokenizer
from textmill.train.events import EventLog

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("studio_page")]
PANEL = "document.querySelector('.number .value')"
DONE = "document.querySelectorAll('.candidates tbody tr').length > 3 && document.querySelectorAll('canvas').length > 20"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    project = Project(root=tmp_path_factory.mktemp("studio"))
    folder = project.models / "tiny"
    folder.mkdir(parents=True)
    save_model(tiny_model(tiny_config()), folder)
    train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=SMALLEST_VOCABULARY).write_files(folder)
    ready = threading.Event()
    running = RunningStudio(listen("127.0.0.1", 0), project, None, lambda address: ready.set())
    thread = threading.Thread(target=running.run)
    thread.start()
    assert ready.wait(30)
    yield running
    running.stop()
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivePage]:
    with live_page(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def opened(page: LivePage, studio: RunningStudio, place: str, **look: object) -> None:
    page.open("about:blank")
    page.wait("location.href === 'about:blank'")
    page.problems.clear()
    page.open(f"{studio.opening}#/{place}", **look)  # type: ignore[arg-type]
    page.wait("document.querySelector('main') !== null")


@pytest.mark.parametrize(
    ("language", "width", "dark", "title"),
    [("en", 1200, False, "Show me this number"), ("zh", 400, True, "这个数怎么来的")],  # text data
)
def test_a_prompt_is_looked_into(
    page: LivePage, studio: RunningStudio, language: str, width: int, dark: bool, title: str
) -> None:
    place = f"look?language={language}&prompt=a%E4%B8%96&layer=1&head=1&number=layer.1.attention.weights[1,3,2]"
    opened(page, studio, place, width=width, dark=dark)
    page.wait(DONE)
    shown = page.wait(f"{PANEL} && {PANEL}.innerText")
    recording = next(reversed(studio.studio.looking.recordings.items.values()))
    value = explain(recording, "layer.1.attention.weights", (1, 3, 2)).value
    assert float(shown.replace("−", "-")) == pytest.approx(value, rel=1e-3)
    assert title in page.evaluate("document.body.innerText")
    assert page.evaluate("document.documentElement.lang") == {"en": "en", "zh": "zh-CN"}[language]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelectorAll('.grouped .chip').length") == 3
    brightness = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
    assert (sum(brightness) < 150) == dark
    loaded = page.evaluate("performance.getEntriesByType('resource').map(one => new URL(one.name).origin)")
    assert set(loaded) == {studio.address}
    assert page.problems == []


def test_from_a_number_back_to_the_token_by_keys_and_clicks(page: LivePage, studio: RunningStudio) -> None:
    opened(page, studio, "look?language=en&prompt=abc&number=layer.0.attention.scores[0,2,1]")
    where = "document.querySelector('.number .where code')"
    page.wait(f"{where} && {where}.innerText.startsWith('layer.0.attention.scores')")
    for wanted in (
        "attention.q[",
        "attention.q.normed[",
        "attention.q.plain[",
        "attention.norm[",
        "embedding[",
        "tokens[",
    ):
        page.evaluate("document.querySelector('.operand .values button:not(.more)').click()")
        page.wait(f"{where}.innerText.includes({wanted!r})")
    assert "token_embedding.weight" in page.evaluate("document.querySelector('.operands').innerText")
    page.evaluate("document.querySelector('main canvas').focus()")
    for key, code in (("ArrowRight", 39), ("ArrowRight", 39), ("ArrowUp", 38)):
        page.press(key, code)
    page.press("Enter", 13, "\r")
    page.wait(f"{where}.innerText === 'tokens[2, 2]'")
    page.evaluate("document.querySelector('.number').focus()")
    page.press("Escape", 27)
    page.wait("!document.querySelector('.number')")
    rows = "document.querySelectorAll('.tokens .chip').length"
    assert page.evaluate(rows) == 4
    page.evaluate("document.querySelectorAll('.parts button').forEach(one => one.click())")
    page.wait("document.querySelectorAll('.operate tbody tr').length >= 8")
    page.evaluate("document.querySelector('button.token[title]').click()")
    page.wait(f"{rows} === 5")
    assert page.problems == []


def test_a_run_is_watched_while_it_trains(page: LivePage, studio: RunningStudio) -> None:
    project = studio.studio.project
    assert project is not None
    log = EventLog(project.runs / "main")
    log.write("start", 0, total_steps=50, parameters=1234, settings={"model": {"width": 64}})
    for step in range(1, 21):
        log.write("step", step, loss=5.0 / step, bits_per_byte=3.0 / step, tokens_per_second=900.0, seconds=float(step))
    log.write("evaluation", 20, bits_per_byte=0.77)
    opened(page, studio, "watch?language=en")
    page.wait("document.querySelectorAll('.uplot').length >= 3")
    assert page.wait("document.querySelector('.figures').innerText.includes('20 / 50')")
    log.write("sample", 20, prompt="<b>Once</b>", text=" <script>upon</script> a time")
    log.write("step", 21, loss=0.1, bits_per_byte=0.05, tokens_per_second=900.0, seconds=21.0)
    log.write("end", 21)
    log.close()
    page.wait("document.querySelector('.figures').innerText.includes('21 / 50')")
    text = page.wait("document.querySelector('.sample') && document.querySelector('.sample').innerText")
    assert "<b>Once</b> <script>upon</script> a time" in text
    assert page.problems == []
