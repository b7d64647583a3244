"""Dealing bins to ranks, and sums over them, in the one process that a test is."""

from hypothesis import given
from hypothesis import strategies as st

from eurus_train.distributed import ranks


@given(st.lists(st.integers(1), max_size=20), st.integers(1, 5))
def test_every_bin_is_dealt_once_and_all_hands_are_equally_large(bins, world):
    hands = ranks.dealt(bins, 0, world)
    assert len(hands) == world
    assert len({len(hand) for hand in hands}) == 1
    assert sorted(one for hand in hands for one in hand if one) == sorted(bins)
    assert sum(hand.count(0) for hand in hands) < world


def test_hands_take_turns():
    assert ranks.dealt(["a", "b", "c"], "", 2) == [["a", "c"], ["b", ""]]


def test_one_process_is_the_first_and_waits_for_nobody():
    ranks.barrier()
    assert (ranks.rank(), ranks.world_size(), ranks.is_main()) == (0, 1, True)
    assert ranks.all_reduce([1, 2.5]) == [1, 2.5]
    assert ranks.all_gather("a") == ["a"]
    assert ranks.broadcast("b") == "b"
