"""The allocator's arithmetic, on sequences small enough to follow by hand."""

from itertools import pairwise

from overnight.planning.allocator import MIB, Held, replay, rounded


def held(*events: tuple[int, int], capacity: int | None = None) -> Held:
    return replay(events, capacity=capacity)


def test_sizes_are_rounded_to_512_bytes() -> None:
    assert [rounded(n) for n in (1, 512, 513, 4097)] == [512, 512, 1024, 4608]
    assert held((1, 700)).allocated == 1024


def test_small_requests_share_a_segment_of_two_mebibytes() -> None:
    two = held((1, 600_000), (2, 600_000))
    assert two.reserved == 2 * MIB
    assert held((1, MIB), (2, MIB), (3, 512)).reserved == 4 * MIB


def test_middling_requests_share_a_segment_of_twenty() -> None:
    assert held((1, 8 * MIB), (2, 8 * MIB)).reserved == 20 * MIB
    assert held((1, 8 * MIB), (2, 8 * MIB), (3, 8 * MIB)).reserved == 40 * MIB


def test_large_requests_have_their_own_in_multiples_of_two() -> None:
    assert held((1, 11 * MIB)).reserved == 12 * MIB


def test_what_is_freed_serves_the_next_of_its_size() -> None:
    again = held((1, 30 * MIB), (1, 0), (2, 30 * MIB))
    assert (again.allocated, again.reserved) == (30 * MIB, 30 * MIB)


def test_a_growing_tensor_leaves_holes_behind() -> None:
    # Each is freed before the next one, and none of the holes is large enough for it.
    grown = held((1, 20 * MIB), (1, 0), (2, 22 * MIB), (2, 0), (3, 24 * MIB))
    assert (grown.allocated, grown.reserved) == (24 * MIB, 66 * MIB)


def test_the_best_fit_is_taken_and_split() -> None:
    events = (1, 40 * MIB), (2, 100 * MIB), (1, 0), (2, 0), (3, 30 * MIB), (4, 100 * MIB)
    assert held(*events).reserved == 140 * MIB  # 3 lies in what 1 left, so 2's is whole for 4


def test_neighbours_that_are_free_become_one_again() -> None:
    halves = (2, 50 * MIB), (3, 50 * MIB)
    events = (1, 100 * MIB), (1, 0), *halves, (2, 0), (3, 0), (4, 100 * MIB)
    assert held(*events).reserved == 100 * MIB
    other_way = (1, 100 * MIB), (1, 0), *halves, (3, 0), (2, 0), (4, 100 * MIB)
    assert held(*other_way).reserved == 100 * MIB


def test_what_is_left_over_by_a_mebibyte_or_less_is_not_split_off() -> None:
    events = (1, 12 * MIB), (1, 0), (2, 11 * MIB)
    assert held(*events).allocated == 12 * MIB


def test_at_capacity_what_is_unused_is_given_back_and_it_fits() -> None:
    growing = (1, 20 * MIB), (1, 0), (2, 30 * MIB), (2, 0), (3, 40 * MIB)
    assert held(*growing).reserved == 90 * MIB
    capped = held(*growing, capacity=60 * MIB)
    assert capped.fits
    assert (capped.flushes, capped.reserved) == (1, 50 * MIB)


def test_what_does_not_fit_after_that_is_told_with_what_it_would_take() -> None:
    too_much = held((1, 40 * MIB), (2, 40 * MIB), capacity=60 * MIB)
    assert not too_much.fits
    assert too_much.reserved == 80 * MIB


def test_a_segment_that_is_partly_used_cannot_be_given_back() -> None:
    events = (1, 60 * MIB), (1, 0), (2, 20 * MIB), (3, 50 * MIB)
    assert not held(*events, capacity=100 * MIB).fits


def test_a_free_of_what_was_never_taken_changes_nothing() -> None:
    assert held((7, 0)) == held()


def test_reserved_is_never_under_what_is_in_use() -> None:
    sizes = [(key, (key * 7919) % (5 * MIB) + 1) for key in range(1, 200)]
    events = [event for (a, n), (b, _) in pairwise(sizes) for event in ((a, n), (b // 2, 0))]
    found = replay(events)
    assert found.reserved >= found.allocated > 0
