"""Every CHAT_ variable in deploy/ is a setting that docs/operations.md names: the server refuses others."""

import re

from project import DEPLOY, PROJECT, finish, text

# What systemd and Compose read from files of these names is the operator's.
NOT_OURS = {"secrets", "chat.env", "__pycache__"}


def variables():
    """Each with the file that it stands in."""
    for file in sorted(DEPLOY.rglob("*")):
        if file.is_file() and not NOT_OURS & set(file.parts):
            for name in re.findall(r"\bCHAT_[A-Z][A-Z0-9_]*[A-Z0-9]", file.read_text(encoding="utf-8")):
                yield name, file.relative_to(PROJECT)


def main():
    manual = text("docs/operations.md")
    found = list(variables())
    problems = []
    for name, file in found:
        plain = name.removesuffix("_FILE")
        if f"`{name}`" not in manual and f"`{plain}`" not in manual:
            problems.append(f"{file}: {name} is no setting")
    if len(found) < 20:
        problems.append(f"found {len(found)} variables")
    finish(problems)


main()
