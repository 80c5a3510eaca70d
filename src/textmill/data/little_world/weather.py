"""The weather of the year: one sky a day, drawn from the season and from the day before."""

from __future__ import annotations

import random

SEASONS = ("winter", "spring", "summer", "autumn")
YEAR_DAYS = 365
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_CHANCES: dict[str, dict[str, int]] = {
    "winter": {"snow": 5, "frost": 4, "cloudy": 4, "sunny": 3, "wind": 2, "fog": 2, "storm": 1},
    "spring": {"sunny": 5, "rain": 5, "cloudy": 3, "wind": 3, "fog": 1, "storm": 1, "frost": 1},
    "summer": {"sunny": 6, "hot": 5, "cloudy": 2, "rain": 2, "storm": 2, "wind": 1},
    "autumn": {"cloudy": 4, "rain": 4, "wind": 4, "sunny": 3, "fog": 3, "storm": 2, "frost": 1},
}


def month_and_day(day: int) -> tuple[int, int]:
    """Day 1 to 365 of the year as month (1 to 12) and day of the month."""
    for month, length in enumerate(MONTH_DAYS, start=1):
        if day <= length:
            return month, day
        day -= length
    raise ValueError(f"the year has {YEAR_DAYS} days")


def season_of(day: int) -> str:
    """The season of a day of the year."""
    return SEASONS[(month_and_day(day)[0] % 12) // 3]


def make_weather(generator: random.Random) -> tuple[str, ...]:
    """The sky of each day; index 0 stands for no day, so that ``weather[day]`` reads naturally."""
    skies = ["sunny"]
    for day in range(1, YEAR_DAYS + 1):
        chances = dict(_CHANCES[season_of(day)])
        if month_and_day(day)[0] in (5, 9):
            chances.pop("frost", None)
        if skies[-1] in chances and skies[-1] != "storm":
            chances[skies[-1]] += 4
        skies.append(generator.choices(list(chances), list(chances.values()))[0])
    return tuple(skies)
