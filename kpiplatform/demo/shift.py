"""By how much the dates of the sample are moved."""

from datetime import date, timedelta

FIRST_DAY = date(2013, 1, 1)
LAST_DAY = date(2013, 12, 31)
DAYS_BEFORE_TODAY = 13 * 7
DAYS_AFTER_TODAY = 2 * 7


def weeks_to_move(today: date) -> int:
    """Return the whole weeks by which the data of 2013 is moved, seen from `today`.

    Seasons stay true (the last day stays within three days of a year's end) as long as today lies
    at least 13 weeks after the first and two weeks before the last moved day. Otherwise it is the
    move nearest to a season-true one that keeps both distances.
    """
    least = -(-(today + timedelta(days=DAYS_AFTER_TODAY) - LAST_DAY).days // 7)
    most = (today - timedelta(days=DAYS_BEFORE_TODAY) - FIRST_DAY).days // 7
    season_true = [season_true_move(year) for year in range(today.year - 1, today.year + 2)]
    nearest = (min(max(move, least), most) for move in season_true)
    return min(nearest, key=lambda weeks: min(abs(weeks - move) for move in season_true))


def season_true_move(year: int) -> int:
    """Return the whole weeks that bring the last day of 2013 nearest to the last day of `year`."""
    return round((date(year, 12, 31) - LAST_DAY).days / 7)


def moved(day: date, weeks: int) -> date:
    """Return `day` of 2013 as the same weekday `weeks` weeks later."""
    return day + timedelta(weeks=weeks)
