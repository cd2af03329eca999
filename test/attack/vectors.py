"""The vectors: vectors.tsv with the names of a tenant filled in, and the verdict on what happened."""
import fnmatch
import pathlib
import re
from dataclasses import dataclass

REFUSED = "42501"
RULE = re.compile(r'Rule "([a-z_0-9]+)": [A-Z].*\.', re.S)


@dataclass
class Vector:
    number: int
    group: str
    statements: list
    expected: str
    rule: str
    also: dict  # pattern of context names -> SQLSTATEs that will do there ("ok": it may work)

    @property
    def text(self):
        return " ;; ".join(self.statements)

    def accepted(self, context):
        states = {REFUSED}
        for pattern, more in self.also.items():
            if (fnmatch.fnmatchcase(context.name, pattern) or fnmatch.fnmatchcase(context.like, pattern)
                    or (pattern == "plain" and not context.privileged)):
                states |= more
        return states

    def verdict(self, context, error):
        """Returns None when that is what had to happen, else what is wrong. No error: it worked."""
        accepted = {REFUSED} if context.of_others else self.accepted(context)
        if error is None:
            return None if "ok" in accepted else "it worked"
        if error.state not in accepted:
            return f"expected {' or '.join(sorted(accepted))}"
        if error.state != REFUSED:
            return None
        if context.by_superuser and "to tenants" not in error.message:
            return None  # of a session that is not a tenant's core's own refusals are as ever
        return rule_verdict("tenant_code" if context.of_others else self.rule, error,
                            context.privileged or context.of_others)


def rule_verdict(pattern, error, privileged):
    """Is the rule named, and is it the one that is to speak?"""
    named = RULE.search(error.detail)
    if not named:
        return "the detail names no rule"
    rule = named.group(1)
    if error.hint == "":  # None: where it was caught the hint was not kept
        return f'rule "{rule}" gives no hint'
    if pattern == "-" or re.fullmatch(pattern, rule) or (rule == "privileges" and not privileged):
        return None
    return f'expected rule {pattern}, not "{rule}"'


def load(names):
    """Reads vectors.tsv; names maps the words behind "@" to what they are for this tenant."""
    vectors = []
    for line in (pathlib.Path(__file__).parent / "vectors.tsv").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        group, statements, expected, rule, also = line.split("\t")
        vectors.append(Vector(len(vectors), group,
                              [fill(step.strip(), names) for step in statements.split(";;")],
                              expected, rule, parse_also(also)))
    return vectors


def fill(text, names):
    return re.sub(r"@([A-Z]+)", lambda match: names[match.group(1)], text)


def parse_also(text):
    if text == "-":
        return {}
    pairs = (item.split("=") for item in text.split())
    return {pattern: set(states.split(",")) for pattern, states in pairs}
