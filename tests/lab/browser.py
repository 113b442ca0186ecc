"""Does a page work where it will be read? Chromium without a window, for the tests that ask for `browser`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onepass.arrays import Array


class Browser:
    """A window of Chromium that reaches no network and draws WebGL without a graphics card.

    Attributes:
        driver: selenium's, for all that is not here.
    """

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path) -> None:
        """Load a file; what earlier pages wrote to the console is forgotten."""
        self.driver.get("about:blank")
        self.console()
        self.driver.get(page.resolve().as_uri())

    def wait_for(self, expression: str, seconds: float = 30.0) -> Any:
        """Wait until a JavaScript expression is true, and return it."""
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, seconds, 0.05).until(lambda driver: self.value(expression), expression)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression yields in the page; a promise is waited for."""
        return self.driver.execute_script(f"return ({expression})")

    def drag(self, selector: str, right: int, down: int) -> None:
        """Press the mouse in the middle of an element, move it by so many pixels, and let go."""
        from selenium.webdriver import ActionChains

        # In steps, with time to draw between them: a page that follows the mouse may look only once per frame.
        steps, pause = 5, 0.05
        element = self.driver.find_element("css selector", selector)
        actions = ActionChains(self.driver, duration=20).move_to_element(element).click_and_hold().pause(pause)
        for step in range(steps):
            actions.move_by_offset(
                right * (step + 1) // steps - right * step // steps, down * (step + 1) // steps - down * step // steps
            ).pause(pause)
        actions.release().perform()

    def pixels(self, selector: str) -> Array:
        """What an element looks like: (height, width, channels) of floats in [0, 1]."""
        from matplotlib.image import imread

        element = self.driver.find_element("css selector", selector)
        return np.asarray(imread(BytesIO(element.screenshot_as_png), format="png"))

    def console(self) -> list[dict[str, Any]]:
        """What was written to the console since the last call: entries with `level` and `message`."""
        entries: list[dict[str, Any]] = self.driver.get_log("browser")
        return entries

    def errors(self) -> list[str]:
        """The console's errors since the last call, uncaught exceptions and failed requests among them."""
        return [entry["message"] for entry in self.console() if entry["level"] == "SEVERE"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests; skips where selenium, Chromium or its driver is not installed."""
    pytest.importorskip("selenium")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver_program = shutil.which("chromedriver")
    if program is None or driver_program is None:
        pytest.skip("Chromium and chromedriver are not both installed; on Debian: apt install chromium chromium-driver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",  # it cannot start as root
        "--disable-dev-shm-usage",  # containers have little of it
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--disable-background-networking",
        "--force-device-scale-factor=1",
        "--window-size=1200,900",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # Both paths are named, so that selenium does not look for programs on the network.
    driver = webdriver.Chrome(options, webdriver.ChromeService(driver_program))
    try:
        driver.set_page_load_timeout(60)
        driver.set_script_timeout(60)
        yield Browser(driver)
    finally:
        driver.quit()
