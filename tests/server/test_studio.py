"""The studio over plain HTTP: who is let in, what is refused, and that what it sends is what the model computes."""

import json
import re
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import torch
from tiny_models import TEXTS, tiny_config, tiny_model

from textmill import i18n
from textmill.config import TokenizerSettings
from textmill.model.hub import save_model
from textmill.model.trace import Trace
from textmill.project import Project
from textmill.serve.protocol import listen
from textmill.serve.studio.files import static_files
from textmill.serve.studio.looking import pooled
from textmill.serve.studio.run import RunningStudio
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import SMALLEST_VOCABULARY, train_tokenizer
from textmill.train.events import EventLog

PROMPT = "Hello 世界"  # text data
CREDITS = {"vendor/uplot.js": ("https://github.com",)}
"""Addresses in comments that name an author."""
OWN = [name for name in static_files() if not name.startswith("vendor/")]


@dataclass(kw_only=True)
class Opened:
    """A running studio and a browser's session with it."""

    running: RunningStudio
    model: str
    project: Project
    cookie: str

    def client(self, **headers: str) -> httpx.Client:
        named = {"cookie": self.cookie, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return httpx.Client(base_url=self.running.address, headers=named, trust_env=False, timeout=30)

    def get(self, path: str, **headers: str) -> httpx.Response:
        with self.client(**headers) as client:
            return client.get(path)

    def post(self, path: str, body: Any) -> httpx.Response:
        with self.client() as client:
            return client.post(path, json=body)

    def look(self) -> dict[str, Any]:
        return self.post("/api/look", {"model": self.model, "prompt": PROMPT}).raise_for_status().json()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
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
    opened = httpx.get(running.opening, trust_env=False)
    cookie = opened.headers["set-cookie"].partition(";")[0]
    yield Opened(running=running, model="tiny", project=project, cookie=cookie)
    running.stop()
    thread.join(30)
    assert not thread.is_alive()


def matrix(data: bytes) -> torch.Tensor:
    rows, columns = struct.unpack_from("<2I", data)
    return torch.frombuffer(bytearray(data[24:]), dtype=torch.float32).view(rows, columns)


# ---- who is let in


def test_the_opened_address_gives_a_strict_cookie_and_goes_on_without_the_token(studio: Opened) -> None:
    opened = httpx.get(studio.running.opening, trust_env=False)
    assert opened.status_code == 303 and opened.headers["location"] == "/"
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(opened.headers["set-cookie"].split("; "))
    linked = httpx.get(studio.running.opening, trust_env=False, headers={"sec-fetch-site": "cross-site"})
    assert linked.status_code == 200 and "url=/" in linked.text and "set-cookie" in linked.headers


@pytest.mark.parametrize(
    "path", ["/", "/static/studio.js", "/api/models", "/api/runs", "/?token=wrong", "/api/look/x/lens"]
)
def test_nothing_without_the_cookie(studio: Opened, path: str) -> None:
    for cookie in (
        "",
        f"{studio.running.guard.cookie}=",
        f"{studio.running.guard.cookie}={studio.running.guard.token}",
    ):
        answer = httpx.get(studio.running.address + path, headers={"cookie": cookie}, trust_env=False)
        assert answer.status_code == 401 and answer.json()["error"]["code"] == "no_token"
        assert studio.running.guard.token not in answer.text or cookie


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:80"},
        {"host": "[::1"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
    ids=str,
)
def test_other_names_and_other_pages_are_refused(studio: Opened, headers: dict[str, str]) -> None:
    assert studio.get("/api/models", **headers).status_code == 403


def test_the_token_is_of_no_use_under_another_name(studio: Opened) -> None:
    headers = {"host": "evil.example"}
    assert httpx.get(studio.running.opening, headers=headers, trust_env=False).status_code == 403


def test_forms_of_other_pages_are_no_requests(studio: Opened) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        with studio.client(content_type=kind) as client:
            answer = client.post("/api/look", content=json.dumps({"model": "tiny", "prompt": "a"}))
        assert answer.status_code == 415


def test_every_answer_has_the_policy(studio: Opened) -> None:
    for path in ("/", "/static/studio.js", "/api/models", "/nothing", "/static/../app.py"):
        policy = studio.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self';" in policy and "unsafe" not in policy
        assert studio.get(path).headers["x-content-type-options"] == "nosniff"
    assert studio.get("/nothing").status_code == 404


@pytest.mark.parametrize(
    "name", ["../app.py", "%2e%2e/app.py", "..%2f..%2fapp.py", "/etc/passwd", "vendor", "words.toml"]
)
def test_only_the_pages_own_files(studio: Opened, name: str) -> None:
    assert studio.get(f"/static/{name}").status_code in (404, 405)
    assert studio.get("/api/runs/..%2f..%2fetc/events").status_code == 404
    assert studio.get("/api/runs/nothing/events").status_code == 400


# ---- what it sends


def test_tensors_are_the_models(studio: Opened) -> None:
    look = studio.look()
    folder = studio.project.models / "tiny"
    tokenizer, trace = Tokenizer.load(folder), Trace()
    ids = [token["id"] for token in look["tokens"]]
    assert ids == [*tokenizer.start_ids, *tokenizer.encode(PROMPT)]
    with torch.no_grad():
        logits = tiny_model(tiny_config())(torch.tensor([ids]), trace=trace)[0]
    for name in ("attention.q", "attention.scores", "attention.weights", "attention.heads"):
        sent = matrix(studio.get(f"/api/look/{look['id']}/tensor?name=layer.1.{name}&index=1").content)
        torch.testing.assert_close(sent, trace.tensors[f"layer.1.{name}"][0, 1], atol=1e-5, rtol=1e-4)
    sent = matrix(studio.get(f"/api/look/{look['id']}/tensor?name=layer.1.residual").content)
    torch.testing.assert_close(sent, trace.tensors["layer.1.residual"][0], atol=1e-5, rtol=1e-4)
    curve = torch.frombuffer(bytearray(studio.get(f"/api/look/{look['id']}/curve?at=2").content), dtype=torch.float32)
    torch.testing.assert_close(curve, logits[2].softmax(dim=-1).sort(descending=True).values, atol=1e-5, rtol=1e-4)
    assert [token["text"] for token in look["tokens"]].count("世") == 3  # text data


def test_numbers_next_and_lens(studio: Opened) -> None:
    look = studio.look()
    asked = {"name": "layer.0.attention.masked", "index": [0, 1, 5]}
    hidden = studio.post(f"/api/look/{look['id']}/number", asked).json()
    assert hidden["value"] == "-inf" and hidden["operands"][0]["name"] == "layer.0.attention.scores"
    block = {"name": "embedding", "index": [0, 0], "until": [2, 8]}
    farthest = studio.post(f"/api/look/{look['id']}/number", block).json()
    sent = matrix(studio.get(f"/api/look/{look['id']}/tensor?name=embedding").content)[:2, :8]
    assert abs(farthest["value"]) == pytest.approx(float(sent.abs().max()))
    chosen = studio.post(f"/api/look/{look['id']}/next", {"at": 3, "temperature": 0.5, "top_k": 3}).json()
    assert chosen["kept"] == 3 and chosen["candidates"][0]["chance"] > chosen["candidates"][0]["probability"]
    off = studio.post(f"/api/look/{look['id']}/without", {"at": 3, "parts": [[0, 1], [1, -1]]}).json()
    assert off["divergence"] > 0 and len(off["changes"]) >= 8
    lens = studio.get(f"/api/look/{look['id']}/lens?first=0&last=2").json()
    assert len(lens["rows"]) == 3 and len(lens["rows"][0]) == 2
    assert (
        len(studio.get(f"/api/look/{look['id']}/angles?layer=0&at=1").json()["angles"]) == tiny_config().head_width // 2
    )
    thumbnails = studio.get(f"/api/look/{look['id']}/thumbnails?layer=0").content
    rows, columns = struct.unpack_from("<2I", thumbnails)
    assert len(thumbnails) == 24 + rows * columns and rows == tiny_config().heads * columns


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/look", {"model": "nothing", "prompt": "a"}),
        ("/api/look", {"model": "tiny", "prompt": 5}),
        ("/api/look", {"model": "tiny", "prompt": "a" * 5000}),
        ("/api/look/ID/number", {"name": "nothing", "index": [0]}),
        ("/api/look/ID/number", {"name": "embedding", "index": [0, -1]}),
        ("/api/look/ID/number", {"name": "embedding", "index": [0, "a"]}),
        ("/api/look/ID/number", {"name": "embedding", "index": []}),
        ("/api/look/ID/next", {"at": 10_000}),
        ("/api/look/ID/next", {"temperature": -1}),
        ("/api/look/gone/next", {"at": 0}),
        ("/api/look/ID/without", {"at": 0, "parts": [[0, 99]]}),
        ("/api/look/ID/without", {"at": 0, "parts": [[0]]}),
        ("/api/look/ID/without", {"at": 0, "parts": ["a"]}),
        ("/api/look/ID/tensor?name=logits", None),
        ("/api/look/ID/tensor?name=embedding&index=-1", None),
        ("/api/look/ID/tensor?name=layer.0.attention.q&index=99", None),
        ("/api/look/ID/angles?layer=99", None),
        ("/api/look/ID/thumbnails?layer=99", None),
        ("/api/look/ID/curve?at=999", None),
        ("/api/look/ID/lens?first=7&last=3", None),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_in_words(studio: Opened, path: str, body: Any) -> None:
    path = path.replace("ID", studio.look()["id"])
    answer = studio.get(path) if body is None else studio.post(path, body)
    if "lens" in path:
        assert answer.json()["rows"][0] == []
        return
    assert answer.status_code == 400 and answer.json()["error"]["message"]


def test_pictures_lose_no_spike() -> None:
    x = torch.zeros(1000, 700)
    x[613, 411], x[2, 3] = -9.0, 4.0
    small = pooled(x, 100, 100)
    assert small.shape == (100, 100) and float(small.min()) == -9.0 and float(small.max()) == 4.0


# ---- runs


def events(studio: Opened, name: str, count: int, **headers: str) -> list[tuple[str, int, Any]]:
    """Returns the first messages of a run's stream."""
    found: list[tuple[str, int, Any]] = []
    with studio.client(**headers) as client, client.stream("GET", f"/api/runs/{name}/events") as answer:
        lines = answer.iter_lines()
        while len(found) < count:
            head, number, data = next(lines), next(lines), next(lines)
            found.append((head.partition(": ")[2], int(number.partition(": ")[2]), json.loads(data.partition(": ")[2])))
            next(lines)
    return found


def test_events_come_from_where_one_was(studio: Opened) -> None:
    log = EventLog(studio.project.runs / "main")
    log.write("start", 0, settings={"model": {"width": 5}}, total_steps=3, parameters=7)
    log.write("step", 1, loss=2.0)
    log.write("statistics", 1, kept="for others")
    ((name, number, value),) = events(studio, "main", 1)
    assert (name, number, [event["type"] for event in value]) == ("events", 2, ["start", "step"])
    assert "settings" not in value[0] and value[0]["parameters"] == 7
    log.write("step", 2, loss=1.0)
    ((name, number, value),) = events(studio, "main", 1, last_event_id="2")
    assert number == 3 and [event["step"] for event in value] == [2]
    log.write("start", 0, total_steps=9)  # begun anew
    again, fresh = events(studio, "main", 2, last_event_id="3")
    assert again[0] == "again" and [event["total_steps"] for event in fresh[2]] == [9]
    log.close()
    (run,) = studio.get("/api/runs").json()["runs"]
    assert (run["name"], run["total_steps"], run["ended"]) == ("main", 9, False)


# ---- the page's files


def test_the_page_is_light_and_stays_at_home() -> None:
    assert sum(len(content) for content, kind, _ in static_files().values() if "plain" not in kind) < 300_000
    for name, (content, kind, _) in static_files().items():
        addresses = set(re.findall(r"https?://[\w.]+", content.decode())) if "plain" not in kind else set()
        assert addresses <= {"http://www.w3.org", *CREDITS.get(name, ())}, name
    assert {"vendor/htm-licence.txt", "vendor/preact-licence.txt", "vendor/uplot-licence.txt"} <= set(static_files())


def test_the_page_makes_no_markup_of_texts() -> None:
    for name in OWN:
        text = static_files()[name][0].decode()
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|style=\"", text
        ), name


def test_every_word_of_the_page_is_in_the_catalogue() -> None:
    known = set(i18n.catalog("studio_page")) | set(i18n.catalog("studio_steps"))
    used = {word for name in OWN for word in re.findall(r"\bt\(\"(\w+)\"", static_files()[name][0].decode())}
    assert len(used) > 50 and used <= known


def test_every_kind_of_step_has_its_words() -> None:
    from model_variants import VARIANTS

    from textmill.inspect.steps import steps

    known = set(i18n.catalog("studio_steps"))
    for config in VARIANTS.values():
        for step in steps(config).values():
            assert {step.what, f"{step.what}_note"} <= known


def test_words_are_sent_in_both_languages(studio: Opened) -> None:
    english, chinese = (studio.get(f"/api/strings/{language}").json() for language in ("en", "zh"))
    assert set(english) == set(chinese) and english["look"] != chinese["look"]
