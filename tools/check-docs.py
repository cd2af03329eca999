#!/usr/bin/env python3
"""Proves that docs/ names whatever a user can name, and that the documents hold together.

The sources are read for functions, views, roles, settings, options, rules, actions, metrics, routes
and codes. Each must have its place in one document, mostly the first cell of a row of a table; what a
table has beyond that must be in the sources. Links between documents must lead somewhere, and
README.md stays short. The argument is the root of the tree; without it, that of this script.
"""
import json
import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
README_LINES = 250
complaints = []
counts = {}


def read(pattern):
    """Returns the text of all files that fit the pattern, below the root."""
    files = sorted(ROOT.glob(pattern))
    if not files:
        complaints.append(f"{pattern}: there is no such file")
    return "\n".join(file.read_text() for file in files)


def section(document, heading):
    """Returns the lines below a heading, down to the next of its level or above."""
    text = read(document)
    level = heading.split(" ")[0]
    found = re.search(rf"^{re.escape(heading)}$(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.M | re.S)
    if not found:
        complaints.append(f"{document}: has no section \"{heading}\"")
    return found.group(1) if found else ""


def cells(text, column):
    """Returns what stands in backquotes in one column of the tables of a text."""
    rows = [row.split(" | ") for row in re.findall(r"^\| (.*) \|$", text, re.M)]
    return {name for row in rows if len(row) > column for name in re.findall(r"`([^`]+)`", row[column])}


def expect(kind, wanted, documented, document, least):
    """Complains of each wanted name that is not documented, and when suspiciously few are wanted."""
    counts[kind] = counts.get(kind, 0) + len(wanted)
    if len(wanted) < least:
        complaints.append(f"{kind}: only {len(wanted)} were found in the sources")
    complaints.extend(f"{document}: lacks the {kind} {name}" for name in sorted(wanted - documented))


def expect_exactly(kind, wanted, documented, document, least):
    """As expect(), and complains of what is documented without being in the sources."""
    expect(kind, wanted, documented, document, least)
    complaints.extend(
        f"{document}: the {kind} {name} is not in the sources" for name in sorted(documented - wanted))


def squeeze(text):
    """Returns a list of arguments as it is compared: without spaces, one name for each type."""
    return re.sub(r"\binteger\b", "int", re.sub(r"\s+", "", text))


def arguments(text):
    """Returns what stands between the brackets that begin where the text begins."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return text[1:at]
    return text


def check_sql():
    version = re.search(r"^default_version = '([^']+)'", read("control/appinfra.control"), re.M).group(1)
    script = read(f"sql/install/appinfra--{version}.sql")
    document = read("docs/sql.md")
    functions = section("docs/sql.md", "## Functions")
    signatures = {
        name: squeeze(re.sub(r",?\s*\bOUT .*", "", arguments(script[end:]), flags=re.S))
        for name, end in ((m.group(1), m.end()) for m in re.finditer(r"^CREATE FUNCTION appinfra\.(\w+)", script, re.M))}
    internal = set(re.findall(r"`(\w+)`", section("docs/sql.md", "### Internal functions")))
    shown = {m.group(1): squeeze(arguments(functions[m.end():])) for m in re.finditer(r"^\| `(\w+)(?=\()", functions, re.M)}
    expect_exactly("function", set(signatures), set(shown) | internal, "docs/sql.md", 30)
    for name in sorted(set(signatures) & set(shown)):
        if signatures[name] != shown[name]:
            complaints.append(f"docs/sql.md: {name}({shown[name]}) is {name}({signatures[name]})")
    views = set(re.findall(r"^CREATE VIEW appinfra\.(\w+)", script, re.M))
    expect_exactly("view", views, cells(section("docs/sql.md", "## Views"), 0), "docs/sql.md", 7)
    roles = set(re.findall(r"\bappinfra_[a-z]+\b", " ".join(re.findall(r"^GRANT[^;]*;", script, re.M))))
    expect("role", roles, cells(section("docs/sql.md", "## Roles"), 0), "docs/sql.md", 3)
    tenants = set(re.findall(r"CREATE OR REPLACE FUNCTION pg_catalog\.(tenant_\w+)", read("extension/guard/hardening_script.cpp")))
    expect("function for tenants", tenants, set(re.findall(r"`(tenant_\w+)\(", document)), "docs/sql.md", 3)


def check_settings():
    defined = set(re.findall(r'Define\w+Variable\(\s*"(appinfra\.\w+)"', read("extension/*/settings*.cpp")))
    expect_exactly("setting", defined, cells(read("docs/settings.md"), 0), "docs/settings.md", 40)


def check_rules():
    hints = re.findall(r'^ *\{"(\w+)",\s*(nullptr|")', read("extension/guard/hint.cpp"), re.M)
    guard = read("extension/guard/*.cpp").replace(read("extension/guard/hint.cpp"), "")
    rules = set(re.findall(r'\bRule \w+ = \{\s*"(\w+)"', guard))
    rules |= set(re.findall(r'\{"(\w+)",\s*(?:"[A-Z]|\w+_reason)', guard))
    expect_exactly("rule", rules, cells(section("docs/guard.md", "## Rules"), 1), "docs/guard.md", 50)
    general = {rule for rule, tried in hints if tried == "nullptr"}  # besides those of one statement
    expect_exactly("hint of rule", rules - {"privileges"}, general, "extension/guard/hint.cpp", 50)
    ends = set(re.findall(r'\bend(?:_most(?:_of_tenants)?)?\([^;"]*"([a-z_]+)"', guard))
    expect_exactly("rule", ends, cells(section("docs/guard.md", "## The watchdog"), 0), "docs/guard.md", 7)


def check_exposures():
    # In the queries a rule follows its severity, or the CASE that chooses it. A severity that follows
    # another text is a column of a table of settings, and the wanted value follows it; the first one of
    # an array is there for the order.
    severity = r"(?<!', )(?<!\[)'(?:critical|high|medium|notice)'"
    queries = re.sub(r'"\s*"|\)sql" \w+ R"sql\(', "", read("extension/exposure/*.cpp"))
    rules = set(re.findall(rf"(?:{severity}|\bEND|\bv\.severity),\s*'([a-z]+(?:_[a-z]+)*)',", queries))
    rules |= set(re.findall(r'\.rule = "(\w+)"', queries))
    table = section("docs/operations.md", "## What is open")
    expect("exposure", rules, cells(table, 2), "docs/operations.md", 40)
    shown = {name for name in cells(table, 2) if name not in ("fsync", "full_page_writes")}
    for name in sorted(shown):
        if not re.search(rf"['\"]{name}['\"]", queries):
            complaints.append(f"docs/operations.md: the exposure {name} is not in the sources")


def check_audit():
    sources = read("extension/*/*.cpp")
    actions = set(re.findall(r'(?:\brecord\(|\.action = )"([a-z_]+)"', sources))
    actions |= set(re.findall(r'^ +"([a-z]+_publication)", \w', sources, re.M))
    expect_exactly("action", actions, cells(section("docs/audit.md", "## Actions"), 0), "docs/audit.md", 25)


def option_rows(pattern):
    """Returns flag, variable and default of each row of the tables of options."""
    return re.findall(r'^ *\{"([a-z0-9-]+)", "([A-Z0-9_]*)", "([^"]*)",', read(pattern), re.M)


def check_options():
    rows = option_rows("sidecar/daemon/*.cpp")
    document = section("docs/sidecar.md", "## Options")
    table = {}
    for row in re.findall(r"^\| `--(.*) \|$", document, re.M):
        flag, variable, fallback = re.split(r"\s*\|\s*", row)[:3]
        table[flag.strip("` ")] = (variable.strip("` "), fallback.strip("` "))
    flags = {flag for flag, _, _ in rows} | {"once"}  # which is a part of its command
    expect_exactly("option", flags, set(table) | {"once"}, "docs/sidecar.md", 40)
    for flag, variable, fallback in rows:
        shown = table.get(flag, (variable, fallback))
        if shown[0] != variable or (fallback and shown[1] != fallback):
            complaints.append(f"docs/sidecar.md: --{flag} is {variable or 'no variable'}, default {fallback or 'none'}")
    for folder, document in (("audit", "docs/audit.md"), ("check_env", "docs/check-env.md")):
        source = f"sidecar/{folder}/options.cpp"
        flags = set(re.findall(r'add_(?:option|flag)\("--([a-z-]+)"', read(source)))
        flags |= {flag for flag, _, _ in option_rows(source)}
        expect("option", flags, set(re.findall(r"--([a-z-]+)", read(document))), document, 3)
    rules = set(re.findall(r'const char \*\w+ = "([a-z_]+)"', read("sidecar/check_env/finding.hpp")))
    expect_exactly("rule", rules, cells(section("docs/check-env.md", "## Rules"), 0), "docs/check-env.md", 10)


def check_api():
    routes = set(map(" ".join, re.findall(r'\{"([A-Z]+)", "(/[^"]*)", "\w+",', read("sidecar/rest/routes.cpp"))))
    rest = section("docs/api.md", "## REST")
    shown = set(re.findall(r"^\| `([A-Z]+ /[^`?]*)", rest, re.M))
    expect_exactly("route", routes, shown, "docs/api.md", 14)
    # /v1 is another door with codes of its own.
    sources = "".join(read(f"sidecar/{room}/*.cpp") for room in ("platform", "mcp", "rest", "http"))
    codes = set(re.findall(r'(?:Problem(?: problem)?\(|return \{|\{"\w+", )\d{3}, "([a-z_]+)"', sources))
    expect_exactly("code", codes, cells(section("docs/api.md", "### Errors"), 0), "docs/api.md", 12)
    metrics = set(re.findall(r'"(appinfra_[a-z_]+)"', read("sidecar/rest/metrics.cpp")))
    expect_exactly("metric", metrics, cells(section("docs/api.md", "## Metrics"), 0), "docs/api.md", 12)
    tools = set(re.findall(r'^ *\{"(\w+_app_\w+)",', read("sidecar/mcp/tools.cpp"), re.M))
    expect("tool", tools, set(re.findall(r"`(\w+)`", section("docs/api.md", "## MCP"))), "docs/api.md", 6)


def check_gateway():
    sources = read("sidecar/gateway/*.cpp")
    routes = {" ".join(route) for route in re.findall(r'\{"([A-Z]+)", "(/[^"]*)", &Routes', sources)}
    calls = section("docs/gateway.md", "## Calls").split("###")[0].replace("KEY_ID", "{key_id}")
    shown = set()
    for methods, paths in re.findall(r"^\| ([A-Z]+) (/[^|]*?) \|", calls, re.M):
        shown |= {f"{methods} {path}" for path in paths.split(", ")}
    expect_exactly("route", routes, shown, "docs/gateway.md", 11)
    titles = re.findall(r'(?:Problem(?: \w+)?\(|\{"\w+", |return \{|\{error\.sqlstate, )\s*\d{3},\s*"([a-z_]+)"', sources)
    titles += re.findall(r'unavailable\(\s*"([a-z_]+)"', sources)
    titles += re.findall(r'\{\d{3}, "([a-z_]+)"', read("sidecar/http/reader.cpp") + read("sidecar/platform/error_table.cpp"))
    shown = cells(section("docs/gateway.md", "### Errors"), 1)
    expect_exactly("code", set(titles) | {"internal"}, shown, "docs/gateway.md", 35)
    metrics = set(re.findall(r'"((?:appinfra|agentcoopdb)_[a-z_]+)"', read("sidecar/gateway/gateway_metrics.cpp")))
    expect_exactly("metric", metrics, cells(section("docs/gateway.md", "## For operators").split("### ")[0], 0), "docs/gateway.md", 12)
    tools = set(re.findall(r'^ *\{"(\w+)",', read("sidecar/gateway/mcp_tools.cpp"), re.M))
    expect("tool", tools, set(re.findall(r"`([a-z]+(?:_[a-z]+)*)`", section("docs/gateway.md", "## MCP").split("```")[0])), "docs/gateway.md", 8)


def check_producer():
    document = section("docs/producer.md", "## The answer")
    operation = json.loads(read("docs/producer.openapi.json") or "{}").get("paths", {}).get("/api/apps/{app_id}/env", {}).get("post", {})
    codes = set(operation.get("responses", {}))
    expect_exactly("answer", codes, {code for code in cells(document, 0) if code.isdigit()}, "docs/producer.md", 15)
    request = section("docs/producer.md", "## The request")
    fields = set(re.findall(r'put\("(\w+)"', read("sidecar/delivery/publication.cpp")))
    headers = set(re.findall(r'"([A-Z][A-Za-z-]+): ', read("sidecar/delivery/http_sink.cpp")))
    expect("field", fields | headers, cells(request, 0), "docs/producer.md", 12)
    checks = set(re.findall(r'^ *\{"(\w+)", "', read("sidecar/check_producer/checks.cpp"), re.M))
    shown = cells(section("docs/producer.md", "## Checking a producer"), 0)
    expect_exactly("check", checks, shown, "docs/producer.md", 22)


def check_commands():
    targets = set(re.findall(r"^([a-z-]+):[^#\n]*## ", read("Makefile"), re.M)) - {"all"}  # make alone
    documents = read("README.md") + read("CONTRIBUTING.md")
    shown = set(re.findall(r"\bmake ([a-z-]+)", documents))
    expect("command", targets, shown, "CONTRIBUTING.md", 15)


def anchors(text):
    """Returns the anchors of the headings: lower case, no punctuation, hyphens for spaces."""
    plain = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", plain, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links():
    links = 0
    for document in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")]):
        name = document.relative_to(ROOT)
        text = re.sub(r"^```.*?^```|`[^`\n]*`", "", document.read_text(), flags=re.M | re.S)
        for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
            links += 1
            path, _, anchor = link.partition("#")
            target = (document.parent / path).resolve() if path else document
            if not target.exists():
                complaints.append(f"{name}: the link {link} leads nowhere")
            elif anchor and anchor not in anchors(target.read_text()):
                complaints.append(f"{name}: the link {link} leads to no heading")
    counts["link"] = links
    lines = len(read("README.md").splitlines())
    if lines >= README_LINES:
        complaints.append(f"README.md: has {lines} lines, {README_LINES} or more")
    for document in sorted(ROOT.glob("docs/*.md")):
        if f"docs/{document.name}" not in read("README.md"):
            complaints.append(f"README.md: does not lead to docs/{document.name}")


for check in (check_sql, check_settings, check_rules, check_exposures, check_audit, check_options, check_api, check_gateway, check_producer, check_commands, check_links):
    check()
for complaint in complaints:
    print(f"check-docs: {complaint}", file=sys.stderr)
if complaints:
    sys.exit(1)
print("check-docs: " + ", ".join(f"{kind}: {count}" for kind, count in counts.items()))
