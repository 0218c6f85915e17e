"""One table of roles, and messages in every way that people write them."""

import pytest

from overnight.probe.roles import ROLES, Cast, Misfit, names_in, text_of, turns_of


def said(message, learn=None):
    return [(t.role, t.text, t.learn) for t in turns_of(message, Cast(learn))]


def test_no_name_stands_for_two_roles():
    names = [name for names in ROLES.values() for name in names.split()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "role"),
    [("human", "user"), ("GPT", "assistant"), ("client", "user"), ("counselor", "assistant"),
     ("prompter", "user"), ("observation", "tool"), ("Function-Call", "assistant"),
     ("developer", "system")],
)  # fmt: skip
def test_roles_are_known_under_many_names(name, role):
    assert Cast().role(name) == role


def test_an_unknown_role_is_named_with_what_is_near():
    with pytest.raises(Misfit, match=r"`asistant` is not known; near: `assistant`"):
        Cast().role("asistant")


def test_another_role_can_be_learnt_and_the_others_become_the_user():
    roles = [Cast("Bob").role(name) for name in ("bob", "Alice", "assistant", "system")]
    assert roles == ["assistant", "user", "user", "system"]
    assert Cast("user").role("human") == "assistant"


def test_both_spellings_of_a_message_give_a_turn():
    assert said({"role": "assistant", "content": "a"}) == [("assistant", "a", True)]
    assert said({"from": "human", "value": "a"}) == [("user", "a", False)]


def test_a_pair_in_one_message_gives_two_turns():
    pair = {"human": "a", "assistant": "b", "id": 3}
    assert said(pair) == [("user", "a", False), ("assistant", "b", True)]


@pytest.mark.parametrize("key", ["weight", "loss_weight"])
def test_weight_zero_is_not_learnt(key):
    assert said({"role": "assistant", "content": "a", key: 0.0}) == [("assistant", "a", False)]
    assert said({"role": "assistant", "content": "a", key: 1}) == [("assistant", "a", True)]
    with pytest.raises(Misfit, match="weight"):
        said({"role": "assistant", "content": "a", key: "heavy"})


def test_an_answer_without_text_is_not_learnt():
    assert said({"role": "assistant", "content": None}) == [("assistant", "", False)]


def test_parts_are_joined_and_reasoning_and_calls_are_marked():
    parts = [
        {"type": "reasoning", "value": "hm"},
        {"type": "text", "text": "Yes.", "value": None},
        {"type": "tool_call", "value": '{"name": "f"}'},
    ]
    text = '<think>\nhm\n</think>\n\nYes.\n<tool_call>\n{"name": "f"}\n</tool_call>'
    assert text_of(parts) == text


def test_tool_calls_of_a_message_are_part_of_what_it_says():
    call = {"id": "1", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "r"}
    marked = '<tool_call>\n{"name": "f", "arguments": "{}"}\n</tool_call>'
    assert said(message)[0][1] == f"<think>\nr\n</think>\n\n{marked}"


def test_a_function_call_turn_is_marked_as_one():
    assert said({"from": "function_call", "value": "{}"})[0][:2] == (
        "assistant", "<tool_call>\n{}\n</tool_call>",
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["image", "image_url", "input_audio"])
def test_images_and_sound_are_refused(kind):
    with pytest.raises(Misfit, match="not supported yet"):
        text_of([{"type": kind, kind: "x"}])


@pytest.mark.parametrize("message", ["hello", {"content": "a"}, {"role": 3, "user": "a"}])
def test_a_message_without_a_role_is_refused(message):
    with pytest.raises(Misfit, match="role"):
        said(message)


def test_a_content_that_is_no_text_is_refused():
    with pytest.raises(Misfit, match="expected text, found dict"):
        said({"role": "user", "content": {"a": 1}})
    assert text_of(3.5) == "3.5"


def test_the_names_in_a_chat_are_those_written():
    assert names_in([{"from": "Bob"}, {"role": "user"}, "x"]) == ["Bob", "user"]
