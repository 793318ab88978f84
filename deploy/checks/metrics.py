"""Alerts and dashboard use metrics, labels and values that exist, and the dashboard shows every metric.

docs/metrics.md says which exist: a table row for each, the names in backticks in its first column, labels and their
values in the others. `metrics.py FILE` also writes the dashboard's queries to FILE as rules, for promtool.
"""

import json
import re
import sys

import promql_parser as promql
import yaml

from project import finish, text

# What Prometheus itself knows.
OF_PROMETHEUS = {"up", "ALERTS"}
LABELS_OF_PROMETHEUS = {"job", "instance", "le", "alertstate"}
# What Grafana puts in.
VARIABLES = {"$__rate_interval": "5m", "$job": "chat", "$instance": ".*"}


def known_metrics():
    """Names, each with its row of the table."""
    rows = {}
    for line in text("docs/metrics.md").splitlines():
        cells = line.split("|")
        for name in re.findall(r"`([a-z_]+)`", cells[1]) if len(cells) > 3 else []:
            rows[name] = line
    return rows


def queries_of_alerts():
    """Each with where it stands."""
    for group in yaml.safe_load(text("deploy/prometheus/alerts.yml"))["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


def queries_of_dashboard(dashboard):
    """Those of panels, annotations and variables."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            # label_values(QUERY, LABEL)
            yield variable["name"], variable["definition"][len("label_values(") :].rsplit(",", 1)[0]


def parts(expression):
    """The expression, and all that it is made of."""
    yield expression
    for name in ("lhs", "rhs", "expr", "param", "args", "vs", "vector_selector"):
        part = getattr(expression, name, None)
        for inner in part if isinstance(part, list) else [part]:
            if isinstance(inner, promql.Expr):
                yield from parts(inner)


def row_of(name, known):
    """The row of a metric, or of the histogram that it is a part of."""
    histogram = re.sub(r"_(bucket|sum|count)$", "", name)
    if name != histogram and "histogram" in known.get(histogram, ""):
        return histogram, known[histogram]
    if "histogram" in known.get(name, ""):
        return name, None
    return name, known.get(name)


def problems_of(where, query, known, used, words):
    """What is wrong with a query. The metrics that it uses are added to `used`."""
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    try:
        expression = promql.parse(query)
    except ValueError as error:
        yield f"{where}: {error}"
        return
    rows = ""
    for selector in (part for part in parts(expression) if isinstance(part, promql.VectorSelector)):
        name, row = row_of(selector.name, known)
        used.add(name)
        if selector.name in OF_PROMETHEUS:
            row = ""
        elif row is None:
            yield f"{where}: there is no metric {selector.name}"
            continue
        rows += row
        for matcher in selector.matchers.matchers:
            if matcher.name in LABELS_OF_PROMETHEUS:
                continue
            if f"`{matcher.name}`" not in row:
                yield f"{where}: {selector.name} has no label {matcher.name}"
            for value in matcher.value.split("|"):
                if not re.search(rf"\b{re.escape(value)}(?!\w)", row) and value not in words:
                    yield f"{where}: {matcher.name} of {selector.name} is never {value}"
    for part in parts(expression):
        modifier = getattr(part, "modifier", None)
        modifier = getattr(modifier, "matching", modifier)
        for label in getattr(modifier, "labels", None) or []:
            if label not in LABELS_OF_PROMETHEUS and f"`{label}`" not in rows:
                yield f"{where}: there is no label {label}"


def main():
    dashboard = json.loads(text("deploy/grafana/dashboard.json"))
    shown = list(queries_of_dashboard(dashboard))
    if len(sys.argv) > 1:
        queries = [query for _, query in shown]
        for variable, value in VARIABLES.items():
            queries = [query.replace(variable, value) for query in queries]
        rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]
        with open(sys.argv[1], "w", encoding="utf-8") as file:
            yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)

    known = known_metrics()
    # Codes of errors and routes stand in other documents.
    codes = re.findall(r"\b[A-Z_]{4,}\b", text("docs/protocol.md"))
    words = {code.lower() for code in codes} | set(re.findall(r"/[a-z]+", text("docs/operations.md")))
    problems, used, in_alerts = [], set(), set()
    for where, query in shown:
        problems += problems_of(f"dashboard.json, {where}", query, known, used, words)
    for where, query in queries_of_alerts():
        problems += problems_of(f"alerts.yml, {where}", query, known, in_alerts, words)
    problems += [f"dashboard.json does not show {name}" for name in known if name.startswith("chat_") and name not in used]
    if len(known) < 40:
        problems.append(f"docs/metrics.md: found {len(known)} metrics")
    finish(problems)


main()
