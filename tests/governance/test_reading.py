"""A file of Cedar rules with a mistake is refused with the line on which it stands."""

from pathlib import Path

import pytest

from grace.errors import BadInput
from grace.governance.reading import Source, read_rules

FILE = Path("somewhere/policy.cedar")

SOUND = """// a comment; with a semicolon and a "quote
@id("sound")
@reason("one; and \\"two\\"")
forbid (principal, action == Action::"change", resource)
when { resource.name like "a;*" }; // and one behind

"""

RULE = """
@reason("because")
forbid (principal, action == Action::"change", resource)
when {
  context.lever == "concurrency-limit" &&
  %s
};
"""


def complaint(*texts: str) -> str:
    """The one line that says what is wrong, after the name of the file."""
    with pytest.raises(BadInput) as caught:
        read_rules(tuple(Source(FILE, text) for text in texts))
    message = str(caught.value)
    assert message.startswith(f"{FILE}: ")
    assert "\n" not in message
    return message.removeprefix(f"{FILE}: ")


def test_rules_are_read_with_their_words_and_their_lines():
    """Semicolons and quotes within texts and comments end nothing."""
    read = read_rules((Source(FILE, SOUND + RULE % "true"),))
    sound, other = read.stated
    assert (sound.effect, sound.reason, sound.line) == ("forbid", 'one; and "two"', 2)
    assert (sound.name, sound.place) == ("sound", "policy.cedar, line 2")
    assert (other.reason, other.line, other.name) == ("because", 8, None)
    assert read.about["change"].rules == read.stated
    assert len(read.about["change"].policies) == 2
    assert len(read.about["inverse"].policies) == 0


@pytest.mark.parametrize(
    ("scope", "actions"),
    [
        ("action", {"change", "apply", "inverse", "create_goal", "close_goal", "decide"}),
        ('action == Action::"apply"', {"apply"}),
        ('action in Action::"apply"', {"apply"}),
        ('action in [Action::"change", Action::"decide"]', {"change", "decide"}),
    ],
)
def test_a_rule_is_asked_only_about_the_actions_of_its_head(scope, actions):
    text = f'@reason("r") forbid (principal, {scope}, resource);'
    about = read_rules((Source(FILE, text), Source(FILE, RULE % "true"))).about
    rules = {action: [rule.reason for rule in part.rules] for action, part in about.items()}
    assert {action for action, reasons in rules.items() if "r" in reasons} == actions
    assert {action for action, reasons in rules.items() if "because" in reasons} == {"change"}
    assert all(len(part.policies) == len(part.rules) for part in about.values())


def test_what_was_read_once_is_not_read_again():
    """The same contents are the same parsed rules; another content is read."""
    one, again = Source(FILE, SOUND), Source(Path(FILE), SOUND)
    assert read_rules((one,)) is read_rules((again,))
    assert read_rules((Source(FILE, SOUND + " "),)) is not read_rules((one,))


@pytest.mark.parametrize("text", ["", "\n\n", "// nothing yet\n", " // nothing; yet"])
def test_a_file_may_hold_no_rule(text):
    assert read_rules((Source(FILE, text),)).stated == ()


@pytest.mark.parametrize(
    ("condition", "line", "said"),
    [
        ("context.levr == 1", 12, "attribute `levr` in context"),
        ("resource.nme == 1", 12, "attribute `nme` on entity type `Target` not found"),
        (
            'context.after has number && context.after.number.ceiling > "a"',
            12,
            "expected Long but saw String",
        ),
        ("context.after.number.ceiling > 3", 12, "optional attribute `after.number`"),
        ("context has times && context.times > 4", 12, "expected Long but saw decimal"),
        ('context.tier < "high"', 12, "saw String"),
        ('context.risk.greaterThan(decimal("0.12345"))', 12, "0.12345"),
        ("context.hour == 1 >", 13, "unexpected token `}`"),
        ("context.hour = 1", 12, "'=' is not a valid operator"),
        ("(context.hour == 1 ||\n context.hour == x)", 13, "invalid variable: x"),
        ("(context.hour == 1 ||\n context.hour == context.kind)", 13, "Long and String"),
        ("context.hour == 1 } unless {\n context.hour == context.kind", 13, "Long and String"),
        ('context.kind == "a\nb"', 12, "does not end on its line"),
        ("foo == 1", 12, "invalid variable: foo"),
        ("context.foo(1)", 12, "`foo` is not a valid method"),
        ("context.hour == 99999999999999999999", 12, "too large"),
        ('context.kind == "\\q"', 12, "is not a valid escape"),
        ("context.hour ~ 1", 12, "invalid token"),
        ("context.kind == 'a'", 12, "invalid token"),
        ('context.kind == "a', 12, "a text begins here that does not end on its line"),
        ("context.hour == 1))", 12, "unexpected token `)`"),
        ("context.hour / 2 == 1", 12, "division"),
    ],
)
def test_what_is_wrong_in_a_condition_is_told_with_its_line(condition, line, said):
    """The second of three rules, which begins on line 8; the condition before it is sound."""
    told = complaint(SOUND + RULE % condition + RULE % "true")
    assert told.startswith(f"line {line}: ")
    assert said in told


@pytest.mark.parametrize(
    ("head", "line", "said"),
    [
        ("allow (principal, action, resource);", 10, "invalid policy effect: allow"),
        ("forbid (principal, resource);", 10, "`resource`"),
        ('forbid (principal, action == Action::"chnge", resource);', 10, "chnge"),
        ('forbid (principal == Persn::"a", action, resource);', 10, "Persn"),
        ("forbid (principal == ?principal, action, resource);", 9, "a template decides nothing"),
        ("forbid (principal, action, resource) when { };", 10, "cannot be empty"),
        ("forbid (principal, action, resource) where { true };", 10, "where"),
        ("forbid (principal, action, resource)", 13, "unexpected token"),
        ("forbid (principal, action, resource);;", 10, "unexpected token `;`"),
        ('@reason("b")\nforbid (principal, action, resource);', 9, "duplicate annotation"),
        ('@id("sound")\nforbid (principal, action, resource);', 9, "taken by policy.cedar, line 2"),
    ],
)
def test_what_is_wrong_in_a_head_is_told_with_its_line(head, line, said):
    third = '@reason("c")\nforbid (principal, action, resource);'
    told = complaint(f'{SOUND}\n\n@reason("because")\n{head}\n\n\n{third}')
    assert told.startswith(f"line {line}: ")
    assert said in told


@pytest.mark.parametrize(
    "annotation", ["", "@reason", '@reason("")', '@reason(" \\n")', '@resaon("x")']
)
@pytest.mark.parametrize("effect", ["permit", "forbid"])
def test_a_rule_without_words_is_refused(effect, annotation):
    """What decides must say why; the line is that on which the rule begins."""
    text = f"{SOUND}\n{annotation}\n{effect} (principal, action, resource);\n"
    line = 8 if annotation else 9
    assert complaint(text) == f'line {line}: this {effect} has no @reason("…")'


def test_a_rule_that_never_ends_is_told_where_it_begins():
    assert complaint(f"{SOUND}{(RULE % 'true').rstrip()[:-2]}") == "line 8: unexpected end of input"


def test_an_attribute_of_another_action_is_refused():
    """A rule for every action can only go by what every action has."""
    text = '@reason("r")\nforbid (principal, action, resource)\nwhen { context.lever == "a" };'
    assert complaint(text).startswith("line 3: attribute `lever` in context for Action::")


def test_only_permits_may_stand_in_a_file_that_says_so():
    """The second file's own line is told; what a record earned can only ever permit."""
    permit = '@reason("earned")\npermit (principal, action == Action::"decide", resource);\n'
    earned = Path("earned.cedar")
    read = read_rules((Source(FILE, SOUND), Source(earned, permit, may=("permit",))))
    assert [rule.place for rule in read.stated] == ["policy.cedar, line 2", "earned.cedar, line 1"]
    with pytest.raises(BadInput) as caught:
        read_rules((Source(FILE, SOUND), Source(earned, permit + SOUND, may=("permit",))))
    assert str(caught.value) == "earned.cedar: line 4: only permit may stand in this file"


def test_an_id_is_taken_across_files():
    permit = '\n@id("sound") @reason("x") permit (principal, action, resource);'
    assert complaint(SOUND, permit) == 'line 2: @id("sound") is taken by policy.cedar, line 2'


def test_a_comment_ends_where_cedar_ends_it():
    """At a lone carriage return: a rule behind it is a rule, and is not lost."""
    text = '// hidden?\r@reason("r") forbid (principal, action, resource);'
    assert [rule.effect for rule in read_rules((Source(FILE, text),)).stated] == ["forbid"]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("(" * 5000 + "true" + ")" * 5000, "a rule may be 30 brackets deep, not 5001"),
        ("[" * 5000, "a rule may be 30 brackets deep"),
        ("true && " * 5000 + "true", "a rule may have 200 operators"),
        ("if true then " * 5000 + "true" + " else true" * 5000, "a rule may have 200 operators"),
        ("context" + ".x" * 5000, "a rule may have 200 operators"),
        ("true || " * 190 + "true", "nesting exceeds the supported limit"),
    ],
)
def test_what_would_end_the_process_is_refused_before(condition, said):
    """Cedar recurses over a rule: some thousand levels of it overflow the stack."""
    told = complaint(f'@reason("r") forbid (principal, action, resource) when {{ {condition} }};')
    assert told.startswith("line 1: ")
    assert said in told


def test_a_long_list_is_no_deep_rule():
    """An allow-list of a thousand targets is read."""
    names = ", ".join(f'Target::"tag:a-{number}"' for number in range(1000))
    text = RULE % f"![{names}].contains(resource)"
    assert len(read_rules((Source(FILE, text),)).stated) == 1
