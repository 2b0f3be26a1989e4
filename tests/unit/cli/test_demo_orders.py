"""The lives that the demo gives its orders: which changes, in which order, and just one record that is poison."""

from collections import Counter

import pytest

from afterbay.cli.demo.function.app import project
from afterbay.cli.demo.orders import Fate, interleaved, lives, read_orders
from afterbay.core.change.value import decode_item
from afterbay.errors import SettingsError

NOW_S = 1_800_000_000


def test_the_file_in_the_package_is_read_to_its_last_order():
    orders = read_orders(6919)

    assert len({order.pk for order in orders}) == 6919
    assert (orders[0].order_id, orders[0].amount_usd) == ("00001", "29.33")
    assert (orders[-1].order_id, orders[-1].amount_usd) == ("02237", "200.57")


@pytest.mark.parametrize("count", [0, -1, 6920])
def test_more_or_fewer_orders_than_there_are_is_refused(count):
    with pytest.raises(SettingsError, match="6919"):
        read_orders(count)


@pytest.mark.parametrize("count", [1, 2, 30, 1500])
def test_just_one_record_is_poison_however_many_orders(count):
    those = lives(read_orders(count), NOW_S)

    assert sum(write.poison for life in those for write in life.writes) == 1
    assert [life.fate for life in those if life.poison_place is not None] == [Fate.MALFORMED]


def test_the_projection_takes_every_record_but_the_poison():
    for life in lives(read_orders(200), NOW_S):
        item = {"pk": {"S": life.order.pk}}
        for write in life.writes:
            item |= write.attributes
            if write.poison:
                with pytest.raises(Exception, match="amount_usd is no number but a dict"):
                    project(decode_item(item))
            elif write.attributes:
                assert project(decode_item(item))["amount_cents"] == int(life.order.amount_usd.replace(".", ""))


def test_every_fate_is_met_within_eight_orders():
    assert {life.fate for life in lives(read_orders(8), NOW_S)} == set(Fate)


def test_an_expiring_order_is_written_already_expired_and_never_again():
    expiring = [life for life in lives(read_orders(50), NOW_S) if life.fate is Fate.EXPIRED]

    assert expiring
    for life in expiring:
        (write,) = life.writes
        assert int(write.attributes["expires_at"]["N"]) < NOW_S
        assert life.kinds == ("INSERT", "REMOVE")


def test_lives_choose_themselves_by_place_alone():
    assert lives(read_orders(40), NOW_S) == lives(read_orders(40), NOW_S)


def test_interleaved_writes_keep_each_life_in_order_and_mix_the_lives():
    those = lives(read_orders(60), NOW_S)

    written = list(interleaved(those, abreast=10))

    for life in those:
        assert tuple(write for write in written if write.pk == life.order.pk) == life.writes
    assert Counter(write.pk for write in written).total() == sum(len(life.writes) for life in those)
    assert len({write.pk for write in written[:10]}) == 10
