"""Templates that only copy are told from those that look at what is said."""

import pytest
from tests.training.small_tokenizer import ALTERNATING, CHATML, HEADED, THINKING

from overnight.training.copying import copies

LOOP = "{% for m in messages %}BODY{% endfor %}"


@pytest.mark.parametrize("template", [CHATML, HEADED, ALTERNATING])
def test_templates_of_known_families_only_copy(template):
    assert copies(template)


@pytest.mark.parametrize(
    "body",
    [
        "{{ m.content }}{{ m['content'] + eos_token }}",
        "{{ m.content | trim }}{{ m.content.strip() ~ '!' }}",
        "{% set said = m.content %}{{ '<' + m.role + '>' + said }}",
        "{% if m.content is string and m.content %}{{ m.content }}{% endif %}",
        "{% if messages[loop.index0 - 1].role == 'user' %}!{% endif %}{{ m.content }}",
        "{% if loop.previtem.role == 'user' %}!{% endif %}{{ m.content }}",
        "{% if 'tool_calls' in m and m.tool_calls %}{{ m.tool_calls | tojson }}{% endif %}",
        "{% set ns = namespace(n=0) %}{% set ns.n = ns.n + 1 %}{{ m.content }}",
        "{% if m.role == 'x' %}{{ raise_exception('no ' + m.role) }}{% endif %}{{ m.content }}",
        "{% generation %}{{ m.content }}{% endgeneration %}",
        "{% if loop.first %}{% continue %}{% endif %}{{ m.content if m.role == 'user' else '' }}",
    ],
)
def test_copying_and_asking_for_roles_is_no_more_than_that(body):
    assert copies(LOOP.replace("BODY", body))


def test_a_system_turn_taken_from_the_front_is_copied():
    assert copies(
        "{% if messages[0].role == 'system' %}{% set first = messages[0].content %}"
        "{% set rest = messages[1:] %}{% else %}{% set first = '' %}{% set rest = messages %}"
        "{% endif %}{% for m in rest %}{{ first + m.content if loop.first else m.content }}"
        "{% endfor %}"
    )


@pytest.mark.parametrize(
    "body",
    [
        "{{ m.content | upper }}",
        "{{ m.content.split('</think>')[-1] }}",
        "{{ m.content.strip('x') }}",
        "{{ m.content | trim('x') }}",
        "{{ m.content[0] }}",
        "{{ m.content * 2 }}",
        "{{ m.content | tojson }}",
        "{{ m | tojson }}",
        "{{ m }}",
        "{{ m.items() | list }}",
        "{{ m.get('content') | upper }}",
        "{{ m | attr('content') | upper }}",
        "{{ m['con' + 'tent'] | length }}",
        "{% set key = 'content' %}{{ m[key] | upper }}",
        "{% if m.content == 'x' %}!{% endif %}",
        "{% if 'x' in m.content %}!{% endif %}",
        "{% if m.content in 'xyz' %}!{% endif %}",
        "{% if m.content | length > 5 %}!{% endif %}",
        "{% if m.content is sameas 'x' %}!{% endif %}",
        "{% set said = m.content %}{{ said | length }}",
        "{% set said %}{{ m.content }}{% endset %}{{ said | length }}",
        "{% set ns = namespace(said='') %}{% set ns.said = m.content %}{{ ns.said | upper }}",
        "{% set ns = namespace(said=m.content) %}{{ ns.said | upper }}",
        "{% set a, b = m.content, 1 %}{{ a | upper }}",
        "{{ (m.content ~ 'x') | length }}",
        "{{ '%s' | format(m.content) }}",
        "{{ '{}'.format(m.content) }}",
        "{{ ''.join([m.content]) }}",
        "{{ [m.content][0] | upper }}",
        "{{ dict(said=m).said.content | upper }}",
        "{{ loop.previtem.content | upper }}",
        "{% set l = loop %}{{ l.previtem.content | upper }}",
        "{{ loop['prev' + 'item'].content | upper }}",
        "{{ loop.changed(m.content) }}",
        "{% for letter in m.content %}!{% endfor %}",
        "{% for part in messages if part.content %}!{% endfor %}",
        "{% filter upper %}{{ m.content }}{% endfilter %}",
        "{% with said = m.content %}{{ said | upper }}{% endwith %}",
        "{% for k in messages | map(attribute='content') %}{{ k | upper }}{% endfor %}",
    ],
)
def test_whatever_else_is_done_with_a_content_is_not_copying(body):
    assert not copies(LOOP.replace("BODY", body))


def test_macros_are_not_followed_and_thoughts_are_looked_at():
    macro = "{% macro write(m) %}{{ m.content | upper }}{% endmacro %}{{ write(messages[0]) }}"
    assert not copies(macro)
    assert not copies(THINKING)


def test_a_name_that_is_used_before_it_is_given_is_followed_too():
    body = "{{ said | default('') | length }}{% set said = m.content %}"
    assert not copies(LOOP.replace("BODY", body))


def test_a_broken_template_is_not_understood():
    assert not copies("{% for m in %}")
