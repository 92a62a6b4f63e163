"""The doctor's report: sections of findings, each good, worth knowing, or a problem; as data for the server's side."""

from __future__ import annotations

GOOD = "ok"
NOTE = "note"
PROBLEM = "problem"


class Section:
    """Findings about one thing."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.findings: list[dict] = []

    def good(self, text: str) -> None:
        """All is well here."""
        self._add(GOOD, text, "")

    def note(self, text: str, hint: str = "") -> None:
        """Worth knowing; the server copes."""
        self._add(NOTE, text, hint)

    def problem(self, text: str, hint: str = "") -> None:
        """Requests will wait for each other, fail, or mix."""
        self._add(PROBLEM, text, hint)

    def warning(self, text: str, level: str = PROBLEM) -> None:
        """A warning as a start prints it: its hint follows in a line of its own."""
        told, _, hint = text.partition("\nhint: ")
        self._add(level, told, hint)

    def _add(self, level: str, text: str, hint: str) -> None:
        self.findings.append({"level": level, "text": text, "hint": hint})


def as_data(sections: list[Section], **facts) -> dict:
    """The report as it travels to the server's side."""
    told = [{"title": section.title, "findings": section.findings} for section in sections if section.findings]
    problems = sum(finding["level"] == PROBLEM for section in told for finding in section["findings"])
    return {**facts, "problems": problems, "sections": told}


def listed(names: list[str], most: int) -> str:
    """Names in a sentence, the first ones of many."""
    left_out = len(names) - most
    return ", ".join(names[:most] + ([f"{left_out} more"] if left_out > 0 else []))
