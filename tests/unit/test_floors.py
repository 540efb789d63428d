"""When claims start where earlier ones left off, and when at the front. Pure: no database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from soniq.backends.postgres.floors import (
    CHEAP_SECONDS,
    CHEAP_SECONDS_A_JOB,
    LONGEST_REST,
    MOST_LEVELS,
    REST,
    REST_AFTER_FAILURE,
    SETTLING_SECONDS,
    Floors,
    Level,
    Place,
)
from tests.support.clock import START

MAIL: Level = ("mail", 100)
PAY: Level = ("pay", 1)
LAG = SETTLING_SECONDS


def place(number: int) -> Place:
    """Return the place of the job with this number."""
    return START + timedelta(seconds=number), number


def dear(floors: Floors, moment: float, seconds: float = 1.0) -> None:
    """Let a look from the front end at this moment that took so long, and so one below."""
    floors.looked_from_front(began=moment - seconds, ended=moment)
    floors.looked_below({}, seconds=seconds, began=moment - seconds, ended=moment)


def floors_at(floors: Floors, moment: float) -> Mapping[Level, Place]:
    """Return the floors that a claim uses at that moment; none where it is to look below them."""
    return {} if floors.due(moment) else floors.now()


def test_a_cheap_front_is_always_looked_at() -> None:
    """As long as a look from the front is quick no floor is used."""
    floors = Floors()
    for moment in (1.0, 2.0, 3.0):
        floors.taken([(MAIL, place(int(moment)))], moment=moment)
        floors.looked_from_front(began=moment, ended=moment + CHEAP_SECONDS / 2)
        assert floors_at(floors, moment) == {}


def test_a_look_that_took_many_jobs_may_take_longer() -> None:
    """That time is not spent on the way to them."""
    floors = Floors()
    many = [(MAIL, place(number)) for number in range(500)]
    seconds = CHEAP_SECONDS + 500 * CHEAP_SECONDS_A_JOB
    floors.looked_from_front(began=1.0, ended=1.0 + 0.9 * seconds, found=many)
    assert floors.now() == {}
    floors.looked_from_front(began=3.0, ended=3.0 + 1.1 * seconds, found=many)
    assert floors.now() != {}


def test_a_dear_front_rests() -> None:
    """A slow look is followed by a rest in proportion, but not a longer one than is promised."""
    floors = Floors()
    for moment in (1.0, 2.0, 3.0):
        floors.taken([(MAIL, place(7))], moment=moment)
    dear(floors, 4.02, seconds=0.02)
    rest = REST * 0.02
    assert floors_at(floors, 4.02 + rest - 0.001) == {MAIL: place(7)}
    assert floors_at(floors, 4.02 + rest + 0.001) == {}
    dear(floors, 9.0, seconds=60.0)
    assert floors_at(floors, 9.0 + LONGEST_REST - 0.001) == {MAIL: place(7)}
    assert floors_at(floors, 9.0 + LONGEST_REST) == {}


def test_a_look_that_was_slow_is_checked_at_once() -> None:
    """Many things can make a claim slow: floors are of use only if the way to them is long."""
    floors = Floors()
    for moment in (1.0, 2.0, 3.0):
        floors.taken([(MAIL, place(7))], moment=moment)
    floors.looked_from_front(began=3.9, ended=4.0)
    assert floors.now() == {MAIL: place(7)}
    assert floors.due(4.0)
    floors.looked_below({}, seconds=CHEAP_SECONDS / 2, began=4.0, ended=4.5)
    assert floors.now() == {}


def test_a_floor_settles_before_it_is_used() -> None:
    """A job that could be seen a moment late is not below a floor yet."""
    floors = Floors()
    dear(floors, 1.0)
    floors.taken([(MAIL, place(1))], moment=1.0)
    floors.taken([(MAIL, place(2))], moment=1.0 + LAG / 2)
    assert floors_at(floors, 1.0 + LAG / 2) == {}
    floors.taken([(MAIL, place(3))], moment=1.0 + LAG * 1.1)
    assert floors_at(floors, 1.0 + LAG * 1.1) == {MAIL: place(1)}
    floors.taken([(PAY, place(4))], moment=1.0 + LAG * 2.2)
    assert floors_at(floors, 1.0 + LAG * 2.2) == {MAIL: place(3)}


def test_a_dear_look_has_shown_where_the_front_is() -> None:
    """Before the first job that it found of each level nothing waits, but for what settles yet."""
    floors = Floors()
    found = [(MAIL, place(5)), (MAIL, place(6)), (PAY, place(7))]
    floors.taken(found, moment=1.0)
    floors.looked_from_front(began=1.0, ended=1.0 + CHEAP_SECONDS / 2, found=found)
    assert floors.now() == {}
    floors.looked_from_front(began=2.0, ended=3.0, found=found)
    before = timedelta(seconds=SETTLING_SECONDS)
    assert floors.now() == {MAIL: (place(5)[0] - before, 5), PAY: (place(7)[0] - before, 7)}
    floors.taken([], moment=2.0)  # what was taken has settled
    assert floors.now() == {MAIL: place(6), PAY: place(7)}
    floors.looked_from_front(began=4.0, ended=5.0, found=found)
    assert floors.now() == {MAIL: place(6), PAY: place(7)}


def test_a_dear_look_that_found_many_levels_gives_floors_to_some() -> None:
    """A claim is not burdened with all of them."""
    floors = Floors()
    found = [(("mail", number), place(1)) for number in range(MOST_LEVELS + 1)]
    floors.looked_from_front(began=1.0, ended=2.0, found=found)
    assert len(floors.now()) == MOST_LEVELS


def test_a_look_below_that_finds_nothing_leaves_the_floors() -> None:
    """They are used on, until it is time for the next look; a quick one makes an end of them."""
    floors = Floors()
    for moment in (1.0, 2.0, 3.0):
        floors.taken([(MAIL, place(7))], moment=moment)
    dear(floors, 4.0)
    assert floors.due(4.0 + LONGEST_REST)
    floors.looked_below({}, seconds=1.0, began=9.0, ended=10.0)
    assert not floors.due(9.0 + LONGEST_REST)
    assert floors.now() == {MAIL: place(7)}
    floors.looked_below({}, seconds=CHEAP_SECONDS / 2, began=15.0, ended=15.5)
    assert floors.now() == {}


def test_what_is_found_below_lowers_the_floor_of_its_level() -> None:
    """Those that have yet to settle, too; others stay, and none is ever raised."""
    floors = Floors()
    for moment in (1.0, 2.0, 3.0):
        floors.taken([(MAIL, place(7)), (PAY, place(8))], moment=moment)
    dear(floors, 4.0)
    before = place(3)[0] - timedelta(microseconds=1), 3
    floors.looked_below({MAIL: place(3)}, seconds=1.0, began=9.0, ended=10.0)
    assert floors.now() == {MAIL: before, PAY: place(8)}
    for moment in (11.0, 12.0):
        floors.taken([], moment=moment)
        assert floors.now() == {MAIL: before, PAY: place(8)}
    floors.looked_below({PAY: place(9)}, seconds=1.0, began=13.0, ended=14.0)
    assert floors.now() == {MAIL: before, PAY: place(8)}


def test_a_look_below_that_fails_is_made_again_soon() -> None:
    """Claims go on from their floors meanwhile."""
    floors = Floors()
    for moment in (1.0, 2.0, 3.0):
        floors.taken([(MAIL, place(7))], moment=moment)
    dear(floors, 4.0)
    floors.could_not_look(9.0)
    assert not floors.due(9.0 + REST_AFTER_FAILURE - 0.001)
    assert floors.due(9.0 + REST_AFTER_FAILURE)
    assert floors.now() == {MAIL: place(7)}


def test_a_look_below_that_began_before_something_was_put_back_does_not_count() -> None:
    """It may not have seen that."""
    floors = Floors()
    for moment in (1.0, 2.0, 3.0):
        floors.taken([(MAIL, place(7))], moment=moment)
    dear(floors, 4.0)
    floors.put_back(9.5)
    floors.looked_below({}, seconds=1.0, began=9.0, ended=10.0)
    assert floors.now() == {}


def test_what_was_put_back_is_looked_for_at_once() -> None:
    """The next look begins at the front, however dear; one that had begun before does not count."""
    floors = Floors()
    for moment in (1.0, 2.0, 3.0):
        floors.taken([(MAIL, place(1))], moment=moment)
    dear(floors, 4.0)
    floors.put_back(4.5)
    assert floors_at(floors, 4.5) == {}
    dear(floors, 5.0)
    assert floors_at(floors, 5.0) == {}
    dear(floors, 6.0)
    assert floors_at(floors, 6.0) == {MAIL: place(1)}


def test_floors_of_a_queue_can_be_forgotten() -> None:
    """It has none, not even those that have yet to settle, before a job is taken there again."""
    floors = Floors()
    for moment in (1.0, 2.0, 3.0):
        floors.taken([(MAIL, place(1)), (PAY, place(2))], moment=moment)
    dear(floors, 3.0)
    floors.forget({"mail", "other"})
    for moment in (4.0, 5.0, 6.0):
        floors.taken([(PAY, place(3))], moment=moment)
        dear(floors, moment)
        assert floors_at(floors, moment).keys() == {PAY}
    for moment in (7.0, 8.0, 9.0):
        floors.taken([(MAIL, place(4))], moment=moment)
    dear(floors, 9.0)
    assert floors_at(floors, 9.0) == {PAY: place(3), MAIL: place(4)}


@pytest.mark.parametrize("surplus", [0, 1, 30])
def test_only_the_latest_levels_are_kept(surplus: int) -> None:
    """However many queues and priorities there are, a claim is not burdened with all of them."""
    floors = Floors()
    levels = [("mail", number) for number in range(MOST_LEVELS + surplus)]
    floors.taken([(level, place(1)) for level in levels], moment=1.0)
    floors.taken([], moment=2.0)
    dear(floors, 3.0)
    assert list(floors_at(floors, 3.0)) == levels[surplus:]
