"""The Helm chart: Helm's own lint and templates, with the schemas of Kubernetes, and values that have to be refused."""

import re

import helm_python as helm
import kubernetes_validate
import yaml

from project import DEPLOY, finish, text

CHART = DEPLOY / "helm/chat-server"
# The oldest that the chart takes, and the newest that there is a schema of.
VERSIONS = ["1.25", kubernetes_validate.latest_version()]
LEAST = {"existingSecret": "chat"}
REFUSED = {
    "no Secret": {},
    "an unknown value": LEAST | {"replica": 3},
    "an unknown transport": LEAST | {"transports": ["webtransport"]},
    "less time than a stop may take": LEAST | {"shutdown": {"preStopSeconds": 5, "terminationGracePeriodSeconds": 14}},
    "a setting that is no setting": LEAST | {"settings": {"RUST_LOG": "info"}},
    "a setting that the chart makes": LEAST | {"settings": {"CHAT_LISTEN": "0.0.0.0:80"}},
    "a secret among the settings": LEAST | {"settings": {"CHAT_AUTH__SECRET": "s" * 32}},
    "an ingress without a host": LEAST | {"ingress": {"enabled": True}},
    "a network policy without stores": LEAST | {"networkPolicy": {"enabled": True}},
}
# Kinds that Kubernetes itself does not know, and what they may have: no schema of them is at hand.
FOREIGN = {"ServiceMonitor": {"selector", "endpoints"}}


def rendered(chart, values):
    """Everything that an installation with these values makes."""
    files = chart.render(values, name="demo", namespace="chat")
    for file, content in files.items():
        if file.endswith(".yaml"):
            yield from (resource for resource in yaml.safe_load_all(content) if resource)


def problems_of(resource):
    what = f"{resource['kind']} {resource['metadata']['name']}"
    if resource["kind"] in FOREIGN:
        unknown = set(resource["spec"]) - FOREIGN[resource["kind"]]
        if unknown:
            yield f"{what}: {sorted(unknown)}"
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(resource, version, strict=True)
        except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
            yield f"{what}: Kubernetes {version} refuses it: {error}"


def problems_of_stop(deployment):
    """A node takes at most 10 s after SIGTERM, and there is always another one."""
    update = deployment["spec"]["strategy"]["rollingUpdate"]
    pod = deployment["spec"]["template"]["spec"]
    before = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    if pod["terminationGracePeriodSeconds"] < before + 10:
        yield "Deployment: a node may be killed while it stops"
    if update["maxUnavailable"] != 0 or not update["maxSurge"]:
        yield "Deployment: nodes go before others come"


def main():
    problems = []
    everything = yaml.safe_load((CHART / "ci/everything.yaml").read_text(encoding="utf-8"))
    with helm.Chart.load(str(CHART)) as chart:
        kinds = set()
        for values in (LEAST, everything):
            for resource in rendered(chart, values):
                kinds.add(resource["kind"])
                problems += problems_of(resource)
                if resource["kind"] == "Deployment":
                    problems += problems_of_stop(resource)
        templates = {file["name"] for file in chart.templates if file["name"].endswith(".yaml")}
        if len(kinds) < len(templates):
            problems.append(f"everything.yaml does not switch everything on: {sorted(kinds)} of {sorted(templates)}")
        for why, values in REFUSED.items():
            try:
                chart.render(values, name="demo", namespace="chat")
                problems.append(f"the chart takes {why}")
            except (helm.HelmValuesError, helm.HelmRenderError):
                pass
        metadata = chart.metadata

    # Severity 1 is an advice: the chart has no icon.
    for message in helm.lint(str(CHART), LEAST)["messages"]:
        if message["severity"] > 1:
            problems.append(f"{message['path']}: {message['error']}")
    version = re.search(r'^version = "(.+)"', text("Cargo.toml"), flags=re.MULTILINE).group(1)
    if metadata["appVersion"] != version:
        problems.append(f"Chart.yaml: appVersion is {metadata['appVersion']}, and the program's version {version}")
    finish(problems)


main()
