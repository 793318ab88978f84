"""Each alert is shown to fire and to stay silent, and names a paragraph of docs/operations.md."""

import re

import yaml

from project import finish, text

SEVERITIES = {"critical", "warning"}


def anchors_of(page):
    """What its headings can be linked by."""
    headings = re.findall(r"^#+ (.+)$", page, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def main():
    anchors = anchors_of(text("docs/operations.md"))
    fires, stays_silent = set(), set()
    for file in ("alerts.test.yml", "alerts.day.test.yml"):
        for test in yaml.safe_load(text(f"deploy/prometheus/{file}"))["tests"]:
            for case in test["alert_rule_test"]:
                (fires if case["exp_alerts"] else stays_silent).add(case["alertname"])

    problems = []
    groups = yaml.safe_load(text("deploy/prometheus/alerts.yml"))["groups"]
    alerts = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    for name, rule in alerts.items():
        if name not in fires:
            problems.append(f"{name}: no test shows it fire")
        if name not in stays_silent:
            problems.append(f"{name}: no test shows it stay silent")
        if rule.get("labels", {}).get("severity") not in SEVERITIES:
            problems.append(f"{name}: severity has to be one of {sorted(SEVERITIES)}")
        notes = rule.get("annotations", {})
        if not notes.get("summary"):
            problems.append(f"{name}: has no summary")
        page, _, anchor = notes.get("runbook", "").partition("#")
        if page != "docs/operations.md" or anchor not in anchors:
            problems.append(f"{name}: docs/operations.md has no paragraph {anchor!r}")
    problems += [f"{name}: is tested, and there is no such alert" for name in (fires | stays_silent) - set(alerts)]
    if not alerts:
        problems.append("alerts.yml has no alerts")
    finish(problems)


main()
