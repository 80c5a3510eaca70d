"""A page in a real browser that one can act on: Chromium's own protocol over two pipes, no driver between."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from page_measure import chromium

SECONDS = 30.0
WORDS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    "--no-first-run",
)


class LivePage:
    """One tab; `evaluate` runs a script in it and returns its value."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._held, self._number, self._session = b"", 0, ""
        self.problems: list[str] = []
        """What the page logged as an error, and what its policy kept out."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **values: Any) -> dict[str, Any]:
        """Sends a command and returns its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": values}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._note(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._held:
            part = os.read(self._read, 1 << 16)
            assert part, "the browser ended"
            self._held += part
        first, _, self._held = self._held.partition(b"\0")
        return json.loads(first)

    def _note(self, event: dict[str, Any]) -> None:
        values = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(values["exceptionDetails"])[:500])
        if event.get("method") == "Log.entryAdded" and values["entry"]["level"] == "error":
            self.problems.append(f"{values['entry']['text']} {values['entry'].get('url', '')}")

    def open(self, address: str, *, width: int = 1200, height: int = 900, dark: bool = False) -> None:
        """Opens an address in a window of that size and scheme."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        self.call("Page.navigate", url=address)

    def evaluate(self, script: str) -> Any:
        """Returns the value of an expression, awaited."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str) -> Any:
        """Returns the value of an expression once it is true."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            try:
                found = self.evaluate(script)
            except AssertionError:
                found = None  # the page is just changing
            if found:
                return found
            time.sleep(0.05)
        text = self.evaluate("document.body.innerText")
        raise AssertionError(f"never true: {script}\n{self.problems}\n{text[:2000]}")

    def press(self, key: str, code: int = 0, text: str = "") -> None:
        """Presses a key."""
        named = {"key": key, "code": key, "windowsVirtualKeyCode": code, "text": text}
        self.call("Input.dispatchKeyEvent", type="keyDown", **named)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def picture(self, file: Path, *, whole: bool = False) -> None:
        """Writes what is seen (or the whole page) as PNG."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def live_page(profile: Path) -> Iterator[LivePage]:
    """Starts a browser with a profile of its own; it ends with the block."""
    (their_in, our_out), (our_in, their_out) = os.pipe(), os.pipe()

    # Chromium reads its commands from descriptor 3 and writes to 4
    command = f'exec "$0" "$@" 3<&{their_in} 4>&{their_out}'
    words = ["bash", "-c", command, chromium(), *WORDS, f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        words, pass_fds=(their_in, their_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(their_in)
    os.close(their_out)
    try:
        yield LivePage(our_out, our_in)
    finally:
        os.close(our_out)
        os.close(our_in)
        process.kill()
        process.wait()
