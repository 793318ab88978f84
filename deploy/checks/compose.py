"""What compose.yaml promises beyond what Compose itself looks at. Reads `docker-compose config --format json`."""

import json
import sys
from pathlib import Path

from project import DEPLOY, finish

def problems_of(name, service):
    for port in service.get("ports", []):
        if port.get("host_ip") != "127.0.0.1":
            yield f"{name}: publishes {port['target']} beyond loopback"
    for volume in service.get("volumes", []):
        if volume["type"] == "bind" and not Path(volume["source"]).exists():
            yield f"{name}: there is no {volume['source']}"
    if not service.get("deploy", {}).get("resources", {}).get("limits", {}).get("memory"):
        yield f"{name}: has no limit of memory"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield f"{name}: may gain privileges"
    if ":" not in service["image"] or service["image"].endswith(":latest"):
        yield f"{name}: {service['image']} is no fixed version"
    # The image of a node has its own.
    if "build" not in service and not service.get("healthcheck"):
        yield f"{name}: has no health check"
    for key, value in (service.get("environment") or {}).items():
        if any(word in key for word in ("PASSWORD", "SECRET", "KEY", "URL")) and not value.startswith("/run/secrets/"):
            yield f"{name}: {key} is no file of a secret"


def main():
    composed = json.load(sys.stdin)
    problems = []
    for name, service in composed["services"].items():
        problems += problems_of(name, service)
    for name, secret in composed["secrets"].items():
        if Path(secret["file"]).parent != DEPLOY / "secrets":
            problems.append(f"secret {name}: is not in deploy/secrets")
    makes = (DEPLOY / "make-secrets").read_text(encoding="utf-8")
    problems += [f"make-secrets does not make {name}" for name in composed["secrets"] if name not in makes]
    finish(problems)


main()
