"""What each view type shows and hides (S60, S61, R134)."""

import pytest

from afterbay.core.change.view import ChangeKind, ViewType

OLD, NEW = {"pk": {"S": "a"}}, {"pk": {"S": "a"}, "b": {"N": "1"}}
SHOWN = {
    ("KEYS_ONLY", "INSERT"): [],
    ("KEYS_ONLY", "MODIFY"): [],
    ("KEYS_ONLY", "REMOVE"): [],
    ("NEW_IMAGE", "INSERT"): ["NewImage"],
    ("NEW_IMAGE", "MODIFY"): ["NewImage"],
    ("NEW_IMAGE", "REMOVE"): [],
    ("OLD_IMAGE", "INSERT"): [],
    ("OLD_IMAGE", "MODIFY"): ["OldImage"],
    ("OLD_IMAGE", "REMOVE"): ["OldImage"],
    ("NEW_AND_OLD_IMAGES", "INSERT"): ["NewImage"],
    ("NEW_AND_OLD_IMAGES", "MODIFY"): ["NewImage", "OldImage"],
    ("NEW_AND_OLD_IMAGES", "REMOVE"): ["OldImage"],
}


@pytest.mark.parametrize(("view", "kind"), SHOWN)
def test_a_view_shows_its_images_and_leaves_out_the_others(view, kind):
    images = ViewType(view).images(ChangeKind(kind), old=OLD, new=NEW)
    assert images == {name: {"NewImage": NEW, "OldImage": OLD}[name] for name in SHOWN[view, kind]}


def test_an_item_that_is_not_there_has_no_member():
    assert ViewType.NEW_AND_OLD_IMAGES.images(ChangeKind.MODIFY, old=None, new=None) == {}
