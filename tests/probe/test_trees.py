"""Trees of messages: from the root down, by the best answer of each."""

from overnight.probe import trees
from overnight.probe.records import Record


def message(key, role, text, *replies, **more):
    return {"message_id": key, "parent_id": None, "role": role, "text": text,
            "replies": list(replies), **more}  # fmt: skip


def told(*values):
    records = [Record(value, f"t.jsonl:{at}") for at, value in enumerate(values, 1)]
    return [one.value for one in trees.conversations(records)]


def texts(value):
    return [one["content"] for one in value["messages"]]


def test_the_best_answer_is_gone_on_from():
    best = message("3", "assistant", "good", message("4", "prompter", "and?"), rank=0)
    tree = message("1", "prompter", "q", message("2", "assistant", "bad", rank=1), best)
    (found,) = told(tree)
    assert texts(found) == ["q", "good"]  # what nobody answered is not learnt from
    assert found["engagement"] == 3


def test_unranked_answers_go_by_what_was_said_to_them():
    more = message(
        "3", "assistant", "b", message("4", "prompter", "c", message("5", "assistant", "d"))
    )
    (found,) = told(message("1", "prompter", "a", message("2", "assistant", "x"), more))
    assert texts(found) == ["a", "b", "c", "d"]


def test_deleted_and_refused_messages_are_left_out():
    gone = message("2", "assistant", "gone", deleted=True)
    refused = message("3", "assistant", "refused", review_result=False)
    assert told(message("1", "prompter", "q", gone, refused)) == [trees.LEFT_OUT]


def test_a_flat_tree_is_put_together_wherever_its_messages_stand():
    flat = [
        {"message_id": "b", "parent_id": "a", "role": "assistant", "text": "2"},
        {"message_id": "a", "parent_id": None, "role": "prompter", "text": "1"},
        {"message_id": "z", "parent_id": None, "role": "prompter", "text": "alone"},
        {"message_id": "c", "parent_id": "b", "role": "prompter", "text": "3"},
        {"message_id": "d", "parent_id": "c", "role": "assistant", "text": "4"},
    ]
    first, second = told(*flat)
    assert texts(first) == ["1", "2", "3", "4"] and second == trees.LEFT_OUT


def test_what_answers_a_message_that_is_not_there_begins_a_tree():
    lost = [{"message_id": "c", "parent_id": "gone", "role": "prompter", "text": "3"},
            {"message_id": "d", "parent_id": "c", "role": "assistant", "text": "4"}]  # fmt: skip
    (found,) = told(*lost)
    assert texts(found) == ["3", "4"]


def test_a_ring_ends():
    ring = [{"message_id": "a", "parent_id": None, "role": "prompter", "text": "1"},
            {"message_id": "b", "parent_id": "a", "role": "assistant", "text": "2"},
            {"message_id": "a", "parent_id": "b", "role": "prompter", "text": "1"}]  # fmt: skip
    (found,) = told(*ring)
    assert len(found["messages"]) <= trees.MOST_DEEP


def test_trees_are_known_by_their_columns():
    assert trees.is_tree({"message_id": 1, "parent_id": None})
    assert trees.is_tree({"text": "a", "replies": [{"text": "b"}]})
    assert not trees.is_tree({"text": "a", "replies": []})
    assert not trees.is_tree({"text": "a", "replies": 3})
    assert not trees.is_tree("a")
